"""From a record of the logging module to a line: structlog's processors and the two forms."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import structlog

from jobstore.json_text import escaped
from jobstore.moments import iso
from jobstore.operations.logs.redaction import Redactor

Entry = MutableMapping[str, Any]

# What may stand bare in a readable line; everything else is quoted as in JSON.
_BARE = re.compile(r"[\w./:+-]+", re.ASCII)
_FRAMES = 5


class LineFormatter(structlog.stdlib.ProcessorFormatter):
    """Makes a line of a record, of structlog's or anybody's; nothing unredacted gets into it.

    ``run_id`` is in every line; one that is bound to the context goes before it.
    """

    def __init__(self, form: Literal["json", "readable"], redactor: Redactor, run_id: str) -> None:
        self._redactor = redactor
        self._run_id = run_id
        self._render = _as_json if form == "json" else _readable
        super().__init__(
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.ExtraAdder(),
            ],
            processors=[self._framed, self._render],
        )

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        if record.args:
            # Values are looked at one by one, before they disappear in a text.
            record = logging.makeLogRecord(vars(record))
            record.args = self._arguments(record.args)
        return super().format(record)

    def many(self, record: logging.LogRecord, entries: Sequence[Mapping[str, Any]]) -> str:
        """Return a line for each entry, as :func:`jobstore.operations.logs.many` takes them."""
        about = {"level": record.levelname.lower(), "logger": record.name}
        ids = {"run_id": self._run_id, "pid": os.getpid()}
        return "\n".join(
            self._render(
                None,
                "",
                {
                    "timestamp": _time(entry["at"]),
                    **about,
                    "event": entry["event"],
                    **ids,
                    **{
                        name: value
                        for name, value in entry.items()
                        if value is not None and name not in ("at", "event")
                    },
                },
            )
            for entry in entries
        )

    def _arguments(self, args: Any) -> Any:
        if isinstance(args, dict):
            return {name: self._redactor.value(value, name) for name, value in args.items()}
        return tuple(self._redactor.value(each) for each in args)

    def _framed(self, logger: Any, method: str, entry: Entry) -> Entry:
        """Put time, level, logger and ids around what was logged; take out what may not be."""
        record: logging.LogRecord = entry.pop("_record")
        entry.pop("_from_structlog")
        entry.pop("stack_info", None)
        error = _caught(entry.pop("exc_info", None))
        line: Entry = {
            "timestamp": _time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": self._redactor.text(str(entry.pop("event"))),
            "run_id": self._run_id,
            "pid": os.getpid(),
        }
        for name, value in entry.items():
            if value is not None and name not in ("timestamp", "level", "logger"):
                line[name] = self._redactor.value(value, name)
        if error is not None:
            line["error"] = self._redactor.error(error)
            line["at"] = _places(error)
        return line


def _caught(told: Any) -> BaseException | None:
    """Return the error that a line is about: itself, a tuple, or True for the one being handled."""
    found = sys.exc_info() if told is True else told
    error = found[1] if isinstance(found, tuple) else found
    return error if isinstance(error, BaseException) else None


def _places(error: BaseException) -> list[str]:
    """Return where an error passed through, without any of the code or its values."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


def _time(seconds: float) -> str:
    return iso(datetime.fromtimestamp(seconds, UTC), "milliseconds")


def _as_json(logger: Any, method: str, entry: Entry) -> str:
    return escaped(_json(entry))


def _readable(logger: Any, method: str, entry: Entry) -> str:
    time, level, name, event = (entry.pop(key) for key in ("timestamp", "level", "logger", "event"))
    pairs = " ".join(f"{key}={_quoted(value)}" for key, value in entry.items())
    return escaped(f"{time} {level:<8} {name}: {_json(event)[1:-1]}  {pairs}")


def _quoted(value: Any) -> str:
    return value if isinstance(value, str) and _BARE.fullmatch(value) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
