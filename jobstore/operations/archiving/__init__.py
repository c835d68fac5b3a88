"""The log of every write, kept in every place beside the backups, so that any second can be had.

:mod:`~jobstore.operations.archiving.segments` has the form in which it lies there,
:mod:`~jobstore.operations.archiving.shipping` brings it there, and
:mod:`~jobstore.operations.archiving.restoring` gives the store back as it was at a second. What
other parts of jobstore call is named here.
"""

from jobstore.operations.archiving.drills import Drill, drill
from jobstore.operations.archiving.restoring import Stretch, moments, restore_at
from jobstore.operations.archiving.retention import Tidied, backups_in_use, tidy, tidy_all

__all__ = [
    "Drill",
    "Stretch",
    "Tidied",
    "backups_in_use",
    "drill",
    "moments",
    "restore_at",
    "tidy",
    "tidy_all",
]
