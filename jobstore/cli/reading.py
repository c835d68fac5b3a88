"""How a file is to be read, as options: the same for every command that reads postings.

What the options mean is known in :mod:`jobstore.exchange`; here they are only taken.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from jobstore.cli.calling import replaced


def _text(name: str, help: str, metavar: str, *short: str) -> Any:
    return Annotated[str | None, typer.Option(f"--{name}", *short, metavar=metavar, help=help)]


def _texts(name: str, help: str, metavar: str) -> Any:
    return Annotated[list[str] | None, typer.Option(f"--{name}", metavar=metavar, help=help)]


_OPTIONS: dict[str, Any] = {
    "format": _text(
        "format",
        "The format, such as jsonl, csv, schema-org, lever or jobspy; a name that is none lists "
        "them. [found out]",
        "NAME",
        "-f",
    ),
    "mapping": _text("mapping", "A format of your own: a file in TOML.", "FILE"),
    "map": _texts(
        "map", "What holds which field, such as title=Position. Repeatable.", "FIELD=COLUMN,..."
    ),
    "items": _text("items", "JSON: where the postings are, such as data.jobs.", "PATH"),
    "set": _texts("set", "The same for all, such as country=GB. Repeatable.", "FIELD=VALUE,..."),
    "source": _text("source", "The source, where the file names none.", "NAME"),
    "encoding": _text("encoding", "Such as utf-8 or cp1252. [found out]", "NAME"),
    "delimiter": _text(
        "delimiter", "What parts the cells of a table; tab is a word for it. [found out]", "SIGN"
    ),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read; nothing that is ``None`` was said."""

    format: str | None = None
    mapping: str | None = None
    map: list[str] | None = None
    items: str | None = None
    set: list[str] | None = None
    source: str | None = None
    encoding: str | None = None
    delimiter: str | None = None

    def options(self) -> dict[str, Any]:
        """Return the options of open_records; ends the command where they mean nothing."""
        tab = self.delimiter in ("tab", "\\t")
        return {
            "format": self.format or "auto",
            "mapping": self.mapping,
            "columns": _pairs(self.map, "--map"),
            "items": self.items,
            "constants": _pairs(self.set, "--set"),
            "source": self.source,
            "encoding": self.encoding,
            "delimiter": "\t" if tab else self.delimiter,
        }

    def typed(self) -> str:
        """Return the options as they are typed."""
        words: list[str] = []
        for name in _OPTIONS:
            given = getattr(self, name)
            for value in given if isinstance(given, list) else [given]:
                if value is not None:
                    words += [f"--{name}", value]
        return shlex.join(words)


def takes_reading(command: Callable[..., None]) -> Callable[..., None]:
    """Replace the parameter ``reading`` of a command by the options of a :class:`Reading`."""
    options = {name: (annotation, None) for name, annotation in _OPTIONS.items()}
    return replaced(command, "reading", options, lambda given: Reading(**given))


def _pairs(texts: list[str] | None, option: str) -> dict[str, str] | None:
    from jobstore.exchange import parse_columns

    pairs: dict[str, str] = {}
    for text in texts or ():
        try:
            found = parse_columns(text)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint=option) from None
        for name in found.keys() & pairs.keys():
            raise typer.BadParameter(f"{name!r} is given twice", param_hint=option)
        pairs |= found
    return pairs or None


def written_at(file: str) -> datetime | None:
    """Return when a file was written; None for what is no plain file."""
    path = Path(file)
    if file == "-" or not path.is_file():
        return None
    # The clock that wrote it may be ahead of this one.
    return min(datetime.fromtimestamp(path.stat().st_mtime, UTC), datetime.now(UTC))
