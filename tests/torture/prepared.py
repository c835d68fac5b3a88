"""What rounds begin with: the process that they fork from imports this, and so makes it once."""

from __future__ import annotations

from tests.engines.harness import migrated

migrated()
