"""Names of companies made comparable: without legal forms, whatever their script."""

from __future__ import annotations

import re
from functools import lru_cache

from jobstore.lifecycle.duplicates.vocabulary import FORMS, GENERIC, JOINERS
from jobstore.records import COMPANY_NOT_STATED
from jobstore.search.words import words

# Chinese, Japanese and Korean forms have no spaces around them.
_ATTACHED = re.compile(
    "股份有限公司|有限责任公司|有限責任公司|有限公司|株式会社|株式會社|有限会社|合同会社|一般社団法人"
    "|[(（][株有合][)）]|㈱|㈲|주식회사|유한회사|[(（][주유][)）]|㈜"
    "|ش\\.م\\.م|ذ\\.م\\.م|בע[\"״']?מ"
)
# "S.p.A." and "G.m.b.H." are one word.
_DOTTED = re.compile(r"\b(?:[^\W\d_]\.){1,5}[^\W\d_]?(?!\w)")
_REMARK = re.compile(r"[(\[（【].*?[)\]）】]")
_SHORTEST = 3


@lru_cache(maxsize=4_096)
def company_words(name: str) -> tuple[str, ...]:
    """Return the words of a company's name without its legal form; none where none is stated.

    What stands in brackets goes as well, and ``the`` before the name. Where nothing would be left,
    all words stay.
    """
    if name == COMPANY_NOT_STATED:
        return ()
    text = _ATTACHED.sub(" ", name)
    found = words(_plain(_REMARK.sub(" ", text))) or words(_plain(text)) or words(name)
    first, last = 0, len(found)
    while last > 1 and (found[last - 1] in FORMS or found[last - 1] in JOINERS):
        last -= 1
    while first < last - 1 and (found[first] in FORMS or found[first] == "the"):
        first += 1
    return tuple(found[first:last])


def _plain(text: str) -> str:
    joined = _DOTTED.sub(lambda found: found[0].replace(".", ""), text)
    return joined.replace("'", "").replace("\u2019", "")


def company_key(company: tuple[str, ...]) -> str:
    """Return what is equal where two names differ in legal form, case and spaces only."""
    return "".join(company)


def same_company(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """Tell whether two names are the same, or one is a longer form of the other."""
    return (bool(left) and company_key(left) == company_key(right)) or related(left, right)


def related(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """Tell whether one name is the beginning of the other or its initials, or all its words are in
    the other. A name of one word is, where the other's further words name no other company."""
    return _is_longer(left, right) and not namesakes(left, right)


def namesakes(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """Tell whether one name is a single word that begins another company's: Delta, Delta Dental.

    In "Aetna, a CVS Health Company" the further words say what the company is.
    """
    short, long = sorted((left, right), key=len)
    more = long[1:]
    return len(short) == 1 and long[:1] == short and not ({*more} <= GENERIC or more[0] in "an")


def _is_longer(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    short, long = sorted((left, right), key=lambda each: (len(each), each))
    if not short or sum(map(len, short)) < _SHORTEST:
        return False
    key = company_key(short)
    initials = "".join(word[0] for word in long)
    return set(short) <= set(long) or company_key(long).startswith(key) or key == initials
