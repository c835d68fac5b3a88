"""The history of a posting as people read it: what happened when, and how texts differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from jobstore.cli.duplicates_view import reasons
from jobstore.cli.output import plain, words
from jobstore.derived.differences import Difference, differences, said
from jobstore.moments import iso

if TYPE_CHECKING:
    from jobstore.records import HistoryEntry


def history_view(entries: Sequence[HistoryEntry]) -> RenderableType:
    """Return everything that happened to a posting."""
    return Group(*(_entry(each) for each in entries))


def _entry(entry: HistoryEntry) -> Text:
    text = Text(iso(entry.at) if entry.at else "at an unknown time", style="dim")
    text.append(f"  {words(entry.kind)}", "bold not dim")
    if entry.version is not None:
        text.append(f"  version {entry.version}")
    for name, value in (("by", entry.actor), ("run", entry.run), ("reason:", entry.reason)):
        if value is not None:
            text.append(f"  {name} {plain(value)}")
    for change in differences(entry.changes):
        for line in _change(change):
            text.append("\n    ").append_text(line)
    for name, value in entry.detail.items():
        if name == "reasons":
            # As a posting's duplicates are shown.
            text.append("\n").append_text(reasons(value))
            continue
        said = "taken back" if name == "verdict" and value is None else _said(value)
        text.append(f"\n    {plain(name)}: {said}", "not dim")
    return text


def _change(change: Difference) -> Iterator[Text]:
    name = plain(change.name)
    if not change.is_long:
        line = Text(f"{name}: ", "not dim").append(_said(change.old), "red").append(" -> ")
        yield line.append(_said(change.new), "green")
        return
    yield Text(f"{name}: {_size(change.old)} -> {_size(change.new)}", "not dim")
    for piece in change.pieces:
        line = Text("  ... ", "dim").append(plain(piece.before))
        for sign, style, given in (("-", "red", piece.removed), ("+", "green", piece.added)):
            if given:
                line.append(f" [{sign}{plain(given)}{sign}]", f"{style} not dim")
        yield line.append(f" {plain(piece.after)} ..." if piece.after else "")
    if change.more:
        yield Text(f"  ... and {change.more:,} more differences", "dim")


def _size(text: str) -> str:
    return f"{len(text):,} characters"


def _said(value: Any) -> str:
    return plain(said(value)) or "(nothing)"
