"""What a program may pass instead of settings: how a store is driven, and what health goes by."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any, Literal

MOST = {"readers": 64, "queue_size": 1_000_000}
"""What is counted may be 1 to these."""
MOST_SECONDS = 86_400
"""What a timeout may be at most; it must be more than 0."""
MOST_OF_ACTOR = 200
"""Characters that the name of who writes may have."""


def is_actor(name: object) -> bool:
    """Tell whether this can be the name of who writes."""
    return isinstance(name, str) and len(name) <= MOST_OF_ACTOR and name.isprintable()


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How an engine is driven.

    ``synchronous``: ``"full"`` keeps every acknowledged write through a power cut; ``"normal"``
    is faster and may lose the last ones then (never in a crash of the program alone).
    ``readers``: connections that read in parallel, 1 to 64.
    ``queue_size``: writes that may wait for the writer, 1 to 1,000,000; more wait for a place.
    ``busy_timeout``: seconds a write waits for its turn, in the queue and for other processes
    together, before StoreBusy; ``read_timeout``: seconds a read may take before StoreTimeout.
    Both more than 0, at most 86,400.
    ``switch_interval``: seconds after which a thread lets others of the process run Python, while
    a store is open; 0 to 1, where 0 leaves the interval of the process alone. With Python's own, 5
    ms, reads wait long beside writers of the same process.
    ``read_from``: ``"replica"`` reads from standbys among the hosts of the URL where there are any,
    which may be a moment behind (:meth:`jobstore.JobStore.at_least`); an engine without standbys
    reads where it writes.

    ``actor``: who writes, as the history of postings tells it; at most 200 characters, and
    ``user@host`` where it is empty.

    ``given`` are the names of the options that were passed. Those that were not are open:
    :func:`jobstore.connect` takes them from the settings that hold, and an engine that is opened
    without it takes the defaults.

    Raises ValueError for anything else.
    """

    synchronous: Literal["full", "normal"] = "full"
    readers: int = 3
    queue_size: int = 10_000
    busy_timeout: float = 30.0
    read_timeout: float = 30.0
    switch_interval: float = 0.0005
    read_from: Literal["primary", "replica"] = "primary"
    actor: str = ""
    given: frozenset[str] = field(init=False, repr=False, compare=False)

    def __new__(cls, *values: Any, **named: Any) -> EngineOptions:
        """Note what is passed; a default that is passed cannot be told from an open one later."""
        options = object.__new__(cls)
        names = [each.name for each in fields(cls) if each.init]
        object.__setattr__(options, "given", frozenset({*names[: len(values)], *named}))
        return options

    def __post_init__(self) -> None:
        if self.synchronous not in ("full", "normal"):
            raise ValueError("synchronous must be full or normal")
        if self.read_from not in ("primary", "replica"):
            raise ValueError("read_from must be primary or replica")
        if not is_actor(self.actor):
            raise ValueError(
                f"actor must be text of at most {MOST_OF_ACTOR} characters, in one line"
            )
        for name, most in MOST.items():
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be 1 to {most}")
        for name in ("busy_timeout", "read_timeout"):
            if not 0 < getattr(self, name) <= MOST_SECONDS:
                raise ValueError(f"{name} must be more than 0 and at most {MOST_SECONDS} seconds")
        if not 0 <= self.switch_interval <= 1:
            raise ValueError("switch_interval must be 0 to 1 seconds")

    @property
    def is_complete(self) -> bool:
        """Whether every option was passed, so that no setting has a say."""
        return len(self.given) == len(fields(self)) - 1


MOST_MISSES = 1000
"""The most runs that may have to miss a posting."""
LONGEST_ABSENCE = timedelta(days=3650)
"""The longest that a posting may have to be absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRules:
    """When postings of a source are closed because runs do not see them any more.

    ``close_after_misses``: complete runs in a row that have to miss a posting, 1 to 1,000: 1 for an
    interface that gives everything, 4 for a listing whose pages are unreliable. ``close_after``:
    how long ago it must have been seen last, up to ten years. ``min_completeness``: the share of
    what was open that a run has to see, 0 to 1, to be believed.

    Raises ValueError for anything else.
    """

    close_after_misses: int = 2
    close_after: timedelta = timedelta(hours=48)
    min_completeness: float = 0.5

    def __post_init__(self) -> None:
        if not 1 <= self.close_after_misses <= MOST_MISSES:
            raise ValueError(f"close_after_misses must be 1 to {MOST_MISSES:,}")
        if not timedelta(0) <= self.close_after <= LONGEST_ABSENCE:
            raise ValueError("close_after must be a timedelta of 0 to 3,650 days")
        if not 0 <= self.min_completeness <= 1:
            raise ValueError("min_completeness must be 0 to 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthLimits:
    """What health checks go by.

    ``timeout``: seconds for each check, then it fails. ``get_ms``, ``search_ms``,
    ``statistics_ms``: milliseconds (95th percentile) above which a check warns; above twice as
    many it fails. ``write_ms``: the same for having the disk keep something. ``disk_*``: free
    disk in percent, ``wal_*`` and ``memory_warn_mib`` MiB, ``queue_warn`` the share of the
    queue that is filled.
    """

    timeout: float = 5.0
    get_ms: float = 50.0
    search_ms: float = 50.0
    statistics_ms: float = 50.0
    write_ms: float = 50.0
    disk_warn_percent: float = 20.0
    disk_fail_percent: float = 10.0
    wal_warn_mib: float = 256
    wal_fail_mib: float = 1024
    wal_held_mib: float = 64
    memory_warn_mib: float = 1024
    queue_warn: float = 0.5
