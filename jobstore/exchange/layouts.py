"""How a table is written: what parts its cells, where its header is, how its columns are named.

Nothing is read here; the first lines are looked at.
"""

from __future__ import annotations

import csv
import re
from itertools import pairwise
from typing import NamedTuple

DELIMITERS = ",;\t|"

# Excel's own line, which says what parts the cells: sep=;
_SEP = re.compile(r"""\ufeff?["']?sep=(.)["']?[,;\t|]*\s*""", re.IGNORECASE)
_REMARK = re.compile(r"#+ |//")
# Longer lines are looked at only as far as this.
_FAR = 1024 * 1024


class Layout(NamedTuple):
    """The delimiter of a table, and the lines above its header."""

    delimiter: str
    skipped: int


class _Reading(NamedTuple):
    """What a delimiter makes of the sample; ``fit`` is larger the better its rows fit."""

    fit: float
    width: int
    layout: Layout


def layout(sample: list[str], whole: bool, delimiter: str | None = None) -> Layout:
    """Find out the layout by the first lines; ``whole`` says that there are no others.

    ``delimiter`` decides, and so does a line ``sep=``.
    """
    above = next((at for at, line in enumerate(sample) if line.strip()), 0)
    if sample and (named := _SEP.fullmatch(sample[above])):
        delimiter = delimiter or named[1]
        above += 1
    lines = [line[:_FAR] for line in sample[above:]]
    # Of several that fit as well, the first.
    found = max(
        (_reading(lines, whole, each) for each in delimiter or DELIMITERS),
        key=lambda reading: reading[:2],
    )
    return found.layout._replace(skipped=above + found.layout.skipped)


def _reading(lines: list[str], whole: bool, delimiter: str) -> _Reading:
    ends: list[int] = []
    rows: list[list[str]] = []
    # The limit belongs to the whole process; it is raised only while rows are read.
    limit = csv.field_size_limit(_FAR)
    try:
        reader = csv.reader(lines, delimiter=delimiter)
        for row in reader:
            ends.append(reader.line_num)
            rows.append([cell.strip() for cell in row])
    except csv.Error:  # a quote that was lost, for example; what was read tells enough
        pass
    finally:
        csv.field_size_limit(limit)
    if not whole and len(rows) > 1:
        # The last row may go on.
        rows.pop()
    if not rows:
        return _Reading(0, 0, Layout(delimiter, 0))
    at = _header(rows)
    width = len(rows[at])
    below = [len(row) for row in rows[at + 1 :] if any(row)]
    fitting = sum(length == width for length in below) / len(below) if below else 1
    return _Reading(fitting * (width - 1), width, Layout(delimiter, ends[at - 1] if at else 0))


def _header(rows: list[list[str]]) -> int:
    """Return which row is the header: the first, unless titles or remarks stand above it.

    That is certain only where a row with a name in each of its cells follows, and another one
    that is as long.
    """
    for at, (row, below) in enumerate(pairwise(rows)):
        if sum(map(bool, row)) > 1 and not (_REMARK.match(row[0]) and len(row) != len(below)):
            return at if at and all(row) and len(row) == len(below) else 0
    return 0


def usable(header: list[str]) -> list[str]:
    """Return names of columns of which no two are the same.

    The second column ``name`` is ``name_2``. A column without a name is ``column_5`` by its
    place; the first one, the row number that many programs write, stays without.
    """
    found: dict[str, None] = {}
    counts: dict[str, int] = {}
    for place, cell in enumerate(header, 1):
        name = " ".join(cell.split()) or (f"column_{place}" if place > 1 else "")
        unique = name
        while unique in found:
            counts[name] = counts.get(name, 1) + 1
            unique = f"{name}_{counts[name]}"
        found[unique] = None
    return list(found)
