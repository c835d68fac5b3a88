"""The command that tells what a file is, and what importing it would give."""

from __future__ import annotations

import dataclasses
import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.reading import Reading, takes_reading, written_at

if TYPE_CHECKING:
    from rich.console import RenderableType

    from jobstore.exchange.inspection import Inspection


@takes_reading
@partial(takes_call, store=False)
def inspect(
    call: Call,
    reading: Reading,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file to look at.")],
) -> None:
    """Tell what a file is, and what importing it would give; no store is opened.

    The beginning of the file is looked at: how it is packed, encoded and laid out, its columns or
    keys with examples and how many rows state them, the field that each goes to, three postings as
    they would be stored, and what would be rejected or left out. The last line is the command to
    import it. The options are those of import, to see what they change.

    JSON: {"file", "format", "description", "kind", "items", "encoding", "compression",
    "delimiter", "rows", "exact", "looked_at", "columns", "checked", "rejected", "left_out",
    "faults", "postings", "fault", "command"}.
    """
    from jobstore.exchange import BrokenFile
    from jobstore.exchange.inspection import inspect

    if file == "-" or Path(file).is_fifo():
        raise BrokenFile(f"{file} can be read only once; put it into a file and inspect that.")
    try:
        found = inspect(file, seen_at=written_at(file), **reading.options())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    command = _command(found, reading)

    def view() -> RenderableType:
        from jobstore.cli.inspection_view import inspection_view

        return inspection_view(found, command)

    answer = {each.name: getattr(found, each.name) for each in dataclasses.fields(found)}
    call.give({**answer, "command": command}, view)


def _command(found: Inspection, reading: Reading) -> str:
    """Return what is typed to import the file; what only its owner knows is a question mark."""
    typed: list[Any] = ["jobstore import", shlex.quote(found.file), reading.typed()]
    if found.format is None:
        if found.items and reading.items is None:
            typed.append(shlex.join(["--items", found.items]))
        columns = ",".join(f"{name}={column}" for name, column in found.guesses().items())
        typed.append(shlex.join(["--map", columns]))
    if any(each["kind"] == "rejected" and each["field"] == "source" for each in found.faults):
        typed.append("--source '?'")
    return " ".join(filter(None, typed))
