"""Applications as they are asked for, stored and read; and what tells that two are for one opening.

Pure: no store is known. An application's id follows from its posting and the time that it began,
so that asking for it again makes no second one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final
from uuid import UUID, uuid5

from jobstore.composition import composed
from jobstore.derived.funnel import reached
from jobstore.derived.micros import from_micros, to_micros
from jobstore.engines.kept import Row
from jobstore.errors import Fault, InvalidQuery
from jobstore.lifecycle.stages import TRANSITIONS, is_allowed, is_sent
from jobstore.moments import in_utc, iso
from jobstore.records import (
    COMPANY_NOT_STATED,
    Application,
    ApplicationState,
    Contact,
    Job,
    Note,
    Stage,
    Status,
)
from jobstore.search.words import fold

LOOK_ALIKE = timedelta(days=90)
"""For so long a second application to a duplicate, or a posting that looks alike, is refused."""
MOST_NOTES = 1_000
MOST_CONTACTS = 100
MOST_CHARACTERS = 1_000
MOST_NOTE_CHARACTERS = 20_000


class Unset(Enum):
    """What stands for a value that is to stay as it is."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of an application, checked."""

    state: ApplicationState | None
    at: datetime
    is_now: bool
    """Whether nobody said when."""
    note: str | None
    contacts: tuple[Contact, ...] | None
    due_at: datetime | Unset | None


@dataclass(frozen=True, slots=True)
class Marks:
    """What a posting has in common with another one that stands for the same opening."""

    look: str
    address: str | None
    apply_address: str | None
    version: int
    """The posting's, as whoever writes finds it: what closes it later was not known."""


def marks(job: Job) -> Marks:
    """Return the marks of a posting.

    An address is the board and the id there, or else the web address without what only tracks
    readers; that of a page which lists postings is none. Where one applies is often a page for all
    of a company's openings, so it counts on boards that are known alone.
    """
    # With all formats, and what compares texts, which no other use of a store needs.
    from jobstore.exchange.identity import board_of
    from jobstore.lifecycle.duplicates.companies import company_key, company_words

    apply_url = job.apply_url if job.apply_url and board_of(job.apply_url) else None
    return Marks(
        # Two that name no company have none in common.
        look=_hashed(str(job.id))
        if job.company == COMPANY_NOT_STATED
        else _hashed(company_key(company_words(job.company)) or fold(job.company), fold(job.title)),
        address=_address(job.url),
        apply_address=_address(apply_url),
        version=job.version,
    )


def _address(url: str | None) -> str | None:
    from jobstore.exchange.identity import identity, plain_address

    source, key = identity(plain_address(url)) if url else (None, None)
    return None if source is None or key is None else _hashed(source, key)


def _hashed(*texts: str) -> str:
    return str(uuid5(_NAMESPACE, "\n".join(texts)))


_NAMESPACE = UUID("6b7f4d3e-51b5-5c0e-9d0a-2a4f1f0f6c11")


def check_change(
    *,
    state: object,
    at: object,
    note: object,
    contacts: object,
    due_at: object,
    now: datetime,
) -> Change:
    """Return what is asked for. Raises InvalidQuery with every fault."""
    faults: list[Fault] = []

    def checked(name: str, check: Any, value: Any) -> Any:
        try:
            return check(value)
        except (TypeError, ValueError) as error:
            faults.append(Fault(name, str(error)))
            return None

    found = Change(
        state=None if state is None else checked("state", _state, state),
        at=now if at is None else checked("at", _moment, at),
        is_now=at is None,
        note=None if note is None else checked("note", _note, note),
        contacts=None if contacts is None else checked("contacts", _contacts, contacts),
        due_at=due_at if due_at is None or due_at is UNSET else checked("due_at", _moment, due_at),
    )
    if found.at is not None and found.at > now + timedelta(days=1):
        faults.append(Fault("at", "must not be in the future; due_at is for what comes"))
    if faults:
        raise InvalidQuery(faults)
    return found


