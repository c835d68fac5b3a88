"""What settings allow and nobody is likely to mean.

Settings go in, sentences come out; nothing is looked at but whether programs are there. What is
wrong with settings is refused when they are read.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from jobstore.settings.sections import Settings


def warnings_of(settings: Settings) -> Iterator[str]:
    """Yield what is hardly meant in the environment that the settings are for."""
    for index, sink in enumerate(settings.alerts.sinks):
        if sink.type == "command" and shutil.which(sink.command[0]) is None:
            yield (
                f"alerts.sinks[{index}].command names a program that is not here, or may not be "
                "run; nobody is notified of an alert by it."
            )
    if settings.store.has_secret:
        yield (
            "store.url has a password in it, which shows in the list of processes where it was "
            "typed; leave it to ~/.pgpass, PGPASSWORD or a service file."
        )
    if settings.environment != "production":
        return
    if not settings.backup.places:
        yield "backup.places is empty: a disk that is lost takes the backups with it."
    if all(sink.type in ("log", "heartbeat") for sink in settings.alerts.sinks):
        yield "alerts.sinks has nothing but the log: nobody is notified of an alert."
    if settings.store.synchronous != "full":
        yield "store.synchronous is normal: a power cut may lose acknowledged writes."
