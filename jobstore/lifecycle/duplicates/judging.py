"""What two postings are to each other, and whether it is worth reading their texts to know it.

The figures below were chosen on the judged pairs in ``tests/data/duplicates``; the page beside them
says how.
"""

from __future__ import annotations

from jobstore.lifecycle.duplicates.companies import same_company
from jobstore.lifecycle.duplicates.comparing import CLOSE, Comparison
from jobstore.lifecycle.duplicates.evidence import Judgement, Verdict
from jobstore.lifecycle.duplicates.features import Features, Read
from jobstore.lifecycle.duplicates.places import Where, where
from jobstore.lifecycle.duplicates.texts import resemblance

_VERY_CLOSE = 0.9
"""The share of the shorter text where titles are only alike, or the text is short."""
_WHOLE = 0.97
"""From here on the shorter text is in the longer one as a whole."""
_REPLACED = 0.07
"""At most so much of a text is worded otherwise."""
_ENOUGH = 400
"""Letters and digits from which on a text tells openings apart."""
_ENOUGH_ELSEWHERE = 600
"""The same where the companies have different names."""
_LEAST = 250
"""A shorter text says too little, unless another board has it as a whole under a specific title."""
_EXCERPT = 200
"""Then so much is enough, as boards show of a text in their lists."""
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
    one_job = left.title == right.title and same_company(left.company, right.company)
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
    another number are ``different``, however alike their texts are.
    """
    found = Comparison(left, right)
    return Judgement(_verdict(found), tuple(found.reasons()))


def _verdict(found: Comparison) -> Verdict:
    if found.where == Where.APART:
        return Verdict.DIFFERENT
    if found.where == Where.NEAR and not _may_be_near(found):
        return Verdict.DIFFERENT
    if found.same_address and found.same_company and found.same_title and found.same_level:
        same_text = not found.letters or (found.contained >= CLOSE and not found.telling)
        sure = same_text and found.where == Where.SAME and not found.numbered
        # A page for all applicants is the address of many openings; one board has two of them.
        sure = sure and not (found.one_source and found.letters < _LEAST) and not found.other_kind
        return Verdict.SAME if sure else Verdict.MAYBE
    if _is_same(found):
        # What is stated by the sources themselves is left to a person.
        unsure = found.numbered or found.salaries_differ or found.other_kind
        return Verdict.MAYBE if unsure else Verdict.SAME
    if not found.same_title and not found.near_title:
        return Verdict.MAYBE if found.contained >= _WHOLE and _may_be(found) else Verdict.DIFFERENT
    if found.letters < _ENOUGH:
        # Company, title and place say too little to join them, and too much to part them.
        return Verdict.MAYBE if _may_be(found) and found.same_title else Verdict.DIFFERENT
    return Verdict.MAYBE if found.contained >= CLOSE and _may_be(found) else Verdict.DIFFERENT


def _may_be(found: Comparison) -> bool:
    """Tell whether nothing else than the text parts two postings."""
    if found.telling and found.same_company:
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


def _is_same(found: Comparison) -> bool:
    if found.where != Where.SAME or not found.same_level or not _is_long_enough(found):
        return False
    if found.contained < (CLOSE if found.same_title else _VERY_CLOSE):
        return False
    if not found.same_title and not found.near_title:
        return False
    # Of one company another word of the title may be another team: both texts have to say it.
    if found.same_company and not found.same_title and not found.named_in_texts:
        return False
    if found.one_source and found.same_company and not _is_twice(found):
        return False
    return not found.telling and found.replaced <= _REPLACED


def _is_long_enough(found: Comparison) -> bool:
    surer = found.same_title and found.contained >= _VERY_CLOSE
    if not found.same_company:
        return found.letters >= (_ENOUGH if surer else _ENOUGH_ELSEWHERE)
    if found.specific and found.contained >= _WHOLE and not found.one_source:
        return found.letters >= _EXCERPT
    return found.letters >= (_LEAST if surer else _ENOUGH)


def _is_twice(found: Comparison) -> bool:
    """Tell whether one job board shows one posting of a company twice.

    An employer's account has one name; where it is spelled in two ways, the posting came to the
    board from two sides.
    """
    if not found.same_title:
        return False
    if not found.same_spelling and found.contained >= _VERY_CLOSE:
        return True
    return found.contained >= _WHOLE
