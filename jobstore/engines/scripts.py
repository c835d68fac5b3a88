"""Reads a folder of migrations: their names, their order, their checksums.

Nothing is run here, and no database is known.

A migration is a file ``NNNN.what-it-does.sql`` with a ``NNNN.what-it-does.rollback.sql``
beside it, numbered from 0001 without a gap. Its checksum is the SHA-256 of the file's bytes
with line ends as LF, so that a file that is edited after it was applied is noticed. A rollback
has none: it may still be corrected.

A line ``-- additive`` in a migration says that programs of the version before may go on. What only
they use goes when nobody of them does any more, by ``NNNN.what-it-does.finish.sql``. A line
``-- transactional: false`` says that it is applied in steps, on engines that can.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jobstore.errors import MigrationError

_NAME = re.compile(r"(\d{4})\.[a-z0-9-]+")

_ADDITIVE = re.compile(r"^-- additive$", re.MULTILINE)
_IN_STEPS = re.compile(r"^-- transactional: false$", re.MULTILINE)
_BESIDE = (".rollback.sql", ".finish.sql")

Direction = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Script:
    """One migration as its files have it; ``checksum`` is in hexadecimal."""

    id: str
    number: int
    path: Path
    checksum: str

    @property
    def additive(self) -> bool:
        """Whether programs of the version before may go on when it is applied."""
        return _ADDITIVE.search(self.text("up")) is not None

    @property
    def in_steps(self) -> bool:
        """Whether it is applied statement by statement, each kept for itself."""
        return _IN_STEPS.search(self.text("up")) is not None

    @property
    def finish(self) -> str | None:
        """The SQL that takes away what only programs of the version before use."""
        path = _finish_of(self.path)
        return path.read_text(encoding="utf-8") if path.is_file() else None

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
        forward = [path for path in paths if not path.name.endswith(_BESIDE)]
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
    beside = {other(path) for path in forward for other in (_rollback_of, _finish_of)}
    if alone := set(paths) - set(forward) - beside:
        kind = min(alone).name.split(".")[-2]
        raise MigrationError(f"{min(alone).name} is the {kind} of no migration.")
    return scripts


def last_that_stops(scripts: Sequence[Script]) -> str:
    """Return the oldest migration whose programs may go on where all of them are finished."""
    stopping = (each.id for each in reversed(scripts) if not each.additive or each.finish)
    return next(stopping, "")


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


def _finish_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}.finish.sql")
