"""Reads a folder of migrations: their names, their order, their checksums.

Nothing is run here, and no database is known.

A migration is a file ``NNNN.what-it-does.sql`` with a ``NNNN.what-it-does.rollback.sql``
beside it, numbered from 0001 without a gap. Its checksum is the SHA-256 of the file's bytes
with line ends as LF, so that a file that is edited after it was applied is noticed. A rollback
has none: it may still be corrected.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jobstore.errors import MigrationError

_NAME = re.compile(r"(\d{4})\.[a-z0-9-]+")

Direction = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Script:
    """One migration as its files have it; ``checksum`` is in hexadecimal."""

    id: str
    number: int
    path: Path
    checksum: str

    def text(self, direction: Direction) -> str:
        """Return the SQL that applies it, or that takes it back."""
        path = self.path if direction == "up" else _rollback_of(self.path)
        return path.read_text(encoding="utf-8")


def read_scripts(folder: Path) -> list[Script]:
    """Return the migrations in ``folder``, in order.

    Raises MigrationError unless they are one whole sequence, each with its rollback, and
    nothing else lies there.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        forward = [path for path in paths if not path.name.endswith(".rollback.sql")]
        scripts = [_script(path) for path in forward]
    except OSError as error:
        raise MigrationError(
            f"The migrations cannot be read ({error}); reinstall jobstore."
        ) from error
    if not scripts:
        raise MigrationError(f"There are no migrations in {folder}; reinstall jobstore.")
    for number, script in enumerate(scripts, 1):
        if script.number != number:
            raise MigrationError(
                f"{script.path.name} follows migration {number - 1:04}, "
                f"but the next is to be {number:04}."
            )
    alone = set(paths) - set(forward) - {_rollback_of(path) for path in forward}
    if alone:
        raise MigrationError(f"{min(alone).name} is the rollback of no migration.")
    return scripts


def _script(path: Path) -> Script:
    name = _NAME.fullmatch(path.stem)
    if name is None or path.suffix != ".sql":
        raise MigrationError(f"{path.name} is not named like 0001.what-it-does.sql.")
    if not _rollback_of(path).is_file():
        raise MigrationError(f"Migration {path.stem} has no rollback beside it.")
    content = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return Script(path.stem, int(name[1]), path, hashlib.sha256(content).hexdigest())


def _rollback_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}.rollback.sql")
