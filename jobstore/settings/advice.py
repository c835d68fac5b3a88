"""What settings allow and nobody is likely to mean.

Pure: settings go in, sentences come out. What is wrong with them is refused when they are read.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobstore.settings.sections import Settings

# Fewer operations at once than this show little of a store that many use.
_SIMULTANEOUS = 100


def warnings_of(settings: Settings) -> Iterator[str]:
    """Yield what is hardly meant in the environment that the settings are for."""
    if settings.environment == "development":
        return
    if settings.deployment.simultaneous < _SIMULTANEOUS:
        yield (
            f"deployment.simultaneous is below {_SIMULTANEOUS}: a deployment tries too little at "
            "once."
        )
    if settings.environment != "production":
        return
    if not settings.backup.places:
        yield "backup.places is empty: a disk that is lost takes the backups with it."
    if all(sink.type == "log" for sink in settings.alerts.sinks):
        yield "alerts.sinks has nothing but the log: nobody is told of an alert."
    if settings.store.synchronous != "full":
        yield "store.synchronous is normal: a power cut may lose acknowledged writes."
