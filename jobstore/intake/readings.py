"""How each field's value is read where the strict reader refuses it: what people and boards write.

Each reader takes a plain value and what is known of the row, and returns a :class:`Reading`, or
raises ValueError with the reason. What it returns still has to pass the strict reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from jobstore.intake import coercion, wording
from jobstore.intake.amounts import amount_and_currency
from jobstore.intake.countries import country_code
from jobstore.intake.currencies import currency_code
from jobstore.intake.fields import (
    MAX_COMPANY,
    MAX_DESCRIPTION,
    MAX_SKILL,
    MAX_SKILLS,
    MAX_TITLE,
)
from jobstore.intake.lists import LONGEST, is_list, items, written_list
from jobstore.intake.markup import plain_line
from jobstore.intake.moments import read_moment
from jobstore.intake.places import MAX_LOCATION, readable_locations
from jobstore.intake.plain_values import clean
from jobstore.intake.sentinels import states_nothing
from jobstore.intake.spellings import look_up
from jobstore.intake.wording import shorten
from jobstore.intake.words import KINDS, read_words, says_lasting
from jobstore.records import EmploymentType, Workplace


class Known(NamedTuple):
    """What is known of a row: the values that were read, and when it was seen."""

    values: Mapping[str, Any]
    read_at: datetime

    @property
    def seen_at(self) -> datetime | None:
        """When the row's texts were written: by its own times, or else when it was read.

        ``None`` where it was seen first and last on different days.
        """
        first, last = map(self.values.get, ("first_seen_at", "last_seen_at"))
        if first is not None and last is not None and abs(last - first) >= timedelta(days=1):
            return None
        return last or first or self.read_at


class Reading(NamedTuple):
    """What a value says. ``note`` says what of it was not taken, if any; ``beside`` is what it
    says of other fields."""

    value: Any
    note: str | None = None
    beside: Mapping[str, Any] = {}


Reader = Callable[[Any, Known], Reading]

# What says more than a day: a time of day, or seconds since 1970, of nine digits on.
_TIMED = re.compile(r":|^\s*\d{9}")
_COUNT = re.compile(
    r"(\d{1,3}(?:[,.' \u00a0\u202f]\d{3})+|\d+)\s*"
    r"(?:applicants?|applications?|candidates?|bewerber(?:innen)?|bewerbungen|candidats?"
    r"|candidatures?|candidatos|candidaturas?|candidati|sollicitanten|kandydat\w*|応募者?|人)?",
    re.IGNORECASE,
)
_HOST = re.compile(
    r"www\.[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:[/?#]\S*)?|[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}/\S*",
    re.IGNORECASE,
)
# A permanent contract is no freelancer's.
_ENDING = frozenset((EmploymentType.CONTRACT, EmploymentType.TEMPORARY))
_LONGEST_URL = 2_048


def _text(limit: int = 10**9, *, joined: str = ", ", lines: bool = True) -> Reader:
    """Return a reader of text; one that is longer than ``limit`` is cut, with a note."""

    def read(value: Any, known: Known) -> Reading:
        if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
            value = joined.join(each for each in value if each.strip())
        text = clean(_as_text(value))
        if lines:
            text = coercion.one_line(text)
        if len(text) <= limit:
            return Reading(text)
        note = f"has {len(text):,} characters and was cut to {limit:,}"
        return Reading(f"{text[: limit - 1].rstrip()}…", note)

    return read


def _key(value: Any, known: Known) -> Reading:
    return Reading(clean(_as_text(value)))


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(f"must be text, not {wording.in_words(value)}")
    # Ids come as 123.0 out of tables with empty cells.
    if not -(2**64) < value < 2**64:
        raise ValueError("must be text, not a number of so many digits")
    return str(int(value) if value == int(value) else value)


def _kind(name: str) -> Reader:
    """Return a reader of one of our enums in texts, lists and flags."""
    enum = KINDS[name]

    def read(value: Any, known: Known) -> Reading:
        if name == "workplace" and (
            value is True or str(value).strip().casefold() in ("true", "yes")
        ):
            return Reading(Workplace.REMOTE)
        given = items(value) if isinstance(value, list) or is_list(value) else [value]
        kinds: list[StrEnum] = []
        beside: dict[str, Any] = {}
        unread = silent = None
        lasting = False
        for item in given:
            if item is None or (isinstance(item, str) and states_nothing(name, item)):
                continue
            text = clean(_as_text(item))
            try:
                found = look_up(enum, text)
                kinds += [found] if found is not None else []
                continue
            except KeyError:
                said = read_words(name, text)
            if said is None:
                unread = unread or text
                continue
            silent = silent or text
            lasting = lasting or says_lasting(text)
            kinds += said.kinds
            beside |= {key: kind for key, kind in said.beside.items() if key not in beside}
        kinds = list(dict.fromkeys(kinds))
        if name == "employment_type" and lasting and not _ENDING.isdisjoint(kinds):
            raise ValueError(
                f"must be one kind of employment, not {', '.join(kinds)} without an end"
            )
        if unread and kinds and name != "employment_type":
            kinds = []
        if not kinds and (doubtful := unread or silent):
            raise ValueError(f"must be one of {', '.join(enum)}, not '{shorten(doubtful)}'")
        if not kinds:
            return Reading(None)
        if len(kinds) == 1:
            more = unread and f"says more than {kinds[0]}: '{shorten(unread)}' is not understood"
            return Reading(kinds[0], more, beside)
        if name not in ("employment_type", "experience_level"):
            raise ValueError(f"must be one of {', '.join(enum)}, not several: {', '.join(kinds)}")
        note = f"says several, {', '.join(kinds)}; the first was taken"
        return Reading(kinds[0], note, beside)

    return read


def _country(value: Any, known: Known) -> Reading:
    found = country_code(clean(_one_text(value)))
    if found is None:
        raise ValueError(
            f"must be a country's code (ISO 3166-1) or name, not '{shorten(_one_text(value))}'"
        )
    return Reading(found)


def _currency(value: Any, known: Known) -> Reading:
    found = currency_code(clean(_one_text(value)), country=known.values.get("country"))
    if found is None:
        raise ValueError(
            f"must be a currency that is certain (ISO 4217), not '{shorten(_one_text(value))}'"
        )
    return Reading(found)


def _one_text(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    return _as_text(value)


def _amount(value: Any, known: Known) -> Reading:
    if not isinstance(value, str):
        return Reading(coercion.amount(value))
    values = known.values
    currency, country = values.get("salary_currency"), values.get("country")
    amount, named = amount_and_currency(clean(value), currency=currency, country=country)
    # A sign that stands with the amount says the currency, where the row says none.
    beside = {"salary_currency": named} if named is not None and currency is None else {}
    return Reading(amount, beside=beside)


def _count(value: Any, known: Known) -> Reading:
    if not isinstance(value, str):
        return Reading(coercion.count(value))
    found = _COUNT.fullmatch(clean(value).strip())
    if not found:
        raise ValueError(f"must be a whole number, not '{shorten(value)}'")
    return Reading(int(re.sub(r"\D", "", found[1])))


def _moment(value: Any, known: Known) -> Reading:
    if isinstance(value, Decimal):
        value = str(value)
    if not isinstance(value, str | int | float | date):
        raise ValueError(f"must be a time, not {wording.in_words(value)}")
    return Reading(read_moment(value, seen_at=known.seen_at))


def _end(value: Any, known: Known) -> Reading:
    end = _moment(value, known).value
    if isinstance(value, str) and not _TIMED.search(value) and end.time() == time():
        end = datetime.combine(end, coercion.LAST_SECOND, UTC)
    return Reading(end)


def _url(value: Any, known: Known) -> Reading:
    text = clean(_one_text(value)).strip()
    if text.startswith("//"):
        text = f"https:{text}"
    elif len(text) <= _LONGEST_URL and _HOST.fullmatch(text):
        text = f"https://{text}"
    return Reading(text)


def _skills(value: Any, known: Known) -> Reading:
    read: list[str] = []
    unread = 0
    for item in items(value):
        if isinstance(item, Mapping):
            item = item.get("name")
        if item is None or (isinstance(item, str) and states_nothing("skills", item)):
            continue
        try:
            text = plain_line(clean(_as_text(item)))
        except ValueError:
            unread += 1
            continue
        if len(text) > MAX_SKILL:
            unread += 1
        else:
            read.append(text)
    read = list(dict.fromkeys(read))
    if unread and not read:
        raise ValueError(f"must be texts of at most {MAX_SKILL} characters")
    note = None
    if unread:
        note = f"has {unread} items that are no texts of at most {MAX_SKILL} characters: left out"
    elif len(read) > MAX_SKILLS:
        note = f"has {len(read):,} items, of which the first {MAX_SKILLS} were taken"
    return Reading(read[:MAX_SKILLS], note)


def _places(value: Any, known: Known) -> Reading:
    # Cells of tables hold lists as JSON or Python write them.
    if is_list(value) and len(value) <= LONGEST and value.lstrip()[0] != "(":
        value = written_list(value.strip()) or value
    found, faults = readable_locations(value)
    if faults and not found:
        raise ValueError(faults[0])
    return Reading(found, "; ".join(faults[:3]) or None)


_location_text = _text(MAX_LOCATION, joined="; ")


def _location(value: Any, known: Known) -> Reading:
    """Read a text, or one or several places, which are the posting's locations as well."""
    if isinstance(value, list | Mapping):
        found, faults = readable_locations(value)
        if not faults and found:
            texts = [place.text for place in found]
            return _location_text(texts, known)._replace(beside={"locations": found})
    return _location_text(value, known)


READERS: dict[str, Reader] = {
    "source": _key,
    "source_job_id": _key,
    "title": _text(MAX_TITLE),
    "company": _text(MAX_COMPANY),
    "country": _country,
    "location": _location,
    "locations": _places,
    **{name: _kind(name) for name in KINDS},
    "industry": _text(),
    "company_size": _text(),
    "salary_text": _text(),
    "description": _text(MAX_DESCRIPTION, joined="\n", lines=False),
    "skills": _skills,
    "salary_currency": _currency,
    "salary_min": _amount,
    "salary_max": _amount,
    "applicant_count": _count,
    **dict.fromkeys(("url", "apply_url", "company_url"), _url),
    **dict.fromkeys(("first_seen_at", "last_seen_at", "posted_at", "closed_at"), _moment),
    "expires_at": _end,
}
"""The readers, in the order in which one may need what another has read."""
