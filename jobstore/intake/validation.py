"""Where input becomes a posting: everything from outside is checked here, once.

Which fields may come, what must be true between them and what is reported live here. The rule
of each field is in :mod:`jobstore.intake.fields`, the reading of single values in
:mod:`jobstore.intake.coercion`. No storage, no merging with what is stored, no parsing of files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from jobstore.errors import Fault, InvalidPosting
from jobstore.intake import wording
from jobstore.records import JobPosting, Status

SUGGESTED = 20
"""Unknown fields of a posting for which a name is suggested: looking for it takes long."""

_FIELDS = tuple(field.name for field in fields(JobPosting))
KNOWN = frozenset(_FIELDS)
REQUIRED = frozenset(("source", "source_job_id", "title", "company"))
_KEYS = frozenset(("source", "source_job_id"))
# What the store itself keeps about a stored posting.
_KEPT = frozenset(
    ("id", "version", "updated_at", "first_seen_at", "last_seen_at", "closed_at"),
)
_CHANGEABLE = KNOWN - _KEYS - _KEPT


def prepare() -> None:
    """Load what checking needs (about 0.1 s, once), rather than when the first posting comes."""
    reader()


def check_posting(posting: JobPosting | Mapping[str, Any]) -> JobPosting:
    """Return ``posting`` as a new, normalised JobPosting; nothing of the input is shared.

    - Text: white space around it is trimmed (:data:`jobstore.records.WHITE_SPACE`), Unicode
      NFC, blank means not stated. NUL, control characters and lone surrogates are refused.
      Text of one line that holds line breaks or tabs gets each run of white space made one
      space; ``source`` and ``source_job_id`` may hold none. ``description`` keeps line breaks
      and tabs as they are, and the C1 characters (U+0080 to U+009F) that broken encodings
      leave in the texts of real boards.
    - Most characters, after that: ``source`` 64, ``source_job_id`` 255, ``title`` 500,
      ``company`` and ``industry`` 300, ``location`` 2,000, ``company_size`` 100,
      ``salary_text`` 300, URLs 2,048, ``description`` 200,000; ``skills`` 200 of 200 each,
      repeated ones dropped, those of a set sorted.
    - ``locations``: at most 200, each a Location, a text or a mapping with the fields of a
      Location, whose city and region have up to 300 characters; repeated ones dropped. One without
      a text gets its city, region and country, joined by commas.
    - Enums: our values and the spellings in :mod:`jobstore.intake.spellings`, whatever their case,
      white space and punctuation; ``Not Applicable`` and its like mean not stated.
    - ``country`` (ISO 3166-1 alpha-2) and ``salary_currency`` (ISO 4217) in any case.
    - Salaries: 0 to below 10**12 with at most 6 decimal places, as Decimal, int, text such as
      ``"60000.50"`` or float (its shortest decimal form, rounded to 6 places); the minimum not
      above the maximum.
    - ``applicant_count``: a whole number from 0 to 2**63 - 1, in the same types.
    - Times: from 1990 to before 2100, as aware datetimes or ISO 8601 text with an offset; in
      UTC afterwards. A date alone (``date`` or ``YYYY-MM-DD``) is its midnight in UTC, since
      most boards give no more; as ``expires_at`` it is the last second of that day.
      ``first_seen_at`` is not after ``last_seen_at``.
    - URLs: ``http`` or ``https`` with a host, no white space.
    - ``attributes``: a JSON object kept as it is: at most 200,000 characters as JSON, 20
      levels, finite numbers, integers of up to 4,096 bits, no NUL and no lone surrogates.

    Raises InvalidPosting with every fault of every field.
    """
    if isinstance(posting, JobPosting):
        given = {name: value for name in _FIELDS if (value := getattr(posting, name)) is not None}
    elif isinstance(posting, Mapping):
        given = dict(posting)
    else:
        raise InvalidPosting("a posting must be a JobPosting or a mapping")
    faults = [] if given.keys() <= KNOWN else _refuse(given, KNOWN)
    if not given.keys() >= REQUIRED:
        faults += [Fault(name, "is required") for name in REQUIRED - given.keys()]
    checked = _checked(given, faults)
    _report(faults)
    return JobPosting(**checked)


def check_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the normalised ``changes`` to a stored posting, by the rules of check_posting.

    All fields but the keys and the times that the store keeps can be changed, and so can
    ``status``. ``None`` and blank clear an optional field: ``skills`` and ``locations`` become
    ``[]``, ``attributes`` ``{}``, anything else ``None``. One end of a salary range is checked
    against the stored other end by :func:`jobstore.derived.merge.edit`.

    Raises InvalidPosting with every fault.
    """
    if not isinstance(changes, Mapping):
        raise InvalidPosting("changes must be a mapping")
    if not changes:
        raise InvalidPosting("there is nothing to change")
    given = dict(changes)
    faults = [] if given.keys() <= _CHANGEABLE else _refuse(given, _CHANGEABLE)
    checked = _checked(given, faults)
    if checked.get("status", Status.OPEN) is None:
        faults.append(Fault("status", "cannot be cleared"))
    _report(faults)
    return checked


