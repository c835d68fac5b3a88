"""The form in which pieces of the log lie in a place: named, described, signed, packed, unpacked.

An object has one or several parts, end to end. Each part is a line of JSON that describes it (its
header) and a payload: the pieces of the log, joined, as a frame of Zstandard, inside the age
format where there are recipients. So parts of several objects are joined by joining the objects,
without any key. The name says which store, which generation of its log, and the numbers of the
first and the last piece, so that a listing alone tells what a place has. ``previous`` and
``digest`` are the SHA-256 of the piece before the first and of the last one. Each piece holds
the SHA-256 of the one before it, so the digest of one stands for all before it. Where there is a
key, each header is signed with it: HMAC-SHA-256 over all that it says, the SHA-256 of the payload
among it.

What lies in a place may come from anybody, so everything is bounded and nothing is believed before
it was checked. When and whereto anything is shipped is not known here.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic import model_validator as validator

from jobstore.errors import BackupError
from jobstore.files import create
from jobstore.operations.backup.manifest import plain_stem
from jobstore.operations.backup.packing import Promise, blocks_of, recipients_of
from jobstore.operations.backup.packing import pack as compress
from jobstore.operations.backup.packing import unpack as decompress
from jobstore.operations.backup.places import Place
from jobstore.operations.backup.trust import Doubt, keys_of
from jobstore.progress import Progress, silent
from jobstore.scratch import disk_errors, open_regular
from jobstore.settings.sections import BackupSection

if TYPE_CHECKING:
    from jobstore.engines.log import Segment

FOLDER = "archive"
"""The folder, or prefix, of a place that objects lie in: ``place.below(FOLDER)``."""

FORMAT: Literal[1] = 1
SUFFIX = ".log"
LONGEST_HEADER = 4096
"""Bytes that a header has at most, its end of line included."""

MOST_OCTETS = 512 * 1024**2
"""Bytes of pieces in one part at most."""

_PURPOSE = b"jobstore archive segment\n"
_NAME = re.compile(
    rf"([A-Za-z0-9_-]{{1,80}})-([0-9a-f]{{16}})-([0-9]{{10}})-([0-9]{{10}}){re.escape(SUFFIX)}"
)

_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Number = Annotated[int, Field(ge=1, lt=10**10)]
_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Moment = Annotated[float, Field(ge=0, lt=2**40, allow_inf_nan=False)]


class Name(NamedTuple):
    """The name of an object, taken apart; ``size`` is its bytes, 0 where they are not known."""

    stem: str
    generation: str
    first: int
    last: int
    file: str
    size: int = 0


class Shipped(BaseModel):
    """One part of an object, as its header describes it.

    ``store`` is the same as in manifests of backups. ``first`` and ``last`` are numbers of pieces.
    What was committed before ``since`` (Unix time) is in earlier ones, what was before
    ``captured_at`` in this one or an earlier one; ``stamp`` is the last second that a write in it
    began in, ``None`` where none says so. ``octets`` is the size of the pieces, ``size`` and
    ``sha256`` are those of the payload.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    format: Literal[1]
    store: Annotated[str, StringConstraints(max_length=200)]
    generation: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    first: _Number
    last: _Number
    since: _Moment
    captured_at: _Moment
    stamp: _Count | None
    previous: _Hash | None
    digest: _Hash
    octets: Annotated[int, Field(ge=1, le=MOST_OCTETS)]
    compression: Literal["zstd"]
    encryption: Literal["age"] | None
    size: _Count
    sha256: _Hash
    signature: _Hash | None = None

    @validator(mode="after")
    def _consistent(self) -> Self:
        if self.last < self.first:
            raise ValueError("the last piece is before the first")
        # What cannot be compressed grows by less, also where it is encrypted.
        if self.size > self.octets + self.octets // 64 + 1024**2:
            raise ValueError("no pieces are stored in so many bytes")
        return self

    @property
    def what(self) -> str:
        """What it is called in messages."""
        return f"Part {self.generation}-{self.first}-{self.last} of the log"

    @property
    def promise(self) -> Promise:
        """What it says of its payload."""
        return Promise(self.what, self.encryption, self.size, self.sha256, self.octets)

    def to_line(self) -> bytes:
        """Return it as it stands before its payload."""
        return self.model_dump_json().encode("ascii") + b"\n"


