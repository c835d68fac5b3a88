"""How archiving stands, for people, health and alerts; whoever archives writes it down here.

It is a small file in the state folder, written anew now and then. Nothing that archiving does
follows from it but one thing: it remembers how far the log was, so that an end that was cut off
can be told. A second archiver has a file of its own. Everything here blocks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobstore.engines import log_of
from jobstore.files import replacing
from jobstore.operations.backup.catalog import open_places
from jobstore.scratch import make_folder

if TYPE_CHECKING:
    from jobstore.settings.sections import Settings

FILE = "archive.json"
SECOND_FILE = "archive-second.json"
BETWEEN = 5.0
"""Seconds after which an archiver writes anew how it stands."""

# Seconds after which an archiver that was not heard of is taken to be gone.
_GONE = 6 * BETWEEN
_MOST_OCTETS = 1024**2


@dataclass(frozen=True, slots=True)
class PlaceStanding:
    """How one place stands.

    Every write before the Unix time ``until`` is there; ``None`` where that is not known. ``fault``
    says why it gets nothing since ``since``. ``foreign``: another archiver of the same store
    brings its log there, too. ``warnings`` are about objects that lie there.
    """

    place: str
    until: float | None = None
    generation: str | None = None
    segment: int | None = None
    fault: str | None = None
    since: float | None = None
    foreign: bool = False
    warnings: tuple[str, ...] = ()

    def lag(self, now: float) -> float | None:
        """Return how many seconds the place is behind, at Unix time ``now``."""
        return None if self.until is None else max(0.0, now - self.until)


@dataclass(frozen=True, slots=True)
class Standing:
    """How archiving stands at the Unix time ``at``.

    ``process`` archives since ``started_at``; ``None`` where none is known to. ``generation`` and
    ``segment`` are the newest place in the log; ``octets`` wait beside the store, of at most
    ``limit``. ``broken`` says why the log had to begin anew, until there is a backup for it;
    ``fault`` why nothing can be kept, or no backup be made. ``second`` is a process that would
    archive as well, and stands by.
    """

    at: float
    process: int | None
    started_at: float | None
    generation: str
    segment: int
    octets: int
    limit: int
    wait: bool
    broken: str | None
    fault: str | None
    second: int | None
    places: tuple[PlaceStanding, ...] = field(default=())

    @property
    def lag(self) -> float | None:
        """The seconds that the worst place is behind; ``None`` where one has nothing yet."""
        found = [lag for each in self.places if (lag := each.lag(self.at)) is not None]
        return max(found, default=0.0) if len(found) == len(self.places) else None


@dataclass(frozen=True, slots=True)
class Written:
    """What an archiver writes down; ``process`` is ``None`` once it has ended."""

    at: float
    process: int | None
    started_at: float
    store: str
    generation: str
    segment: int
    fault: str | None
    places: tuple[PlaceStanding, ...]


def standing(settings: Settings) -> Standing | None:
    """Return how archiving stands; ``None`` where no log of the store is kept.

    Places are not asked. Raises what reading the spool raises, and StoreUnavailable for an engine
    that has no log.
    """
    at = time.time()
    kept = log_of(settings.store.address).kept(settings.store.address)
    if kept is None:
        return None
    written = read(settings)
    second = _read(settings.state_folder / SECOND_FILE)
    known = {} if written is None else {each.place: each for each in written.places}
    alive = written is not None and abs(at - written.at) < _GONE
    names = [each.name for each in open_places(settings)]
    return Standing(
        at=at,
        process=written.process if written is not None and alive else None,
        started_at=written.started_at if written is not None and alive else None,
        generation=kept.mark.generation,
        segment=kept.mark.segment,
        octets=kept.octets,
        limit=kept.limit,
        wait=kept.wait,
        broken=kept.broken,
        fault=None if written is None else written.fault,
        second=_second(second, at),
        places=tuple(known.get(each, PlaceStanding(each)) for each in names),
    )


def read(settings: Settings) -> Written | None:
    """Return what the archiver last wrote; ``None`` where that is missing or damaged."""
    found = _read(settings.state_folder / FILE)
    # Whatever else than what was written stands there is as good as nothing.
    with suppress(TypeError, ValueError, KeyError, AttributeError):
        places = tuple(
            PlaceStanding(**{**each, "warnings": tuple(each["warnings"])})
            for each in found.pop("places")
        )
        return Written(**found, places=places)
    return None


def write(settings: Settings, written: Written) -> None:
    """Write down how archiving stands. Raises OSError and BackupError."""
    _write(settings.state_folder / FILE, asdict(written))


def write_second(settings: Settings, process: int, at: float) -> None:
    """Write down that a second archiver stands by. Raises OSError and BackupError."""
    _write(settings.state_folder / SECOND_FILE, {"process": process, "at": at})


def is_on(settings: Settings) -> bool:
    """Return whether a log of the store is to be kept, also where what is kept cannot be read.

    Raises StoreUnavailable for an engine that has no log.
    """
    url = settings.store.address
    log = log_of(url)
    return log.folder(url).exists() or log.is_lost(url)


def switch_off(settings: Settings) -> None:
    """Keep no log of the store from now on, and remove what waits; what places have stays.

    An archiver that works ends. Raises what ``Log.stop`` raises.
    """
    log_of(settings.store.address).stop(settings.store.address)
    for name in (FILE, SECOND_FILE):
        (settings.state_folder / name).unlink(missing_ok=True)


def _second(found: Mapping[str, Any], at: float) -> int | None:
    process, seen = found.get("process"), found.get("at")
    if isinstance(process, int) and isinstance(seen, float) and abs(at - seen) < _GONE:
        return process
    return None


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError, RecursionError), path.open("rb") as stream:
        found = json.loads(stream.read(_MOST_OCTETS))
        if isinstance(found, dict):
            return found
    return {}


def _write(path: Path, said: Mapping[str, Any]) -> None:
    make_folder(path.parent)
    with replacing(path) as stream:
        stream.write(json.dumps(said).encode("ascii"))
