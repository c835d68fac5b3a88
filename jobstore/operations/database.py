"""The one database of operations, beside the store: what is remembered of what was done to it.

Its tables are made by ``migrations/operations``, what is asked of them stands in
``sql/operations``. Everything here blocks.
"""

from __future__ import annotations

from jobstore.engines import small_database
from jobstore.engines.small import Statements

__all__ = ["Statements", "reading", "writing"]

_DATABASE = small_database(
    "operations",
    0x4A4F5053,  # "JOPS"
    "No posting is in it: the trend begins anew, every task is due at once, raised "
    "alerts are notified again, no deployment can be returned to, and an old signed backup may "
    "pass for the newest.",
)

reading = _DATABASE.reading
writing = _DATABASE.writing
