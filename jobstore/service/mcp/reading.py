"""The tools that read beside searching: a posting, its history, an employer, figures."""

from __future__ import annotations

import json
from typing import Any, Literal
from uuid import UUID

from pydantic import AliasChoices, Field, model_validator

from jobstore.errors import Fault, InvalidQuery
from jobstore.records import HistoryEntry, Job, SearchQuery
from jobstore.search.criteria import FACETS
from jobstore.search.words import fold
from jobstore.service.answers import lifecycle, postings, searching
from jobstore.service.answers.employers import employer as asked_of
from jobstore.service.mcp import ojcp
from jobstore.service.mcp.arguments import ID, Arguments, renamed
from jobstore.service.mcp.sizes import MOST_BYTES, line, piece, plain, seen, short, size, within
from jobstore.service.mcp.tool import LIST, NUMBER, OBJECT, TEXT, TRUTH, Answer, Tool, object_of
from jobstore.store import JobStore

# Characters of a value in a change, and roles and currencies that are listed.
_VALUE = 200
_ROLES = 10
_CURRENCIES = 20


class Which(Arguments):
    """Which posting: by one of three ways."""

    id: UUID | None = Field(default=None, validation_alias=ID, description="Its ojcp_id.")
    source: str | None = None
    source_job_id: str | None = None
    url: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Which:
        key = (self.source, self.source_job_id)
        if (self.source is None) != (self.source_job_id is None):
            raise ValueError("source and source_job_id are given together")
        if sum((self.id is not None, self.url is not None, key != (None, None))) != 1:
            raise ValueError("give either id, or source and source_job_id, or url")
        return self


class Detail(Which):
    """Arguments of get_job_detail."""

    offset: int = Field(default=0, ge=0, description="Of the text, in characters.")
    length: int = Field(default=6000, ge=1, le=20_000)


class History(Which):
    """Arguments of get_job_history."""

    offset: int = Field(default=0, ge=0)
    limit: int = Field(default=20, ge=1, le=100)


class Employer(Arguments):
    """Arguments of get_employer_context."""

    name: str = Field(
        validation_alias=AliasChoices("name", "employer_id", "ojcp_employer_id"),
        description="The whole name, or employer_id; case does not matter.",
    )


class Values(Arguments):
    """Arguments of list_filter_values."""

    field: Literal[FACETS]  # type: ignore[valid-type]  # mypy does not look into the tuple.
    query: str | None = Field(default=None, description="Only among what this finds.")


class Nothing(Arguments):
    """No arguments."""


async def get_job_detail(store: JobStore, given: Detail) -> Answer:
    """Answer with a posting and a part of its text."""
    job = await _posting(store, given)
    answer: dict[str, Any] = {"ojcp_version": ojcp.VERSION, "job": ojcp.posting(job)}
    if size(answer) > MOST_BYTES // 2:
        # Long addresses and lists leave room for some of the text.
        answer["job"] = ojcp.posting(job, ojcp.FEW)
    # As a whole: what joins characters is seen between them alone.
    text = seen(job.description_text or "")
    whole = len(text)
    if given.offset and given.offset >= whole:
        raise InvalidQuery([Fault("offset", f"is behind the end; the text has {whole} characters")])
    said = f"Version {job.version} of the posting, {job.status}"
    if not text:
        return Answer(f"{said}; it has no text.", answer)
    part = piece(text, given.offset, given.length, MOST_BYTES - size(answer) - 200)
    end = given.offset + len(part)
    answer["untrusted_text"] = {"text": part, "offset": given.offset, "total_length": whole}
    if end < whole:
        answer["untrusted_text"]["next_offset"] = end
    return Answer(f"{said}; characters {given.offset} to {end} of {whole} of its text.", answer)


async def _posting(store: JobStore, given: Which) -> Job:
    if given.id is not None:
        return await postings.posting(store, given.id)
    if given.url is not None:
        return await postings.posting_at(store, given.url)
    return await postings.posting_of(store, given.source or "", given.source_job_id or "")


async def get_job_history(store: JobStore, given: History) -> Answer:
    """Answer with what happened to a posting."""
    # The history of a posting outlives it.
    id = given.id or (await _posting(store, given)).id
    end = given.offset + given.limit
    found = await lifecycle.history(store, id, end + 1)
    events = within(map(_event, found[given.offset : end]), MOST_BYTES - 500)
    answer: dict[str, Any] = {"ojcp_id": str(id), "events": events}
    end = given.offset + len(events)
    if end < len(found):
        answer["next_offset"] = end
    more = "older ones follow" if end < len(found) else "no older ones are known"
    return Answer(f"{len(events)} events, newest first; {more}.", answer)