def check_keys(source: Any, source_job_id: Any) -> tuple[str, str]:
    """Return the two keys of a posting, normalised. Raises InvalidPosting with every fault."""
    given = {"source": source, "source_job_id": source_job_id}
    faults: list[Fault] = []
    checked = _checked(given, faults)
    _report(faults)
    return checked["source"], checked["source_job_id"]


def _checked(given: dict[str, Any], faults: list[Fault]) -> dict[str, Any]:
    """Return the values that are sound by themselves; add all that is wrong to ``faults``."""
    checked, found = reader()(given)
    faults += found
    # What is sound by itself may still contradict another field.
    low, high = checked.get("salary_min"), checked.get("salary_max")
    if low is not None and high is not None and low > high:
        faults.append(Fault("salary_min", "must not be above salary_max"))
    first, last = checked.get("first_seen_at"), checked.get("last_seen_at")
    if first is not None and last is not None and first > last:
        faults.append(Fault("first_seen_at", "must not be after last_seen_at"))
    return checked


@cache
def reader() -> Callable[[Mapping[str, Any]], tuple[dict[str, Any], list[Fault]]]:
    from jobstore.intake.fields import read_fields

    return read_fields


def _report(faults: list[Fault]) -> None:
    if faults:
        raise InvalidPosting(sorted(faults, key=_position))


def _position(fault: Fault) -> int:
    return _FIELDS.index(fault.field) if fault.field in KNOWN else len(_FIELDS)


def _refuse(given: dict[str, Any], allowed: frozenset[str]) -> list[Fault]:
    """Take the fields that are not ``allowed`` out of ``given`` and return a fault for each."""
    refused = [name for name in given if name not in allowed]
    for name in refused:
        del given[name]
    faults = [unknown(name, allowed) for name in refused[:SUGGESTED]]
    if len(refused) > SUGGESTED:
        faults.append(Fault("", f"{len(refused) - SUGGESTED} more fields are unknown"))
    return faults


def unknown(name: object, allowed: frozenset[str], *, suggest: bool = True) -> Fault:
    """Return what is wrong with a field that is not ``allowed``."""
    if not isinstance(name, str):
        return Fault("", f"field names must be text, not {wording.kind(name)}")
    if name in _KEYS:
        return Fault(name, "cannot be changed: it identifies the posting")
    if name in _KEPT and allowed is _CHANGEABLE:
        return Fault(name, "cannot be changed: the store keeps it")
    if not suggest:
        return Fault(wording.shorten(name), "unknown field")
    import difflib  # here, since only a caller's mistake needs it

    close = difflib.get_close_matches(name[:40].casefold(), sorted(allowed), n=1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return Fault(wording.shorten(name), f"unknown field{hint}")
