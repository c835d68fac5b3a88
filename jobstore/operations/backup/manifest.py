"""What stands beside each backup and says what it holds.

Only the form lives here: the fields, their names in JSON, what is refused. A manifest may come
from anywhere, so everything in it is bounded, and nothing is believed before it was compared with
the backup itself. Who signed it is asked in :mod:`jobstore.operations.backup.trust`.
"""

from __future__ import annotations

import json
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from jobstore.errors import BackupError
from jobstore.moments import in_name
from jobstore.operations.backup.packing import Promise

FORMAT: Literal[1] = 1
"""The version of the form that this jobstore writes, and the newest that it reads."""

SUFFIX = ".json"
MOST_OCTETS = 256 * 1024
"""Bytes that a manifest has at most."""
LONGEST_REASON = 1000
"""Characters that a reason has at most."""

BEFORE_RESTORE = "before a restore"
"""The reason of a backup of what a restore replaced: it is restored by its name only."""

# Clocks of machines that share backups differ a little.
_LEEWAY = timedelta(minutes=5)

_NAME = re.compile(r"[A-Za-z0-9_-]{1,200}")
_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Word = Annotated[str, StringConstraints(max_length=200)]
# Room on both sides for reckoning with days, weeks and time zones.
_Moment = Annotated[
    AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(9000, 1, 1, tzinfo=UTC))
]


class LogPlace(BaseModel):
    """Where a backup stands in the log of its store, so that the log can be replayed onto it.

    ``generation`` and ``segment`` are the mark that was taken before the copy; what was in the
    log up to there is in the copy. ``through`` is the last segment that something in the copy may
    be in: replaying ends there or later. ``second`` is the stamp of the copy, the Unix second
    in which the last of its transactions began. ``order`` is the same for all backups of a
    generation, and grows from one generation of a store to the next, also where a clock was set
    back.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    generation: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    order: _Count
    segment: _Count
    through: _Count
    second: _Count


class Manifest(BaseModel):
    """One backup, as the file beside it describes it.

    ``created_at`` is the moment of the copy: what was acknowledged before is in it. ``store``
    tells the backups of one store from those of others, and is the same after a restore.
    ``size`` and ``sha256`` are those of the stored file, ``database_size`` is that of the
    database inside; all sizes are bytes. ``tables`` has the rows of each table, ``digest`` is
    explained in :mod:`jobstore.engines.sqlite.upkeep.content`. Where there is a key, ``signature``
    is the HMAC-SHA-256 of all the rest, and ``counter`` grows from backup to backup of a store.
    ``log`` is where it stands in the log, ``None`` where none was kept.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    format: Literal[1]
    name: Annotated[str, Field(pattern=f"^{_NAME.pattern}$")]
    created_at: _Moment
    reason: Annotated[str, StringConstraints(max_length=LONGEST_REASON)]
    jobstore: _Word
    store: _Word
    migrations: Annotated[tuple[_Word, ...], Field(max_length=1000)]
    tables: Annotated[dict[_Word, _Count], Field(max_length=1000)]
    digest: _Hash
    database_size: _Count
    compression: Literal["zstd"]
    encryption: Literal["age"] | None
    size: _Count
    sha256: _Hash
    log: LogPlace | None = None
    counter: _Count | None = None
    signature: _Hash | None = None

    @property
    def replaced(self) -> bool:
        """Whether it keeps what a restore replaced, or was about to."""
        return self.reason == BEFORE_RESTORE

    @model_validator(mode="after")
    def _no_larger_than_what_is_inside(self) -> Self:
        # What cannot be compressed grows by less, also where it is encrypted.
        if self.size > self.database_size + self.database_size // 64 + 1024**2:
            raise ValueError("no database is stored in so many bytes")
        return self

    @property
    def file(self) -> str:
        """The name of the file that this describes."""
        return f"{self.name}.db.zst{'' if self.encryption is None else '.age'}"

    @property
    def promise(self) -> Promise:
        """What it says of the stored file."""
        what = f"Backup {self.name}"
        return Promise(what, self.encryption, self.size, self.sha256, self.database_size)

    @property
    def log_place(self) -> LogPlace:
        """Where it stands in the log. Raises ValueError where none was kept."""
        if self.log is None:
            raise ValueError("a backup without a place in the log")
        return self.log

    @property
    def postings(self) -> int:
        """How many postings it holds."""
        return self.tables.get("posting", 0)

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        # What is not there is left out, so that an earlier jobstore reads what it can use.
        left_out = {"log"} if self.log is None else None
        return self.model_dump_json(indent=2, exclude=left_out).encode() + b"\n"


def parse_manifest(data: bytes, name: str) -> Manifest:
    """Return the manifest that ``data`` is, of the backup ``name``.

    Raises BackupError for one that is damaged, or that a newer jobstore wrote.
    """
    try:
        if len(data) > MOST_OCTETS:
            raise ValueError("too long")
        form = json.loads(data, object_pairs_hook=_without_repetition)["format"]
        if isinstance(form, int) and form > FORMAT:
            raise BackupError(f"Backup {name} was made by a newer jobstore; upgrade jobstore.")
        manifest = Manifest.model_validate_json(data)
    except (ValidationError, ValueError, TypeError, KeyError, RecursionError):
        raise BackupError(f"The manifest of backup {name} is damaged; use another copy.") from None
    if manifest.name != name:
        raise BackupError(f"The manifest of backup {name} is that of another one; use another.")
    return manifest


def is_name(text: str) -> bool:
    """Return whether a backup may be called so."""
    return _NAME.fullmatch(text) is not None


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Which of two values holds is for each reader to say, so neither does.
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a name stands there twice")
    return found


def ahead(moment: datetime) -> bool:
    """Return whether a moment lies in the future, so that the clock was wrong then or is now."""
    return moment > datetime.now(UTC) + _LEEWAY


def age_order(manifest: Manifest) -> tuple[bool, datetime, str]:
    """Return what sorts backups, the newest last.

    Those of the future come first: how new they are is not known, so none of them is taken for
    the newest while there are others.
    """
    return not ahead(manifest.created_at), manifest.created_at, manifest.name


def new_name(stem: str, moment: datetime) -> str:
    """Return the name of a new backup, such as ``jobs-20260301T120000Z-1f3a9c``.

    Names sort by time. The end keeps apart what was made in one second.
    """
    return f"{plain_stem(stem)}-{in_name(moment)}-{secrets.token_hex(3)}"


def plain_stem(stem: str) -> str:
    """Return what names of files begin with that belong to a store of that name."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", stem).strip("-")[:80] or "store"
