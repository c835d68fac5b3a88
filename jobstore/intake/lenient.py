"""Lenient intake: a mapping becomes a posting whatever its optional values are.

A value that cannot be read costs its field, not the posting: it is left out, kept in
``attributes`` under its own name, and reported as an :class:`Omission`. The steps of that, and
what is true between fields, live here; how a value is read is in
:mod:`jobstore.intake.readings`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from jobstore.errors import Fault, InvalidPosting
from jobstore.intake import mending, wording
from jobstore.intake.given import Omission
from jobstore.intake.plain_values import PLAIN, json_value, plain
from jobstore.intake.room import NAMED, Room
from jobstore.intake.sentinels import FIRST_CHARACTERS, TIMES, states_nothing, without_salary
from jobstore.intake.validation import (
    KNOWN,
    REQUIRED,
    SUGGESTED,
    check_posting,
    reader,
    unknown,
)
from jobstore.records import COMPANY_NOT_STATED, MAX_ATTRIBUTES, JobPosting, Location

if TYPE_CHECKING:
    from jobstore.intake.readings import Reader

# The clocks of two machines differ; nothing was seen further in the future.
AHEAD = timedelta(days=1)

# Without these there is no posting.
_DECIDING = REQUIRED - {"company"}
_LINES = ("title", "company", "location", "industry")
# How a company's name ends when its rating stands behind it.
_RATED_ENDS = frozenset("0123456789 \n\r")
_SALARY = ("salary_min", "salary_max")
# What an amount is of; one that cannot be read takes the amounts with it.
_UNITS = ("salary_period", "salary_currency")
_PAID = frozenset((*_SALARY, "salary_text"))
_SIGHTINGS = ("first_seen_at", "last_seen_at")
_SEEN = frozenset(_SIGHTINGS)


def utc_now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


def accept(
    posting: JobPosting | Mapping[str, Any],
    *,
    strict: bool | None = None,
    seen_at: datetime | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> tuple[JobPosting, list[Omission]]:
    """Return a checked posting, and what was not taken as it came.

    ``strict`` is None for JobPosting strict and mappings lenient, True for all strict and False for
    all lenient. ``seen_at`` is when the posting was seen, where it brings no time of its own.

    Raises InvalidPosting with every fault that decides about the posting.
    """
    omissions: list[Omission] = []
    if strict or (strict is None and not isinstance(posting, Mapping)):
        checked = check_posting(posting)
    elif isinstance(posting, JobPosting):
        given = {name: getattr(posting, name) for name in JobPosting.__slots__}
        checked, omissions = take_in(given, seen_at=seen_at, clock=clock)
    else:
        checked, omissions = take_in(posting, seen_at=seen_at, clock=clock)
    if seen_at is not None and checked.last_seen_at is None:
        known: Any = checked.first_seen_at
        checked.last_seen_at = max(seen_at.astimezone(UTC), known or seen_at)
    return checked, omissions


def take_in(
    given: Mapping[str, Any],
    *,
    seen_at: datetime | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> tuple[JobPosting, list[Omission]]:
    """Return the posting that ``given`` states, and what of it was not taken as it came.

    Values are made plain (numpy, pandas, enums), and what stands for "not stated" is taken out.
    Then each is read strictly, and where that fails as people write it. What still fails goes to
    ``attributes``, and so do fields that a posting does not have. ``seen_at``, or else when the
    row was written, or else the present time of ``clock``, is what ``3 days ago`` counts from.

    Raises InvalidPosting only where there is no usable title, source or id at the source.
    """
    if not isinstance(given, Mapping):
        raise InvalidPosting("a posting must be a JobPosting or a mapping")
    try:
        return _Intake(given, seen_at, clock).posting()
    except InvalidPosting:
        raise
    except Exception as error:  # of the methods of whatever objects the mapping holds
        raise InvalidPosting(f"cannot be read: {type(error).__name__}") from error


class _Intake:
    """One posting on its way in."""

    def __init__(
        self, given: Mapping[str, Any], seen_at: datetime | None, clock: Callable[[], datetime]
    ) -> None:
        self._given = given
        self._seen_at = seen_at or getattr(given, "written_at", None)
        self._clock = clock
        self._origin = getattr(given, "origin", None)
        self._omissions: list[Omission] = list(getattr(given, "broken", ()))
        # Raw values to keep in the attributes, by their own names.
        self._kept: dict[str, Any] = {}
        self._room = Room(self._omissions)

    def posting(self) -> tuple[JobPosting, list[Omission]]:
        values = self._stated()
        self._mend(values)
        if isinstance(given := values.get("attributes"), dict):
            values["attributes"] = self._room.bounded(given)
        checked, faults = reader()(values)
        if not values.keys() >= _DECIDING:
            faults += [Fault(name, "is required") for name in _DECIDING - values.keys()]
        if faults:
            self._read(values, checked, faults)
        if skills := checked.get("skills"):
            checked["skills"] = _told(skills)
        if places := checked.get("locations"):
            checked["locations"] = self._places(places)
        if not checked.get("company"):
            checked["company"] = COMPANY_NOT_STATED
        if not _PAID.isdisjoint(values):
            self._salary(values, checked)
        if not _SEEN.isdisjoint(values):
            self._sightings(checked)
        if self._kept:
            self._room.add(checked.setdefault("attributes", {}), self._kept)
        self._room.tell()
        return JobPosting(**checked), self._omissions

    def _stated(self) -> dict[str, Any]:
        """Return the fields that state something, as plain values."""
        values: dict[str, Any] = {}
        for name, value in self._given.items():
            kind = type(value)
            # Most values are told by one look at the first character.
            if kind is str:
                if value[:1] not in FIRST_CHARACTERS and name not in TIMES:
                    values[name] = value
                    continue
            elif kind not in PLAIN:
                value = plain(value)
            if value is not None and not states_nothing(name, value):
                values[name] = value
        if not values.keys() <= KNOWN:
            self._strange(values)
        return values

    def _strange(self, values: dict[str, Any]) -> None:
        """Take out the fields that a posting does not have; many are kept, and not named."""
        strange = [name for name in values if name not in KNOWN]
        for number, name in enumerate(strange):
            own = name if isinstance(name, str) else str(json_value(name))
            value = values.pop(name)
            if number < NAMED:
                fault = unknown(name, KNOWN, suggest=number < SUGGESTED)
                self._leave_out(name, value, fault.reason, own)
            else:
                self._kept[own] = value
        if len(strange) > NAMED:
            reason = f"has {len(strange) - NAMED:,} more fields that are unknown"
            self._omissions.append(Omission("attributes", "attributes", "dict", reason))

    def _mend(self, values: dict[str, Any]) -> None:
        """Mend texts that came broken; the original of those in another encoding is kept."""
        company = values.get("company")
        if isinstance(company, str) and company[-1:] in _RATED_ENDS:
            name = mending.without_rating(company, values.get("attributes"))
            if name is not company:
                values["company"] = name
                self._keep_raw("company")
        if isinstance(company, str) and company[-1:] == ")":
            name = mending.without_page(company)
            if name is not company:
                values["company"] = name
                self._keep_raw("company")
        lines = [text for name in _LINES if type(text := values.get(name)) is str]
        for name in _LINES if mending.is_odd("|".join(lines)) else ():
            text = values.get(name)
            if isinstance(text, str) and mending.is_odd(text):
                mended, broken = mending.line(text)
                if mended is not text:
                    values[name] = mended
                    if broken:
                        self._keep_raw(name)
        text = values.get("description")
        if isinstance(text, str) and not text.isascii():
            mended = mending.in_encoding(text)
            if mended is not text:
                values["description"] = mended
                self._keep_raw("description")

    def _places(self, places: list[Location]) -> list[Location]:
        """Return the places that say something, with texts that are mended."""
        parts = ("text", "city", "region")
        texts = {text for each in places for part in parts if (text := getattr(each, part))}
        if mending.is_odd("|".join(texts)):
            mended = {text: mending.line(text) for text in texts}
            if any(broken for _, broken in mended.values()):
                self._keep_raw("locations")
            right: dict[str | None, str | None] = {
                text: new or None for text, (new, _) in mended.items()
            }
            places = [
                Location(text, right.get(each.city), right.get(each.region), each.country)
                for each in places
                if (text := right[each.text])
            ]
        places = [each for each in places if not states_nothing("location", each.text)]
        return list(dict.fromkeys(places))

    def _read(self, values: dict[str, Any], checked: dict[str, Any], faults: list[Fault]) -> None:
        """Read the values that the strict readers refused as people write them."""
        from jobstore.intake.readings import Known

        known = Known(checked, self._seen_at or self._clock())
        refused = {fault.field: fault.reason for fault in reversed(faults)}
        deciding: list[Fault] = []
        for name, read in _readers().items():
            if name not in refused:
                continue
            try:
                if name not in values:
                    raise ValueError(refused[name])
                reading = read(values[name], known)
                sound, wrong = reader()({name: reading.value})
                if wrong:
                    raise ValueError(wrong[0].reason)
            except ValueError as error:
                if name in _DECIDING:
                    deciding.append(Fault(name, str(error)))
                elif name in values:
                    self._leave_out(name, values[name], str(error))
                continue
            checked |= sound
            if reading.note:
                self._leave_out(name, values[name], reading.note)
            checked |= {key: value for key, value in reading.beside.items() if key not in values}
        if deciding:
            raise InvalidPosting(deciding)
        if "attributes" in refused:
            self._attributes(values["attributes"], checked)

    def _attributes(self, value: Any, checked: dict[str, Any]) -> None:
        """Take of the attributes what JSON can hold, and what there is room for."""
        # Of a longer one, not even the text could be kept.
        if isinstance(value, str) and len(value) <= MAX_ATTRIBUTES:
            with suppress(ValueError, RecursionError):
                value = json.loads(value)
        if not isinstance(value, dict):
            reason = f"must be a JSON object, not {wording.kind(value)}"
            self._leave_out("attributes", value, reason)
            return
        checked["attributes"] = self._room.fitting(value)

    def _salary(self, values: dict[str, Any], checked: dict[str, Any]) -> None:
        """Leave out amounts that are none, or of an unknown unit; read the text where there are
        none."""
        stated = [name for name in _SALARY if checked.get(name) is not None]
        if len(stated) == 2 and not self._omissions and checked["salary_max"]:
            self._turn_round(checked, *_SALARY)
            return
        left = {omission.field for omission in self._omissions}
        for unit in _UNITS:
            if stated and unit in left and checked.get(unit) is None:
                for name in stated:
                    del checked[name]
                    self._leave_out(name, values[name], f"depends on {unit}, which is left out")
                return
        for name in without_salary(checked) if stated else ():
            checked[name] = None
        stated = [name for name in stated if checked[name] is not None]
        self._turn_round(checked, *_SALARY)
        text = checked.get("salary_text")
        if text is None or stated or not left.isdisjoint((*_SALARY, *_UNITS)):
            return
        from jobstore.intake.pay import salary_in_text  # few rows have only a text

        checked |= salary_in_text(text, checked)

    def _sightings(self, checked: dict[str, Any]) -> None:
        # One in the future would make every sighting that follows an old one.
        for name in _SIGHTINGS:
            moment = checked.get(name)
            if moment is not None and moment > self._clock() + AHEAD:
                del checked[name]
                self._leave_out(name, self._given[name], "must not be in the future")
        self._turn_round(checked, *_SIGHTINGS)

    def _turn_round(self, checked: dict[str, Any], low: str, high: str) -> None:
        first, last = checked.get(low), checked.get(high)
        if first is not None and last is not None and first > last:
            checked[low], checked[high] = last, first
            own, _ = self._own(low)
            self._omissions.append(Omission(low, own, "range", f"is above {high}: turned round"))

    def _own(self, name: str) -> tuple[str, Any]:
        """Return a field's own name at the source, and its raw value."""
        found = self._origin(name) if self._origin else None
        return found or (name, self._given.get(name))

    def _keep_raw(self, name: str) -> None:
        own, raw = self._own(name)
        self._kept[own] = raw

    def _leave_out(self, name: Any, value: Any, reason: str, own: str | None = None) -> None:
        raw = value
        if own is None:
            own, raw = self._own(name)
        self._kept[own] = raw
        field = name if name in KNOWN else wording.shorten(own)
        self._omissions.append(Omission(field, wording.shorten(own), wording.kind(raw), reason))


def _told(skills: list[str]) -> list[str]:
    """Return the skills that say something, as they are read."""
    if mending.is_odd("|".join(skills)):
        skills = [mending.line(skill)[0] for skill in skills]
    return [
        skill
        for skill in skills
        if skill[:1] not in FIRST_CHARACTERS or not states_nothing("skills", skill)
    ]


@cache
def _readers() -> dict[str, Reader]:
    # What they need takes a while to load, and plain rows do not need them.
    from jobstore.intake.readings import READERS

    return READERS
