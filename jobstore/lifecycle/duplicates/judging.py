"""What two postings are to each other, and whether it is worth reading their texts to know it.

The figures below were chosen on the judged pairs in ``tests/data/duplicates``; the page beside them
says how.
"""

from __future__ import annotations

from jobstore.lifecycle.duplicates.companies import namesakes, same_company
from jobstore.lifecycle.duplicates.comparing import (
    CLOSE,
    ENOUGH,
    LEAST,
    VERY_CLOSE,
    WHOLE,
    Comparison,
)
from jobstore.lifecycle.duplicates.evidence import Judgement, Kind, Verdict
from jobstore.lifecycle.duplicates.features import Features, Read
from jobstore.lifecycle.duplicates.places import Where, where
from jobstore.lifecycle.duplicates.texts import resemblance

_REPLACED = 0.07
"""At most so much of a text is worded otherwise."""
_WORTH_READING = 0.5
"""The estimated share of the shorter text from which on texts are read; the estimate may be a
fifth too low."""
_PART = 0.25
"""A text with less of the letters of both may be an excerpt of the other."""


def likely(left: Features, right: Features) -> bool:
    """Tell from what is kept of two postings whether their texts are worth reading.

    Where they are not, the postings are taken as different.
    """
    if {*left.addresses} & {*right.addresses}:
        return True
    if where(left.places, right.places) == Where.APART:
        return False
    total, least = left.length + right.length, min(left.length, right.length)
    companies = left.company, right.company
    one_job = left.title == right.title and (same_company(*companies) or namesakes(*companies))
    if not left.signature or not right.signature:
        return one_job
    if one_job and least < _PART * total:
        # An excerpt shares too little with the whole to be estimated.
        return True
    alike = resemblance(left.signature, right.signature)
    return alike / (1 + alike) * total >= _WORTH_READING * least


def judge(left: Read, right: Read) -> Judgement:
    """Judge whether two postings are the same opening; their order does not matter.

    They are the ``same`` only where the text says so, or an address that both have: never by
    company and title alone. Openings of one company in other cities, of another level or with
    another number are ``different``, however alike their texts are. Where a source states another
    kind of employment, or one passage of equal texts names something else, it is ``maybe`` at most.
    """
    found = Comparison(left, right)
    verdict, decided = _decided(found)
    reasons = sorted(found.reasons(), key=lambda each: each.kind != decided)
    return Judgement(verdict, tuple(reasons))


def _decided(found: Comparison) -> tuple[Verdict, Kind]:
    """Return the verdict, and what decided it."""
    if found.where == Where.APART or (found.where == Where.NEAR and not _may_be_near(found)):
        return Verdict.DIFFERENT, Kind.PLACE
    if found.same_address and found.same_company and found.same_title and found.same_level:
        doubt = _doubt_of_address(found)
        return (Verdict.MAYBE, doubt) if doubt else (Verdict.SAME, Kind.ADDRESS)
    missing = _missing(found)
    if missing is None:
        doubt = _doubt(found)
        return (Verdict.MAYBE, doubt) if doubt else (Verdict.SAME, Kind.TEXT)
    if not found.same_title and not found.near_title:
        may_be = found.contained >= WHOLE and _may_be(found)
    elif found.letters < ENOUGH:
        # Company, title and place say too little to join them, and too much to part them.
        may_be = _may_be(found) and found.same_title
    else:
        may_be = found.contained >= CLOSE and _may_be(found)
    return Verdict.MAYBE if may_be else Verdict.DIFFERENT, missing


def _doubt_of_address(found: Comparison) -> Kind | None:
    if found.letters and found.contained < CLOSE:
        return Kind.TEXT
    if found.letters and (found.telling or found.reworded):
        return Kind.CHANGE
    if found.where != Where.SAME:
        return Kind.PLACE
    # A page for all applicants is the address of many openings; one board has two of them.
    if found.numbered or (found.one_source and found.letters < LEAST):
        return Kind.BOARD
    return Kind.EMPLOYMENT if found.other_kind else None


def _doubt(found: Comparison) -> Kind | None:
    """Return what leaves two that seem the same to a person."""
    if found.reworded:
        return Kind.CHANGE
    # What is stated by the sources themselves.
    if found.numbered:
        return Kind.BOARD
    if found.other_kind:
        return Kind.EMPLOYMENT
    return Kind.SALARY if found.salaries_differ else None


def _may_be(found: Comparison) -> bool:
    """Tell whether nothing else than the text parts two postings."""
    if found.aligned and found.telling and found.same_company:
        return False
    return found.same_level and (found.same_company or found.contained >= CLOSE)


def _may_be_near(found: Comparison) -> bool:
    """Tell whether two cities of one region may be one place that boards write in two ways.

    A source that has one posting in each of two cities of a company tells two openings.
    """
    if found.same_address:
        return True
    if found.one_source and found.same_company:
        return False
    return found.same_title and found.contained >= CLOSE


def _missing(found: Comparison) -> Kind | None:
    """Return what two postings lack to be the same, nothing where that is what they are."""
    if not found.same_level or not (found.same_title or found.near_title):
        return Kind.TITLE
    if found.where != Where.SAME:
        return Kind.PLACE
    if found.contained < (CLOSE if found.same_title else VERY_CLOSE):
        return Kind.TEXT
    if not found.long_enough:
        return Kind.LENGTH if found.letters else Kind.TEXT
    if found.telling:
        return Kind.CHANGE
    # Of one company another word of the title may be another team: both texts have to say it.
    if found.same_company and not found.same_title and not found.named_in_texts:
        return Kind.TITLE
    if found.one_source and found.same_company and not _is_twice(found):
        return Kind.BOARD
    return Kind.TEXT if found.replaced > _REPLACED else None


def _is_twice(found: Comparison) -> bool:
    """Tell whether one job board shows one posting of a company twice.

    An employer's account has one name; where it is spelled in two ways, the posting came to the
    board from two sides.
    """
    if not found.same_title:
        return False
    return not found.same_spelling or found.contained >= WHOLE
