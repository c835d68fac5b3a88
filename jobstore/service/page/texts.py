"""Values of postings as people read them, and what of them may become a link or a mark.

Everything here returns plain text or pieces of it; templates escape all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from jobstore.intake.markup import plain_text
from jobstore.moments import for_people, iso
from jobstore.records import Job, JobSummary

# Nothing that a browser would take for another address than a person does.
_ADDRESS = re.compile(
    r"https?://[^\s\x00-\x20\x7f-\x9f\"'<>\\^`{|}\u2000-\u200f\u2028-\u202f]+", re.I
)


# Of Markdown, in which many boards and scrapers write: what stands before a heading, and lines
# that only part others.
_HEADING = re.compile(r"#{1,6} +")
_PARTING = re.compile(r"[-=*_]{3,}")
_ITEM = re.compile(r"[-•*+] +")


class Piece(NamedTuple):
    """A piece of a text, and whether it is marked: a word that was searched for, or bold."""

    text: str
    marked: bool


class Block(NamedTuple):
    """A paragraph of a description, or a list: its lines."""

    is_list: bool
    lines: tuple[str, ...]


def words(name: object) -> str:
    """Return a name of a program as words: ``full_time`` as ``full time``."""
    return str(name).replace("_", " ")


def web(address: str | None) -> str | None:
    """Return an address of the web, and nothing of anything else that a link could run."""
    if address is None or not _ADDRESS.fullmatch(address):
        return None
    try:
        host = urlsplit(address).hostname
    except ValueError:
        return None
    return address if host else None


def host(address: str) -> str:
    """Return where a link leads to, which its text may not hide."""
    return urlsplit(address).hostname or address


def marked(text: str) -> Iterator[Piece]:
    """Return the pieces of a text; those are marked that stand between ``**``."""
    parts = text.split("**")
    # A mark without a partner is part of the text.
    if len(parts) % 2 == 0:
        parts[-2:] = [f"{parts[-2]}**{parts[-1]}"]
    for number, part in enumerate(parts):
        if part:
            yield Piece(part, number % 2 == 1)


def blocks(job: Job) -> Iterator[Block]:
    """Return the description as paragraphs and lists. Of markup only ``**`` is left, for bold."""
    text = job.description_text
    if text is None:
        text = plain_text(job.description or "")
    kept: list[str] = []
    in_list = False
    for line in [*text.splitlines(), ""]:
        line = line.strip()
        item, heading = _ITEM.match(line), _HEADING.match(line)
        ends = not line or heading or _PARTING.fullmatch(line)
        if kept and (ends or bool(item) != in_list):
            yield Block(in_list, tuple(kept))
            kept = []
        if heading:
            yield Block(False, (f"**{_heading(line[heading.end() :])}**",))
        elif not ends:
            kept.append(line[item.end() :] if item else line)
            in_list = bool(item)


def _heading(line: str) -> str:
    """Return a heading without the signs that may stand behind it, unless they end a word."""
    bare = line.rstrip("#")
    return (bare.rstrip() if bare.endswith(" ") else line).replace("**", "")


def amount(value: Decimal | int | float) -> str:
    """Return a number with its thousands apart."""
    whole = Decimal(str(value))
    return f"{whole:,.0f}" if whole == whole.to_integral_value() else f"{whole:,.2f}"


def salary(job: Job | JobSummary) -> str | None:
    """Return what is paid, or what the posting says of it."""
    low, high = job.salary_min, job.salary_max
    if low is None and high is None:
        return job.salary_text
    if low is not None and high is not None:
        said = amount(low) if low == high else f"{amount(low)} to {amount(high)}"
    else:
        said = f"from {amount(low)}" if low is not None else f"up to {amount(high or 0)}"
    period = f"a {words(job.salary_period)}" if job.salary_period else None
    return " ".join(each for each in (job.salary_currency, said, period) if each)


def places(job: Job | JobSummary) -> str | None:
    """Return all places of a posting."""
    found = dict.fromkeys(each.text for each in job.locations if each.text)
    return "; ".join(found) or job.location


def day(moment: datetime) -> str:
    """Return the day of a moment, in UTC."""
    return for_people(moment)[:10]


def counted(number: int, name: str) -> str:
    """Return how many there are: ``1 posting``, ``1,234 postings``."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def quick(seconds: float) -> str:
    """Return a short time as milliseconds."""
    return f"{seconds * 1000:.1f} ms"


FILTERS: dict[str, Any] = {
    "words": words,
    "web": web,
    "host": host,
    "marked": marked,
    "blocks": blocks,
    "amount": amount,
    "salary": salary,
    "places": places,
    "counted": counted,
    "day": day,
    "moment": for_people,
    "iso": iso,
    "quick": quick,
}
"""What templates may make of a value."""