def check_states(states: object) -> tuple[ApplicationState, ...]:
    """Return states, one or several, ``None`` for all. Raises InvalidQuery."""
    if states is None:
        return tuple(ApplicationState)
    several = states if isinstance(states, list | tuple | set | frozenset) else (states,)
    try:
        return tuple(dict.fromkeys(_state(each) for each in several))
    except ValueError as error:
        raise InvalidQuery([Fault("state", str(error))]) from None


def begun(job: Job, change: Change, now: datetime, actor: str | None) -> Application:
    """Return a new application. Raises InvalidQuery for a state that it cannot begin with."""
    micros = to_micros(change.at)
    empty = Application(
        id=uuid5(_NAMESPACE, f"{job.id}/{micros}"),
        job_id=job.id,
        state=ApplicationState.SAVED,
        stages=(),
        changed_at=now,
        source=job.source,
        source_job_id=job.source_job_id,
        title=job.title,
        company=job.company,
        url=job.url,
        posting_status=job.status,
        posting_closed_at=job.closed_at,
    )
    return changed(empty, change, now, actor)


def changed(old: Application, change: Change, now: datetime, actor: str | None) -> Application:
    """Return an application as a change makes it. Raises InvalidQuery for one not allowed."""
    before = old.stages[-1] if old.stages else None
    new = replace(old, changed_at=now)
    if change.state is not None and not (before and before.state is change.state):
        if not is_allowed(before.state if before else None, change.state):
            raise InvalidQuery([Fault("state", _refused(before, change.state))])
        at = change.at
        if before and at < before.at:
            if not change.is_now:
                raise InvalidQuery([Fault("at", "must not be before the stage that it follows")])
            # Who wrote that one has a clock that is ahead, or got the turn first.
            at = before.at
        stages = (*old.stages, Stage(change.state, at, actor))
        applied_at = old.applied_at
        if applied_at is None and is_sent([change.state]):
            applied_at = at
        new = replace(new, state=change.state, stages=stages, applied_at=applied_at)
    if change.note is not None and (change.note, change.at) not in _said(old):
        if len(old.notes) >= MOST_NOTES:
            raise InvalidQuery([Fault("note", f"would be one of more than {MOST_NOTES:,}")])
        new = replace(new, notes=(*old.notes, Note(change.note, change.at, actor)))
    if change.contacts is not None:
        new = replace(new, contacts=change.contacts)
    return new if change.due_at is UNSET else replace(new, due_at=change.due_at)


def undone(old: Application, now: datetime, *, note: bool) -> Application | None:
    """Return an application without its last stage, or its last note; None without any stage.

    Raises InvalidQuery where there is no note.
    """
    if note:
        if not old.notes:
            raise InvalidQuery([Fault("note", "is none that could be taken back")])
        return replace(old, notes=old.notes[:-1], changed_at=now)
    stages = old.stages[:-1]
    if not stages:
        return None
    sent = [each.at for each in stages if is_sent([each.state])]
    applied_at = sent[0] if sent else None
    return replace(
        old, state=stages[-1].state, stages=stages, applied_at=applied_at, changed_at=now
    )


def _said(old: Application) -> set[tuple[str, datetime]]:
    return {(each.text, each.at) for each in old.notes}


def _refused(before: Stage | None, state: ApplicationState) -> str:
    if before is None:
        return f"cannot be {state} first; begin with saved, applied or interviewing"
    allowed = ", ".join(TRANSITIONS[before.state]) or "nothing; begin another one by force"
    return f"cannot become {state} after {before.state}; allowed: {allowed}"


def row_of(application: Application, known: Marks) -> Row:
    """Return an application as a row of :data:`~jobstore.engines.kept.APPLICATION`."""
    states = [each.state for each in application.stages]
    detail = {
        "stages": [[each.state, to_micros(each.at), each.actor] for each in application.stages],
        "notes": [[each.text, to_micros(each.at), each.actor] for each in application.notes],
        "contacts": [_stated(each) for each in application.contacts],
        "version": known.version,
    }
    return (
        application.job_id.bytes,
        application.id.bytes,
        application.state.value,
        reached(states),
        to_micros(application.stages[0].at),
        _micros(application.applied_at),
        to_micros(application.changed_at),
        _micros(application.due_at),
        known.look,
        known.address,
        known.apply_address,
        json.dumps(detail, ensure_ascii=False, separators=(",", ":")),
    )