def name_of(stem: str, generation: str, first: int, last: int) -> str:
    """Return the name of the object with these pieces; ``stem`` is that of the store's file."""
    return f"{plain_stem(stem)}-{generation}-{first:010}-{last:010}{SUFFIX}"


def parse_name(file: str, size: int = 0) -> Name | None:
    """Return what a name says; ``None`` for one that is not the name of an object."""
    found = _NAME.fullmatch(file)
    if found is None or not 1 <= int(found[3]) <= int(found[4]):
        return None
    return Name(found[1], found[2], int(found[3]), int(found[4]), file, size)


def listing(place: Place) -> tuple[list[Name], list[str]]:
    """Return the objects that lie in a place, sorted by generation and number; none is read.

    ``place`` is the one :meth:`~.Place.below` that is called FOLDER. Also tells what is wrong with
    files that look like objects. Raises BackupError when the place cannot be reached.
    """
    found, faults = [], []
    for file, size in place.sizes().items():
        name = parse_name(file, size)
        if name is not None and size > 0:
            found.append(name)
        elif file.endswith(SUFFIX):
            faults.append(f"{file} is no part of a log; remove it.")
    return sorted(found, key=lambda each: (each.generation, each.first, -each.last)), faults


def parse_header(data: bytes) -> tuple[Shipped, int]:
    """Return the header that ``data`` begins with, and where its payload begins.

    Raises BackupError for one that is damaged, or that a newer jobstore wrote.
    """
    try:
        end = data.index(b"\n", 0, LONGEST_HEADER) + 1
        form = json.loads(data[:end], object_pairs_hook=_without_repetition)["format"]
        if isinstance(form, int) and form > FORMAT:
            raise BackupError("A part of the log was made by a newer jobstore; upgrade jobstore.")
        return Shipped.model_validate_json(data[:end]), end
    except (ValidationError, ValueError, TypeError, KeyError, RecursionError):
        raise BackupError("The header of a part of the log is damaged; use another copy.") from None


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Which of two values holds is for each reader to say, so neither does.
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a name stands there twice")
    return found


def header(place: Place, name: Name) -> Shipped:
    """Return the header of an object's first part. Raises BackupError."""
    return parse_header(place.read(name.file))[0]


def pack(
    pieces: Sequence[Segment],
    target: Path,
    *,
    section: BackupSection,
    store: str,
    since: float | None = None,
    previous: str | None = None,
) -> Shipped:
    """Make ``target`` an object of one part, of pieces that follow each other; returns its header.

    ``since`` and ``previous`` are of the piece before the first, as far as they are known. A
    second file stands beside ``target`` meanwhile. Raises BackupError and StorageFull.
    """
    first, last = pieces[0], pieces[-1]
    recipients, keys = recipients_of(section.recipients), keys_of(section)
    payload = target.with_name(f"{target.name}.payload")
    with disk_errors(target.parent):
        try:
            packed = compress(
                [each.path for each in pieces],
                payload,
                recipients=recipients,
                progress=silent,
                alike=True,
            )
            stamps = [each.last for each in pieces if each.last is not None]
            shipped = Shipped(
                format=FORMAT,
                store=store,
                generation=first.generation,
                first=first.number,
                last=last.number,
                since=first.captured_at if since is None else since,
                captured_at=last.captured_at,
                stamp=stamps[-1] if stamps else None,
                previous=previous,
                digest=digest_of(last.path),
                octets=sum(each.path.stat().st_size for each in pieces),
                compression="zstd",
                encryption="age" if recipients else None,
                **packed._asdict(),
            )
            if keys:
                signature = _signature(shipped, keys[0])
                shipped = shipped.model_copy(update={"signature": signature})
            with create(target) as stream:
                stream.write(shipped.to_line())
                for block in blocks_of(payload, "join", silent):
                    stream.write(block)
        finally:
            payload.unlink(missing_ok=True)
    return shipped


