"""The logs of operations: deployment, monitoring, performance, health and access, a file each.

Everybody logs to the loggers below ``jobstore``, with :func:`get` or with the standard library;
:class:`Logs` writes what they say into the files, as JSON or readable, a run id in every line,
and nothing of postings, credentials or bound values. Where nobody opened the logs, the loggers
behave as those of any library.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping, Sequence
from random import getrandbits
from typing import TYPE_CHECKING, Any, Literal, Self

import structlog

from jobstore.operations.logs.files import RotatedFile
from jobstore.operations.logs.lines import LineFormatter
from jobstore.operations.logs.redaction import Redactor, secrets_of, secrets_of_environment
from jobstore.operations.logs.slow import SlowOperations

if TYPE_CHECKING:
    from jobstore.settings.sections import Settings

__all__ = ["LOGS", "Logs", "SlowOperations", "bound", "get", "many", "new_id", "redactor"]

LogName = Literal["deployment", "monitoring", "performance", "health", "access"]
LOGS: tuple[LogName, ...] = ("deployment", "monitoring", "performance", "health", "access")

# Which log a logger below jobstore writes to, by the first part of its name; monitoring.log
# takes what is not listed.
_ROUTES: dict[str, LogName] = {
    "performance": "performance",
    "health": "health",
    "access": "access",
    "deployment": "deployment",
    "backup": "deployment",
    "maintenance": "deployment",
    "migrations": "deployment",
    "schedule": "deployment",
}


def get(name: str) -> Any:
    """Return the structlog logger ``jobstore.NAME``.

    The first argument of its methods is a fixed text, and what varies goes into keywords:
    ``get("health").warning("a check failed", check="disk")``.
    """
    return structlog.wrap_logger(
        logging.getLogger(f"jobstore.{name}"),
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            _legible,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def many(name: str, entries: Sequence[Mapping[str, Any]]) -> None:
    """Log entries to ``jobstore.NAME`` at once, each at a fraction of what a line costs.

    Each has its ``at`` (Unix time) and its ``event``. All else must be numbers and words of our
    own, since nothing is looked through for what may not be logged.
    """
    logger = logging.getLogger(f"jobstore.{name}")
    if logger.isEnabledFor(logging.INFO):
        record = _record("%d entries", len(entries), name=logger.name, level=logging.INFO)
        record.entries = entries
        logger.handle(record)


class _Legible(dict[str, Any]):
    """What was logged, as a program reads it that has handlers of its own, or none."""

    def __str__(self) -> str:
        # No terminal may obey a value, so what is not printable is escaped.
        told = {name: repr(str(value))[1:-1] for name, value in self.items()}
        event = told.pop("event")
        facts = ", ".join(f"{name}={value}" for name, value in told.items())
        return f"{event} ({facts})" if facts else event


def _legible(logger: Any, method: str, entry: MutableMapping[str, Any]) -> _Legible:
    return _Legible(entry)


def new_id() -> str:
    """Return a fresh id for a run or a request: 12 hexadecimal digits."""
    return f"{getrandbits(48):012x}"  # nosec B311 - it tells lines apart and keeps no secret


bound = structlog.contextvars.bound_contextvars
"""Puts ids into every line that is logged inside: ``with bound(request_id=new_id()):``.

Tasks and threads that are started inside know them as far as they copy the context.
"""


def redactor(settings: Settings) -> Redactor:
    """Return a redactor that knows every secret of the settings and of the environment."""
    return Redactor([*secrets_of(settings), *secrets_of_environment()])


class Logs(logging.Handler):
    """The log files of one store; use it with ``with``, around the work that shall be logged.

    No file is made before the first line. A line that cannot be written (a full disk, a folder
    without permission) is counted and never fails what is being logged; the count is logged
    when writing is possible again.
    """

    def __init__(self, settings: Settings, *, run_id: str | None = None) -> None:
        super().__init__()
        self.run_id = run_id or new_id()
        own = self._settings = settings.logging
        self._files = {
            name: RotatedFile(settings.logs_folder / f"{name}.log", own.max_bytes, own.keep)
            for name in LOGS
        }
        self._lost = 0
        self._logger = logging.getLogger("jobstore")
        self._level_before: int | None = None
        self._formatter = LineFormatter(own.format, redactor(settings), self.run_id)
        self.setFormatter(self._formatter)

    def __enter__(self) -> Self:
        self._level_before = self._logger.level
        self._logger.setLevel(self._settings.level.upper())
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop writing. Calling it twice is fine."""
        if self._level_before is not None:
            self._logger.removeHandler(self)
            self._logger.setLevel(self._level_before)
            self._level_before = None
        super().close()

    def slow_operations(self) -> SlowOperations:
        """Return an observer for :func:`jobstore.connect`; close it before the logs."""
        return SlowOperations(self._settings.slow_ms, get("performance"))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; never raises."""
        part = record.name.removeprefix("jobstore").removeprefix(".").partition(".")[0]
        file = self._files[_ROUTES.get(part, "monitoring")]
        try:
            file.append(self._line(record))
            if self._lost:
                file.append(self.format(_record("log lines were lost: %d", self._lost)))
                self._lost = 0
        except OSError:
            self._lost += 1

    def _line(self, record: logging.LogRecord) -> str:
        try:
            if entries := getattr(record, "entries", None):
                return self._formatter.many(record, entries)
            return self.format(record)
        except Exception as error:
            # What failed may hold anything, so only its name is told.
            name = type(error).__name__
            return self.format(_record("a line of %s could not be made: %s", record.name, name))


def _record(
    text: str, *args: Any, name: str = "jobstore.monitoring", level: int = logging.WARNING
) -> logging.LogRecord:
    return logging.LogRecord(name, level, "", 0, text, args, None)
