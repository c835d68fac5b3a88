"""A next version of this package: its index has another form, and there is one migration more."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.databases import REPOSITORY


def make(folder: Path) -> Path:
    """Make it in ``folder``, which is not there yet; return from where it is imported."""
    for name in ("jobstore", "sql", "migrations"):
        shutil.copytree(REPOSITORY / name, folder / name)
    rebuilding = folder / "jobstore/engines/sqlite/upkeep/rebuilding.py"
    text = rebuilding.read_text(encoding="utf-8")
    rebuilding.write_text(text.replace("DERIVED_FORM = 5", "DERIVED_FORM = 6"), encoding="utf-8")
    migration = folder / "migrations/sqlite/0011.next.sql"
    migration.write_text("CREATE TABLE next (id INTEGER PRIMARY KEY) STRICT;\n", encoding="utf-8")
    migration.with_name("0011.next.rollback.sql").write_text(
        "DROP TABLE next;\nUPDATE store_property SET value = X'05'\n"
        "WHERE store_property.name = 'derived_form';\n",
        encoding="utf-8",
    )
    return folder
