"""``python -m tests.migration.write_schema``: writes ``sql/sqlite/schema.sql`` anew."""

from __future__ import annotations

from jobstore.resources import sql_files
from tests.unit.sqlite.library import library

_HEAD = """\
-- The schema of a store, as its migrations make it. Read this first; to change it, add a
-- migration, and write this file anew: python -m tests.migration.write_schema
--
-- There are no foreign keys: each cost some write more than 2%, as migrations/sqlite/0007.rules.sql
-- says with the figures. posting_text has the place of its posting, and revision its id.

"""
_MADE = """
SELECT s.sql FROM sqlite_schema AS s
WHERE s.sql IS NOT NULL AND s.name NOT GLOB 'text_index_*'
ORDER BY s.tbl_name <> 'posting', s.type = 'view', s.rowid
"""


def written() -> str:
    """Return what the file is to hold."""
    return _HEAD + "\n\n".join(f"{sql};" for (sql,) in library().execute(_MADE)) + "\n"


if __name__ == "__main__":
    (sql_files("sqlite")[0].parent / "schema.sql").write_text(written(), encoding="utf-8")