def digest_of(piece: Path) -> str:
    """Return the SHA-256 of a piece."""
    with piece.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def unpack(
    place: Place,
    name: Name,
    scratch: Path,
    *,
    section: BackupSection,
    store: str | None,
    identities: Sequence[Any],
    accept: Collection[Doubt] = (),
    progress: Progress = silent,
) -> list[Path]:
    """Return the pieces of an object, in a file for each of its parts, in ``scratch``.

    ``store`` is whose they have to be, ``None`` for anybody's. Raises BackupError for what is
    not believed (see :func:`doubt`), damaged, changed, not encrypted to one of ``identities``, or
    something else than its name says, and StorageFull.
    """
    with disk_errors(scratch):
        stored, _ = place.download(name.file, scratch, progress, name.size or MOST_OCTETS)
        try:
            return _unpack(stored, name, scratch, section, store, identities, accept, progress)
        finally:
            if stored.parent == scratch:
                stored.unlink(missing_ok=True)


def _unpack(
    stored: Path,
    name: Name,
    scratch: Path,
    section: BackupSection,
    store: str | None,
    identities: Sequence[Any],
    accept: Collection[Doubt],
    progress: Progress,
) -> list[Path]:
    found: list[Path] = []
    for shipped, start in parts_of(stored, name):
        told = doubt(shipped, section, accept)
        if told is None and store not in (None, shipped.store):
            told = f"{shipped.what} is that of another store."
        if told is None and shipped.encryption is not None and not identities:
            told = (
                f"{shipped.what} is encrypted; name the file with the secret key in the "
                "configuration (backup: identity_file) or with --identity."
            )
        if told is not None:
            raise BackupError(told)
        target = scratch / f"{shipped.generation}-{shipped.first:010}-{shipped.last:010}.pieces"
        target.unlink(missing_ok=True)
        try:
            decompress(
                stored,
                target,
                shipped.promise,
                identities=identities,
                progress=progress,
                start=start,
            )
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        found.append(target)
    return found


def parts_of(stored: Path, name: Name) -> list[tuple[Shipped, int]]:
    """Return the headers of an object that is a file here, and where their payloads begin.

    Raises BackupError unless they follow each other and are what the name says.
    """
    with disk_errors(stored.parent), open_regular(stored) as stream:
        found = [*_parts(stream)]
    shipped = [each for each, _ in found]
    whole = bool(shipped) and (shipped[0].first, shipped[-1].last) == (name.first, name.last)
    if not whole or any(each.generation != name.generation for each in shipped):
        raise BackupError(f"{name.file} holds something else than its name says; use another.")
    for before, after in pairwise(shipped):
        if not follows(before, after):
            raise BackupError(f"The parts of {name.file} do not follow each other; use another.")
    return found


def follows(before: Shipped, after: Shipped) -> bool:
    """Tell whether a part is the next one after another one of the same log."""
    return (
        (before.store, before.generation, before.last + 1)
        == (after.store, after.generation, after.first)
    ) and after.previous in (None, before.digest)


def _parts(stream: BinaryIO) -> Iterable[tuple[Shipped, int]]:
    start = 0
    while line := stream.read(LONGEST_HEADER):
        shipped, offset = parse_header(line)
        yield shipped, start + offset
        start += offset + shipped.size
        stream.seek(start - 1)
        if not stream.read(1):
            raise BackupError(f"{shipped.what} ends too early; use another copy.")


def doubt(shipped: Shipped, section: BackupSection, accept: Collection[Doubt] = ()) -> str | None:
    """Say why a part is not believed by these settings; ``None`` where it is."""
    keys, given = keys_of(section), shipped.signature
    if keys and "unsigned" not in accept:
        if given is None:
            return (
                f"{shipped.what} is not signed; if you know where it comes from, add "
                "--accept unsigned."
            )
        if not any(hmac.compare_digest(given, _signature(shipped, key)) for key in keys):
            return (
                f"{shipped.what} was signed with another key, or changed since; if you know where "
                "it comes from, add --accept unsigned, or let backup.key have the key that it was "
                "signed with."
            )
    if section.recipients and shipped.encryption is None and "unencrypted" not in accept:
        return (
            f"{shipped.what} is not encrypted, although backup.recipients are set; if you know "
            "where it comes from, add --accept unencrypted."
        )
    return None


def _signature(shipped: Shipped, key: bytes) -> str:
    """Return the HMAC of all that a header says but its signature."""
    said = shipped.model_dump(exclude={"signature"})
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, _PURPOSE + text.encode("ascii"), "sha256").hexdigest()
