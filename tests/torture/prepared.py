"""What rounds have in common: the process that they fork from imports this, and so does it once."""

from __future__ import annotations

from tests.engines.harness import migrated
from tests.torture import __main__ as _campaigns  # noqa: F401 # imported, so that no round has to

migrated()