def from_row(row: Row) -> tuple[Application, Marks]:
    """Return the application of a row with its posting, and its marks."""
    id, application, state, _, _, applied_at, changed_at, due_at = row[:8]
    look, address, apply_address, text = row[8:12]
    source, source_job_id, title, company, url, status, closed_at, version = row[12:]
    detail = json.loads(text)
    return Application(
        id=UUID(bytes=bytes(application)),
        job_id=UUID(bytes=bytes(id)),
        state=ApplicationState(state),
        stages=tuple(
            Stage(ApplicationState(each), from_micros(at), actor)
            for each, at, actor in detail["stages"]
        ),
        notes=tuple(Note(each, from_micros(at), actor) for each, at, actor in detail["notes"]),
        contacts=tuple(Contact(**each) for each in detail["contacts"]),
        applied_at=_moment_of(applied_at),
        due_at=_moment_of(due_at),
        changed_at=from_micros(changed_at),
        source=source,
        source_job_id=source_job_id,
        title=title,
        company=company,
        url=url,
        posting_status=Status(status),
        posting_closed_at=_moment_of(closed_at),
    ), Marks(look, address, apply_address, version)


def as_mapping(application: Application) -> dict[str, Any]:
    """Return an application for JSON, without what is said of its posting: times in ISO 8601."""
    return {
        "id": str(application.id),
        "state": application.state.value,
        "applied_at": application.applied_at and iso(application.applied_at),
        "due_at": application.due_at and iso(application.due_at),
        "stages": [
            {"state": each.state.value, "at": iso(each.at), "actor": each.actor}
            for each in application.stages
        ],
        "notes": [
            {"text": each.text, "at": iso(each.at), "actor": each.actor}
            for each in application.notes
        ],
        "contacts": [_stated(each) for each in application.contacts],
    }


def _stated(contact: Contact) -> dict[str, str]:
    values = ((each.name, getattr(contact, each.name)) for each in fields(contact))
    return {name: value for name, value in values if value is not None}


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


def _moment_of(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def _state(value: object) -> ApplicationState:
    try:
        return ApplicationState(str(value).strip().lower().replace("-", "_").replace(" ", "_"))
    except ValueError:
        raise ValueError(f"must be one of {', '.join(ApplicationState)}") from None


def _moment(value: object) -> datetime:
    moment = in_utc(value)
    if not 1990 <= moment.year <= 9998:
        raise ValueError("must be a time from 1990 to 9998")
    return from_micros(to_micros(moment))


def _note(value: object) -> str:
    return _text(value, MOST_NOTE_CHARACTERS)


def _text(value: object, most: int = MOST_CHARACTERS) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text that is not blank")
    if "\0" in value:
        raise ValueError("must not contain NUL characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain lone surrogates") from None
    if len(value) > most:
        raise ValueError(f"must have at most {most:,} characters")
    return composed(value)


def _contacts(value: object) -> tuple[Contact, ...]:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise ValueError("must be a list of contacts")
    found = tuple(_contact(each) for each in value)
    if len(found) > MOST_CONTACTS:
        raise ValueError(f"must be at most {MOST_CONTACTS}")
    return found


def _contact(value: object) -> Contact:
    names = [each.name for each in fields(Contact)]
    if isinstance(value, Contact):
        value = _stated(value)
    if not isinstance(value, Mapping) or not set(value) <= set(names) or "name" not in value:
        raise ValueError(f"must be contacts with a name, and {', '.join(names[1:])} if known")
    return Contact(**{name: _text(each) for name, each in value.items() if each is not None})
