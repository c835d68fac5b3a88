"""The tools that keep something: what was seen, applications, verdicts, postings."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from jobstore.json_text import to_json
from jobstore.records import ApplicationState, NewMatches, Rejection
from jobstore.service.answers import lifecycle, postings
from jobstore.service.guarding.callers import Scope
from jobstore.service.mcp import ojcp
from jobstore.service.mcp.arguments import ID, Arguments, renamed
from jobstore.service.mcp.sizes import MOST_BYTES, plain, short, size, within
from jobstore.service.mcp.tool import LIST, NUMBER, TEXT, TRUTH, Answer, Tool, object_of
from jobstore.service.parameters import Moment
from jobstore.store import JobStore

# Faults and notes that are told at once.
_FAULTS, _NOTES = 20, 20


class Matches(Arguments):
    """Arguments of new_matches."""

    name: str | None = Field(default=None, description="Without it the saved searches are listed.")
    limit: int = Field(default=10, ge=1, le=50)


class Acknowledged(Arguments):
    """Arguments of acknowledge."""

    name: str
    token: str


class Application(Arguments):
    """Arguments of set_application."""

    id: UUID = Field(validation_alias=ID, description="The posting's ojcp_id.")
    state: ApplicationState | None = None
    note: str | None = Field(default=None, description="Is added.")
    at: Moment | None = Field(default=None, description="When it came to the state; now.")
    due_at: Moment | None = Field(default=None, description="When something is to be done next.")
    force: bool = Field(default=False, description="Also where one for the same opening is there.")

    def said(self) -> dict[str, Any]:
        """Return what was stated beside the id."""
        stated = self.model_dump(exclude_unset=True)
        return {name: each for name, each in stated.items() if name not in ("id", "force")}


class Judged(Arguments):
    """Arguments of judge_duplicate."""

    id: UUID = Field(validation_alias=ID)
    other: UUID
    verdict: Literal["same", "different", "undo"]


class Jobs(Arguments):
    """Arguments of upsert_jobs."""

    jobs: list[dict[str, Any]] = Field(min_length=1, max_length=500)


async def new_matches(store: JobStore, given: Matches) -> Answer:
    """Answer with what is new of a saved search, or with the names of all."""
    if given.name is None:
        saved = await lifecycle.saved_searches(store)
        every = [{"name": each.name, "query": short(plain(each.query))} for each in saved]
        listed = within(every, MOST_BYTES - 500)
        return Answer(f"{len(listed)} of {len(every)} saved searches.", {"searches": listed})
    limit = given.limit
    while True:
        found = await lifecycle.new_matches(store, given.name, limit)
        answer = _matches(found)
        # What is acknowledged by a token has to be shown with it.
        if size(answer) <= MOST_BYTES or limit == 1:
            break
        limit = max(1, min(limit, len(found)) // 2)
    if not len(found):
        return Answer("Nothing is new.", {"jobs": [], "notes": ["Nothing is new of this search."]})
    return Answer(f"New postings: {len(found)}; acknowledge them by the token.", answer)


def _matches(found: NewMatches) -> dict[str, Any]:
    return {"jobs": [ojcp.summary(each) for each in found], "token": found.token}


async def acknowledge(store: JobStore, given: Acknowledged) -> Answer:
    """Say that matches are dealt with."""
    with renamed({"matches": "token"}):
        await lifecycle.acknowledge(store, given.name, given.token)
    return Answer("They will not come again.", {"acknowledged": True})


async def set_application(store: JobStore, given: Application) -> Answer:
    """Begin an application, or move it on."""
    found = await lifecycle.track(store, given.id, force=given.force, **given.said())
    answer = short(plain(found), 500)
    for name in ("stages", "notes", "contacts"):
        if name in answer:
            # The last ones.
            answer[name] = within(reversed(answer[name][-_NOTES:]), MOST_BYTES // 4)[::-1]
    return Answer(f"The application is {found.state} now.", answer)


async def judge_duplicate(store: JobStore, given: Judged) -> Answer:
    """Say what two postings are to each other."""
    found = await lifecycle.judge(store, given.id, given.other, given.verdict)
    listed = within(short(plain(found)), MOST_BYTES - 500)
    return Answer(f"{len(listed)} of {len(found)} duplicates of the first.", {"duplicates": listed})


async def upsert_jobs(store: JobStore, given: Jobs) -> Answer:
    """Store postings, or merge them."""
    report = await postings.upsert_many(store, to_json(given.jobs).encode("utf-8", "replace"))
    answer = {
        "inserted": report.inserted,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "rejected_count": len(report.rejected),
        "rejected": within(map(_rejected, report.rejected[:_FAULTS]), MOST_BYTES // 3),
        "warnings_count": len(report.warnings),
        "warnings": within(short(plain(report.warnings[:_FAULTS])), MOST_BYTES // 3),
    }
    stored = report.inserted + report.updated + report.unchanged
    return Answer(f"Stored: {stored}; rejected: {len(report.rejected)}.", answer)


def _rejected(given: Rejection) -> Any:
    reasons = [each._asdict() for each in given.reasons[:_FAULTS]]
    told = {"index": given.index, "source_job_id": given.source_job_id, "reasons": reasons}
    return short(plain(told))


_POSTING = (
    "Store postings; one that is there is merged: what is not stated stays. Each needs source, "
    "source_job_id, title, company; may have locations (each text, city, region, country), "
    "workplace, employment_type, experience_level, industry, description, skills, salary_min, "
    "salary_max, salary_currency, salary_period, salary_text, url, apply_url, posted_at, "
    "expires_at, applicant_count, attributes."
)

KEEPING = (
    Tool(
        "new_matches",
        "Postings that are new of a saved search: the same again until their token is "
        "acknowledged.",
        Matches,
        object_of("", jobs=LIST, token=TEXT, searches=LIST),
        new_matches,
        # OJCP has no searches that are saved.
        missing="invalid_request",
    ),
    Tool(
        "acknowledge",
        "Say that the matches of a token are dealt with; they never come again.",
        Acknowledged,
        object_of("acknowledged", acknowledged=TRUTH),
        acknowledge,
        least=Scope.WRITE,
    ),
    Tool(
        "set_application",
        "Begin the application for a posting (saved, applied, interviewing) or move it on, add a "
        "note, set a date.",
        Application,
        object_of("id job_id state", id=TEXT, job_id=TEXT, state=TEXT, stages=LIST, notes=LIST),
        set_application,
        least=Scope.WRITE,
        writes=True,
        is_idempotent=False,
    ),
    Tool(
        "judge_duplicate",
        "Say that two postings are the same opening or different ones, or undo that.",
        Judged,
        object_of("duplicates", duplicates=LIST),
        judge_duplicate,
        least=Scope.WRITE,
        writes=True,
    ),
    Tool(
        "upsert_jobs",
        _POSTING,
        Jobs,
        object_of(
            "inserted updated unchanged",
            inserted=NUMBER,
            updated=NUMBER,
            unchanged=NUMBER,
            rejected=LIST,
            warnings=LIST,
        ),
        upsert_jobs,
        least=Scope.WRITE,
        writes=True,
        is_destructive=True,
    ),
)
