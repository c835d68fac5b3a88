"""Lenient intake: a mapping becomes a posting whatever its optional values are.

A value that cannot be read costs its field, not the posting: it is left out, kept in
``attributes`` under its own name, and reported as an :class:`Omission`. The steps of that, and
what is true between fields, live here; how a value is read does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from jobstore.errors import Fault, InvalidPosting
from jobstore.intake import coercion
from jobstore.intake.validation import KNOWN, REQUIRED, check_posting, reader
from jobstore.records import COMPANY_NOT_STATED, JobPosting

# The clocks of two machines differ; nothing was seen further in the future.
AHEAD = timedelta(days=1)


class Omission(NamedTuple):
    """A value that was not taken as it came: left out, cut or turned round.

    ``field`` is the field it was meant for, ``name`` what the source calls it, ``kind`` the
    type of the value; ``reason`` completes the sentence "<field> ...".
    """

    field: str
    name: str
    kind: str
    reason: str


class Translated(dict[str, Any]):
    """The fields that a mapping made of a row.

    ``origin`` gives a field's own name at the source and its raw value, or ``None`` where they
    are the field's; it is asked only about values that are left out. ``broken`` is what the
    mapping itself left out.
    """

    origin: Callable[[str], tuple[str, Any] | None] | None = None
    broken: Sequence[Omission] = ()


def accept(
    posting: JobPosting | Mapping[str, Any],
    *,
    strict: bool | None = None,
    seen_at: datetime | None = None,
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
        checked, omissions = take_in(given, seen_at=seen_at)
    else:
        checked, omissions = take_in(posting, seen_at=seen_at)
    if seen_at is not None and checked.last_seen_at is None:
        checked.last_seen_at = seen_at
    return checked, omissions


def take_in(
    given: Mapping[str, Any], *, seen_at: datetime | None = None
) -> tuple[JobPosting, list[Omission]]:
    """Return the posting that ``given`` states, and what of it was not taken as it came.

    Raises InvalidPosting only where there is no title, no source or no id at the source.
    """
    if not isinstance(given, Mapping):
        raise InvalidPosting("a posting must be a JobPosting or a mapping")
    values = dict(given)
    omissions = [*getattr(given, "broken", ())]
    checked, found = reader()({name: values[name] for name in values if name in KNOWN})
    faults = [fault for fault in found if fault.field in REQUIRED - {"company"}]
    faults += [
        Fault(name, "is required")
        for name in REQUIRED - {"company"}
        if checked.get(name) is None and all(fault.field != name for fault in faults)
    ]
    if faults:
        raise InvalidPosting(faults)
    if checked.get("company") is None:
        checked["company"] = COMPANY_NOT_STATED
    attributes = checked.setdefault("attributes", {})
    for name, reason in found:
        value = values[name]
        own = origin(name) if (origin := getattr(given, "origin", None)) else None
        own_name, raw = own or (name, value)
        attributes.setdefault(own_name, str(raw))
        omissions.append(Omission(name, own_name, coercion.kind(value), reason))
    for low, high in (("salary_min", "salary_max"), ("first_seen_at", "last_seen_at")):
        if None not in (ends := (checked.get(low), checked.get(high))) and ends[0] > ends[1]:
            checked[low], checked[high] = ends[1], ends[0]
            omissions.append(Omission(low, low, "range", f"was above {high}: turned round"))
    return JobPosting(**checked), omissions
