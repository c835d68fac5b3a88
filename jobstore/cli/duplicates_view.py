"""Duplicates as people read them: which posting, what follows, and what speaks for and against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from jobstore.cli.output import plain

_SIGNS = {True: ("+", "green"), False: ("-", "red"), None: (" ", "dim")}


def pairs_view(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Return pairs of postings."""
    if not found:
        return Text("No pair waits for a person.")
    return Group(*(part for each in found for part in _pair(each)))


def _pair(pair: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield Text(pair["verdict"], "bold")
    yield from (_posting(each) for each in pair["postings"])
    yield _reasons(pair["reasons"])


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
    yield _reasons(each["reasons"])


def _posting(posting: Mapping[str, Any]) -> Text:
    said = [posting[name] for name in ("title", "company", "location", "source")]
    text = Text("  " + " · ".join(plain(each) for each in said if each))
    # In one piece, so that it can be copied.
    text.append(f"\n  {posting['id']}", "dim")
    return text


def _reasons(reasons: Sequence[Mapping[str, Any]]) -> Text:
    text = Text()
    for reason in reasons:
        sign, style = _SIGNS[reason["speaks_for"]]
        text.append(f"    {sign} {reason['sentence']}\n", style)
    return text