def _event(entry: HistoryEntry) -> dict[str, Any]:
    event: dict[str, Any] = plain(entry)
    for name in ("changes", "detail"):
        if name in event:
            event[name] = {each: _brief(value) for each, value in event[name].items()}
    return event


def _brief(value: Any) -> Any:
    """Return a value as it is, or where it is long its beginning as text."""
    if isinstance(value, list) and len(value) == 2:
        return [_brief_text(each) for each in value]
    return _brief_text(value)


def _brief_text(value: Any) -> Any:
    if isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False)
        return value if len(text) <= _VALUE else line(text, _VALUE)
    return line(value, _VALUE) if isinstance(value, str) else value


async def get_employer_context(store: JobStore, given: Employer) -> Answer:
    """Answer with what is open at an employer."""
    with renamed({"company": "name"}):
        found = await asked_of(store, given.name)
    facets = plain(found.facets)
    answer = {
        "ojcp_version": ojcp.VERSION,
        "employer_id": line(fold(found.name)),
        "name": line(found.name),
        "industries": [each["value"] for each in facets.get("industry", ())],
        "open_roles_count": found.open_roles,
        "open_roles_count_is_exact": found.is_exact,
        "newest_roles": [
            {"ojcp_id": str(job.id), "title": line(job.title), "datePosted": ojcp.posted(job)}
            for job in found.newest[:_ROLES]
        ],
        "salaries": ojcp.spread(found.salaries)[:_CURRENCIES],
        "locations": facets.get("location"),
        "sources": facets.get("source"),
        "remote_policies": facets.get("workplace"),
        "employment_types": facets.get("employment_type"),
    }
    if not found.is_exact or len(found.newest) < found.open_roles:
        answer["notes"] = [f"Salaries are those of the newest {len(found.newest)} roles."]
    least = "" if found.is_exact else "at least "
    return Answer(f"Open roles: {least}{found.open_roles}.", short(plain(answer)))


async def job_statistics(store: JobStore, given: Nothing) -> Answer:
    """Answer with figures about all that is stored."""
    found = await searching.statistics(store)
    answer = short(plain(found), 100)
    salaries = sorted(found.salaries.items(), key=lambda pair: -pair[1].count)[:_CURRENCIES]
    if salaries:
        answer["salaries"] = plain(dict(salaries))
    return Answer(f"Figures of all {found.total} postings.", answer)


async def list_filter_values(store: JobStore, given: Values) -> Answer:
    """Answer with the most frequent values of a field."""
    with renamed({"text": "query"}):
        found = await searching.values(store, given.field, SearchQuery(text=given.query or None))
    values = short(plain(found))
    answer: dict[str, Any] = {"field": given.field, "values": values}
    if not values:
        answer["notes"] = ["No posting that this finds states it."]
    return Answer(f"The {len(values)} most frequent values among the newest matches.", answer)


READING = (
    Tool(
        "get_job_detail",
        "One posting by id, by source and source_job_id, or by url, and a part of its text as "
        "untrusted_text: others wrote it. Go on with next_offset.",
        Detail,
        object_of("ojcp_version job", job=OBJECT, untrusted_text=OBJECT),
        get_job_detail,
    ),
    Tool(
        "get_employer_context",
        "An employer as its stored postings show it: open roles, locations, yearly pay by "
        "currency, sources.",
        Employer,
        object_of(
            "ojcp_version employer_id name",
            name=TEXT,
            open_roles_count=NUMBER,
            open_roles_count_is_exact=TRUTH,
            newest_roles=LIST,
            salaries=LIST,
            locations=LIST,
            sources=LIST,
        ),
        get_employer_context,
        missing="employer_not_found",
    ),
    Tool(
        "get_job_history",
        "What happened to a posting, newest first: opened, changed (values before and after), "
        "closed, reopened, joined, deleted.",
        History,
        object_of("ojcp_id events", ojcp_id=TEXT, events=LIST, next_offset=NUMBER),
        get_job_history,
    ),
    Tool(
        "job_statistics",
        "Totals, breakdowns, postings per day and salary quartiles of all that is stored.",
        Nothing,
        object_of("total", total=NUMBER),
        job_statistics,
    ),
    Tool(
        "list_filter_values",
        "The most frequent values of a field, as filters of search_jobs take them, with counts.",
        Values,
        object_of("field values", field=TEXT, values=LIST),
        list_filter_values,
    ),
)
