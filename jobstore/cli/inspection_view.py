"""What people see of an inspection. Only form lives here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from jobstore.cli.outcomes import named
from jobstore.cli.output import counted, plain, table
from jobstore.exchange.inspection import MOST_COLUMNS, shown
from jobstore.moments import iso
from jobstore.records import Location

if TYPE_CHECKING:
    from jobstore.exchange.inspection import Inspection
    from jobstore.records import JobPosting

# Names of columns that are longer are cut in the table: there may be hundreds of characters.
_NAME = 32
# Examples are for recognising a column; JSON has longer ones.
_EXAMPLE = 36
_SIGNS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space"}


def inspection_view(found: Inspection, command: str) -> RenderableType:
    """Return everything that was found out about a file."""
    parts: list[RenderableType] = [
        Text(plain(found.file), style="bold"),
        table(["", ""], [((name, "dim"), value) for name, value in _facts(found)]),
    ]
    if found.columns:
        parts += [Text(), _columns(found)]
    for number, posting in enumerate(found.postings, 1):
        rows = [((name, "dim"), value) for name, value in _fields(posting)]
        # A table would break its title at its own width.
        parts += [Text(), Text(f"Posting {number} as it would be stored", style="bold")]
        parts.append(table(["", ""], rows))
    parts += [Text(), *_outcome(found)]
    # In one piece, however narrow the terminal is, so that it can be copied.
    parts += [Text(), Text("To import it:", style="bold")]
    return Group(*parts, Text(f"  {plain(command)}", no_wrap=True, overflow="ignore"))


def _facts(found: Inspection) -> Iterator[tuple[str, str]]:
    if found.format is None:
        yield "format", "not known"
    else:
        yield "format", ": ".join(filter(None, (found.format, found.description)))
    kinds = {"json": "JSON", "table": "a table", "page": "a page", "feed": "a feed"}
    yield "kind", kinds.get(found.kind, found.kind)
    if found.items:
        yield "postings at", found.items
    yield "encoding", found.encoding
    if found.compression:
        yield "packed as", ", ".join(found.compression)
    if found.delimiter:
        yield "delimiter", _SIGNS.get(found.delimiter, found.delimiter)
    if found.rows is None:
        yield "rows", f"more than {found.looked_at:,}"
    else:
        yield "rows", f"{'' if found.exact else 'about '}{found.rows:,}"


def _columns(found: Inspection) -> RenderableType:
    what = "Columns" if found.kind == "table" else "Keys"
    head = ["column" if found.kind == "table" else "key", "filled", "field", "examples"]
    rows = []
    for column in found.columns:
        name = shown(column.name, _NAME)
        fields = ", ".join(column.fields) or ("?" if found.format is None else "(attributes)")
        examples = " | ".join(shown(each, _EXAMPLE) for each in column.examples[:2])
        rows.append((name, f"{column.filled:.0%}", fields, examples))
    more = ", the first of more" if len(found.columns) == MOST_COLUMNS else ""
    title = f"{what} of {counted(found.looked_at, 'row')}{more}"
    return Group(Text(title, style="bold"), table(head, rows, right=["filled"]))


def _fields(posting: JobPosting) -> Iterator[tuple[str, str]]:
    for each in dataclasses.fields(posting):
        value = getattr(posting, each.name)
        if value is not None and value != [] and value != {}:
            yield each.name, _value(value)


def _value(value: Any) -> str:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, list):
        places = [each.text for each in value if isinstance(each, Location)]
        return shown("; ".join(places) or ", ".join(map(str, value)))
    if isinstance(value, dict):
        return shown(", ".join(value))
    return shown(value if isinstance(value, str) else str(value))


def _outcome(found: Inspection) -> Iterator[RenderableType]:
    if found.fault is not None:
        what = "columns" if found.kind == "table" else "keys"
        yield Text(
            f"No format is known by these {what}. Say which of them holds which field with --map, "
            "as below; what stands behind ? is for you to say."
        )
        return
    values = sum(found.left_out.values())
    first = "Of" if found.exact and found.checked == found.rows else "Of the first"
    yield Text(
        f"{first} {counted(found.checked, 'row')}, {found.rejected:,} would be rejected, "
        f"{counted(values, 'value')} left out."
    )
    if found.faults:
        listed = [
            (each["kind"], str(each["line"]), named(each["field"], each["name"]), each["reason"])
            for each in found.faults
        ]
        yield table(["", "line", "field", "reason"], listed, right=["line"])
