"""What a run that has ended means: whether it is believed, and which postings it missed.

Pure. A posting that was missed bears the number of the first of the runs that missed it one after
another. So a run only writes about postings whose standing changes, and a run that was interrupted
and is repeated has the same number, and counts once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median
from typing import NamedTuple

from jobstore.settings import SourceRules

MEDIAN_OF, LEAST_RUNS, LEAST_SHARE = 5, 3, 0.7
"""Of how many runs the median is taken, how many there must be, and the share of it to be seen."""
EMPTY_RUNS = 6
"""Empty runs in a row of a whole catalogue after which it is believed to be empty."""


class Standing(NamedTuple):
    """A posting that belongs to a scope; times are microseconds."""

    id: bytes
    missed_from: int | None
    is_member: bool
    """Whether that it belongs to the scope is written down."""
    is_open: bool
    """Whether it is open, and still of the run's source."""
    last_seen_at: int
    expires_at: int | None


class Earlier(NamedTuple):
    """What is known of the runs of a scope before this one; newest first."""

    number: int
    """How many have counted what they missed."""
    counted_at: int | None
    """When the last of these was; ``None`` where that is not known."""
    seen: Sequence[int]
    """How many postings each of them saw."""
    whole: Sequence[bool]
    usual: Sequence[int]
    """How many those saw that saw enough of what was open; what failed tells nothing of how many
    there are usually."""


@dataclass(slots=True)
class Decision:
    """What a run changes."""

    state: str
    verdict: str
    number: int
    open_before: int = 0
    missed: int = 0
    put: list[tuple[bytes, int | None]] = field(default_factory=list)
    """Members that are new, or have another standing."""
    forget: list[bytes] = field(default_factory=list)
    """Members that are closed, or of a whole source and seen: they come back when a run of the
    scope sees them, or misses them."""
    close: list[bytes] = field(default_factory=list)
    expire: list[bytes] = field(default_factory=list)


class Seen(NamedTuple):
    """What a run saw: ids."""

    handed: Collection[bytes]
    """All of which it was told, also those that could not be stored."""
    stored: Collection[bytes]
    fresh: Collection[bytes]
    """Those that it inserted or opened again: they were not open before."""


def decide(
    standings: Iterable[Standing],
    seen: Seen,
    earlier: Earlier,
    rules: SourceRules,
    *,
    began: int,
    at: int,
    whole: bool,
    by_source: bool,
) -> Decision:
    """Return what a run that began and ended at a time changes, by what is known of its scope.

    ``by_source``: the scope is all of a source, so what is open belongs to it whether that is
    written down or not. Then only what was missed is, which spares a row for each posting.
    """
    every = list(standings)
    before = [each for each in every if each.is_open and each.id not in seen.fresh]
    missed = [each for each in before if each.id not in seen.handed]
    state, verdict = _verdict(len(seen.handed), len(before), len(missed), earlier, rules, whole)
    counts = state == "complete"
    made = Decision(state, verdict, earlier.number + counts, len(before), len(missed))
    known = {each.id for each in every if each.is_member}
    if not by_source:
        made.put += [(id, None) for id in seen.stored if id not in known]
    latest = at - rules.close_after // timedelta(microseconds=1)
    emptied = whole and not seen.handed
    for each in every:
        if each.id in seen.handed or (each.is_open and each.last_seen_at > began):
            # Whoever else saw it meanwhile saw that it is there.
            if each.is_member and by_source:
                made.forget.append(each.id)
            elif each.is_member and each.missed_from is not None:
                made.put.append((each.id, None))
        elif not each.is_open:
            if each.is_member:
                made.forget.append(each.id)
        elif counts:
            since = _missed_from(each, made.number, earlier.counted_at)
            if since != each.missed_from or not each.is_member:
                made.put.append((each.id, since))
            often = made.number - since + 1 >= rules.close_after_misses
            if (often or emptied) and each.last_seen_at <= latest and not _is_over(each, at):
                made.close.append(each.id)
    if counts:
        made.expire += [each.id for each in every if each.is_open and _is_over(each, at)]
    return made


def _missed_from(each: Standing, number: int, counted_at: int | None) -> int:
    """Return the first of the runs that missed a posting one after another, this one being the
    last: what was seen between two runs, by whomever, was not missed in a row."""
    if each.missed_from is None or counted_at is None or each.last_seen_at > counted_at:
        return number
    return min(each.missed_from, number)


def _is_over(each: Standing, at: int) -> bool:
    return each.expires_at is not None and each.expires_at <= at


def _verdict(
    seen: int, before: int, missed: int, earlier: Earlier, rules: SourceRules, whole: bool
) -> tuple[str, str]:
    """Return the state of a run and why, in a sentence."""
    if whole and not seen and before:
        empty = 1 + _leading(
            was_whole and not number
            for number, was_whole in zip(earlier.seen, earlier.whole, strict=True)
        )
        if empty < EMPTY_RUNS:
            believed = f"after {EMPTY_RUNS} it is believed"
            return "guarded", f"It was empty, {empty} of {EMPTY_RUNS} times in a row; {believed}."
        return "complete", f"It was empty {empty} times in a row, so it is believed."
    if not saw_enough(before - missed, before, rules):
        saw = f"It saw {before - missed:,} of {before:,} open postings, below"
        return "guarded", f"{saw} {rules.min_completeness:.0%}. {_advice(seen, before, missed)}"
    last = earlier.usual[:MEDIAN_OF]
    if len(last) >= LEAST_RUNS and seen < LEAST_SHARE * (usual := median(last)):
        share = f"{LEAST_SHARE:.0%} of {usual:,.10g}"
        saw = f"It saw {seen:,}, below {share}, the median of {len(last)} runs."
        return "guarded", f"{saw} {_ONCE_MORE}"
    return "complete", "Its guards believed it."


# Of five runs, three like it make the median.
_ONCE_MORE = "If there are no more now, the fourth run in a row that sees as many is believed."


def _advice(seen: int, before: int, missed: int) -> str:
    """Say what makes a run count that sees as few again."""
    if not seen:
        return "A whole catalogue may be empty: say so with whole=True, or --whole."
    share = 100 * (before - missed) // before / 100
    return f"If there are no more now, set min_completeness of the source to {share:g}."


def saw_enough(saw: int, before: int, rules: SourceRules) -> bool:
    """Tell whether a run saw enough of what was open before it."""
    return not before or saw / before >= rules.min_completeness


def _leading(flags: Iterable[bool]) -> int:
    """Count how many are true before the first that is not."""
    number = 0
    for flag in flags:
        if not flag:
            break
        number += 1
    return number
