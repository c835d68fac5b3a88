"""How a store is driven, and what the environment alone says about it.

This is what :func:`jobstore.connect` goes by. Files are no concern of this module; they are
read in :mod:`jobstore.settings.loading`. pydantic-settings is imported only when the
environment is read, since it takes longer than everything else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from jobstore.errors import StoreUnavailable
from jobstore.settings.url import DEFAULT_URL


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

    Raises ValueError for anything else.
    """

    synchronous: Literal["full", "normal"] = "full"
    readers: int = 3
    queue_size: int = 10_000
    busy_timeout: float = 30.0
    read_timeout: float = 30.0

    def __post_init__(self) -> None:
        if self.synchronous not in ("full", "normal"):
            raise ValueError("synchronous must be full or normal")
        if not 1 <= self.readers <= 64:
            raise ValueError("readers must be 1 to 64")
        if not 1 <= self.queue_size <= 1_000_000:
            raise ValueError("queue_size must be 1 to 1000000")
        for name in ("busy_timeout", "read_timeout"):
            if not 0 < getattr(self, name) <= 86_400:
                raise ValueError(f"{name} must be more than 0 and at most 86400 seconds")


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Everything that the environment says about a store."""

    url: str = DEFAULT_URL
    options: EngineOptions = field(default_factory=EngineOptions)


def read_environment() -> StoreSettings:
    """Return the settings that the process's environment gives.

    JOBSTORE_URL, JOBSTORE_SYNCHRONOUS, JOBSTORE_READERS, JOBSTORE_QUEUE_SIZE,
    JOBSTORE_BUSY_TIMEOUT and JOBSTORE_READ_TIMEOUT; one that is absent or empty keeps its
    default. Raises StoreUnavailable that names every variable that is wrong, without its
    value.
    """
    from pydantic import ValidationError
    from pydantic_settings import BaseSettings, SettingsConfigDict

    usual = EngineOptions()

    class Environment(BaseSettings):
        model_config = SettingsConfigDict(env_prefix="JOBSTORE_", env_ignore_empty=True)

        url: str = DEFAULT_URL
        synchronous: Literal["full", "normal"] = usual.synchronous
        readers: int = usual.readers
        queue_size: int = usual.queue_size
        busy_timeout: float = usual.busy_timeout
        read_timeout: float = usual.read_timeout

    try:
        given = Environment().model_dump()
        return StoreSettings(given.pop("url"), EngineOptions(**given))
    except ValidationError as error:
        wrong = "; ".join(
            f"JOBSTORE_{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors()
        )
        raise StoreUnavailable(wrong) from None
    except ValueError as error:
        name, _, rest = str(error).partition(" ")
        raise StoreUnavailable(f"JOBSTORE_{name.upper()} {rest}") from None
