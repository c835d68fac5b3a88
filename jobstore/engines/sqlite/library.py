"""The SQLite that Python is linked with: what it must be able to do, and its known faults."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from jobstore.engines.backend import Library

# The first with everything the schema and the statements use; STRICT tables came with 3.37.
LEAST_SQLITE = (3, 38, 0)


def library() -> Library:
    """Return what is known of the SQLite that Python is linked with."""
    version = sqlite3.sqlite_version
    usable, detail = True, f"{version}, without the WAL-reset race"
    if sqlite3.sqlite_version_info < LEAST_SQLITE:
        least = ".".join(map(str, LEAST_SQLITE))
        usable, detail = False, f"{version} is too old; {least} is needed"
    elif not _has_full_text():
        usable, detail = False, f"{version} is built without FTS5"
    elif wal_reset_race(sqlite3.sqlite_version_info):
        detail = f"{version} has the WAL-reset race; a lock file guards against it"
    advice = "" if usable else "Use a Python that is linked with a newer SQLite, with FTS5."
    return Library("sqlite", version, usable, detail, advice)


def _has_full_text() -> bool:
    with closing(sqlite3.connect(":memory:")) as conn:
        return ("ENABLE_FTS5",) in conn.execute("PRAGMA compile_options").fetchall()


def wal_reset_race(version: tuple[int, int, int]) -> bool:
    """Whether that version of SQLite can corrupt a WAL that two connections write at once.

    Affected are 3.7.0 to 3.51.2, except 3.50.7 and 3.44.6 and what followed on their branches
    (https://sqlite.org/wal.html#walresetbug).
    """
    repaired = (
        version >= (3, 51, 3)
        or (3, 50, 7) <= version < (3, 51, 0)
        or (3, 44, 6) <= version < (3, 45, 0)
    )
    return version >= (3, 7, 0) and not repaired
