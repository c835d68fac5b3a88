"""The history of a posting as people read it: what happened when, and how texts differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from jobstore.cli.duplicates_view import reasons
from jobstore.cli.output import plain, words
from jobstore.json_text import to_json
from jobstore.moments import iso

if TYPE_CHECKING:
    from jobstore.records import HistoryEntry

# Values that are longer are shown by their differences.
_SHORT = 80
# Words beside a difference, and the most differences of one text that are shown.
_AROUND = 4
_DIFFERENCES = 5
# Beyond so many words a text is not compared word by word.
_COMPARED = 5_000


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
    for name, (before, after) in entry.changes.items():
        for line in _change(name, before, after):
            text.append("\n    ").append_text(line)
    for name, value in entry.detail.items():
        if name == "reasons":
            # As a posting's duplicates are shown.
            text.append("\n").append_text(reasons(value))
            continue
        said = "taken back" if name == "verdict" and value is None else _said(value)
        text.append(f"\n    {plain(name)}: {said}", "not dim")
    return text


def _change(name: str, before: Any, after: Any) -> Iterator[Text]:
    if name == "attributes" and isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            if before.get(key) != after.get(key):
                yield from _change(f"attributes.{key}", before.get(key), after.get(key))
        return
    old, new = _said(before), _said(after)
    if len(old) <= _SHORT and len(new) <= _SHORT:
        line = Text(f"{plain(name)}: ", "not dim").append(old, "red").append(" -> ")
        yield line.append(new, "green")
        return
    yield Text(f"{plain(name)}: {_size(old)} -> {_size(new)}", "not dim")
    yield from _differences(old.split(), new.split())


def _differences(old: list[str], new: list[str]) -> Iterator[Text]:
    if len(old) > _COMPARED or len(new) > _COMPARED:
        return
    found = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    changed = [each for each in found if each[0] != "equal"]
    for _, from_old, to_old, from_new, to_new in changed[:_DIFFERENCES]:
        line = Text("  ... ", "dim").append(" ".join(old[max(0, from_old - _AROUND) : from_old]))
        for sign, style, given in (
            ("-", "red", old[from_old:to_old]),
            ("+", "green", new[from_new:to_new]),
        ):
            if given:
                line.append(f" [{sign}{_cut(given)}{sign}]", f"{style} not dim")
        following = " ".join(old[to_old : to_old + _AROUND])
        yield line.append(f" {following} ..." if following else "")
    if len(changed) > _DIFFERENCES:
        yield Text(f"  ... and {len(changed) - _DIFFERENCES:,} more differences", "dim")


def _cut(given: list[str]) -> str:
    text = " ".join(given)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}..."


def _size(text: str) -> str:
    return f"{len(text):,} characters"


def _said(value: Any) -> str:
    if value is None or value in ([], {}, ""):
        return "(nothing)"
    return plain(value if isinstance(value, str) else to_json(value))
