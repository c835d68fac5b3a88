"""How much room a store takes, and whether there is room for more."""

from __future__ import annotations

import os
from pathlib import Path

from jobstore.scratch import require_space

# Where SQLite puts temporary files unless the environment says so, in its order
# (https://sqlite.org/tempfiles.html, section 5). They are only looked at here.
_TEMPORARY = ("/var/tmp", "/usr/tmp", "/tmp")  # noqa: S108  # nosec


def size_of(path: Path) -> int:
    """Return the bytes of a database and its WAL."""
    return sum(each.stat().st_size for each in (path, Path(f"{path}-wal")) if each.is_file())


def require_space_to_vacuum(path: Path, octets: int) -> None:
    """Raise StorageFull unless a database whose content takes ``octets`` can be written anew.

    SQLite writes it to a temporary file, and then into the WAL.
    """
    temporary, folder = _temporary_folder(), path.parent
    shared = temporary.stat().st_dev == folder.stat().st_dev
    require_space(folder, octets * (2 if shared else 1), others=False)
    require_space(temporary, octets, others=False)


def _temporary_folder() -> Path:
    named = (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"))
    for each in (*named, *_TEMPORARY):
        if each and Path(each).is_dir() and os.access(each, os.W_OK | os.X_OK):
            return Path(each)
    return Path()
