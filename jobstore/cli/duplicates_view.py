"""Duplicates as people read them: which posting, what follows, and what speaks for and against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from jobstore.cli.output import counted, plain

_SIGNS = {True: ("+", "green"), False: ("-", "red"), None: (" ", "dim")}


def pairs_view(found: Sequence[Mapping[str, Any]], verdict: str, limit: int) -> RenderableType:
    """Return pairs of postings that the rules call ``verdict``; ``limit`` were asked for."""
    if not found:
        none = "No pair waits for a person" if verdict == "maybe" else "No pair is the same"
        return Text(f"{none}, as far as 'jobstore duplicates find' has compared postings.")
    more = "; there may be more, see --limit" if len(found) == limit else ""
    end = Text(f"{counted(len(found), 'pair')}{more}")
    return Group(*(part for each in found for part in _pair(each)), end)


def _pair(pair: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield Text(pair["verdict"], "bold")
    yield from (_posting(each) for each in pair["postings"])
    yield from _reasons(pair["reasons"])


def _reasons(found: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    """Yield reasons and an empty line; a person's verdict may have none."""
    if found:
        yield reasons(found)
    yield Text()


def duplicates_view(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Return what other postings are to one."""
    if not found:
        return Text("It has no duplicate, as far as postings were compared.")
    return Group(*(part for each in found for part in _duplicate(each)))


def _duplicate(each: Mapping[str, Any]) -> Iterator[RenderableType]:
    head = Text(each["verdict"], "bold")
    if each["actor"] is not None:
        head.append(f"  by {plain(each['actor'])}; the rules say {each['rules']}", "not bold")
    if each["together"]:
        head.append("  in one group", "not bold")
    yield head
    yield _posting(each["posting"])
    yield from _reasons(each["reasons"])


def _posting(posting: Mapping[str, Any]) -> Text:
    said = [posting[name] for name in ("title", "company", "location", "source")]
    text = Text("  " + " · ".join(plain(each) for each in said if each))
    # In one piece, so that it can be copied.
    text.append(f"\n  {posting['id']}", "dim")
    if posting["url"]:
        text.append(f"\n  {plain(posting['url'])}", "dim")
    return text


def reasons(found: Sequence[Mapping[str, Any]]) -> Text:
    """Return reasons, one on each line: what speaks for a verdict (+), and what against it (-)."""
    lines = []
    for reason in found:
        sign, style = _SIGNS[reason["speaks_for"]]
        lines.append(Text(f"    {sign} {plain(reason['sentence'])}", style))
    return Text("\n").join(lines)
