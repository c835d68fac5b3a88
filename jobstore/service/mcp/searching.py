"""search_jobs, as OJCP has it, with all our filters and a cursor beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, WithJsonSchema, field_validator, model_validator

from jobstore.errors import Fault, InvalidQuery
from jobstore.moments import asked as moment_of
from jobstore.records import SearchQuery
from jobstore.search.cursor import strange
from jobstore.service.answers import searching as answers
from jobstore.service.mcp import ojcp
from jobstore.service.mcp.arguments import Arguments, renamed
from jobstore.service.mcp.sizes import MOST_BYTES, size, within
from jobstore.service.mcp.tool import LIST, NUMBER, TEXT, TRUTH, Answer, Tool, object_of
from jobstore.service.parameters import Filters
from jobstore.store import JobStore

MOST_SKIPPED = 1000
"""The largest offset: what is skipped has to be read."""
_AT_ONCE = 100
_NAMES = {name: f"filters.{name}" for name in Filters.model_fields} | {
    "text": "query",
    "cursor": "pagination.cursor",
}


class Where(Arguments):
    """Where the work is done."""

    city: str | None = None
    state: str | None = Field(default=None, description="Region, as locations write it.")
    country: str | None = Field(default=None, description="ISO 3166-1 alpha-2.")
    remote_ok: bool | None = None
    remote_policy: list[Literal["on_site", "hybrid", "remote"]] | None = None

    @model_validator(mode="before")
    @classmethod
    def _unanswerable(cls, given: Any) -> Any:
        if isinstance(given, dict):
            if given.get("radius_miles") is not None:
                raise ValueError(
                    "radius_miles cannot be answered: the store knows no distances; leave it out, "
                    "and list the places around as filters.location"
                )
            if "flexible" in (given.get("remote_policy") or ()):
                raise ValueError(
                    "remote_policy flexible is kept of no posting; ask for hybrid and remote"
                )
        return given


def _one_or_more(what: str) -> WithJsonSchema:
    """Return the schema of a filter that OJCP has as one text."""
    kinds = ["string", "array"]
    return WithJsonSchema({"type": kinds, "items": {"type": "string"}, "description": what})


# Filters whose name says what they are.
_EVIDENT = ("source", "location", "industry", "salary_currency", "applicants_min", "applicants_max")


def _shortened(told: dict[str, Any]) -> None:
    """Leave out of a schema what need not be told."""
    filters = told["properties"]
    # That is the argument query.
    del filters["text"]
    for name in _EVIDENT:
        del filters[name]["description"]


class Wanted(Filters, Arguments):
    """All filters of a search but its text, and OJCP's ``posted_within_days``."""

    model_config = ConfigDict(json_schema_extra=_shortened)

    employment_type: Annotated[list[str] | None, _one_or_more("Such as full_time.")] = None
    experience_level: Annotated[list[str] | None, _one_or_more("Such as entry, mid_senior.")] = None
    posted_within_days: int | None = Field(default=None, ge=1, le=36_500)

    @field_validator("text", mode="before")
    @classmethod
    def _elsewhere(cls, given: Any) -> Any:
        raise ValueError("is the argument query")


class Paging(Arguments):
    """Which part of what is found."""

    limit: int = Field(default=10, ge=1, le=50)
    offset: int = Field(default=0, ge=0, description=f"At most {MOST_SKIPPED}; better is cursor.")
    cursor: str | None = Field(default=None, description="The next_cursor of the page before.")

    @model_validator(mode="after")
    def _one_way(self) -> Paging:
        if self.offset > MOST_SKIPPED:
            raise ValueError(
                f"offset must be at most {MOST_SKIPPED}; go on with the cursor of a page instead"
            )
        if self.offset and self.cursor is not None:
            raise ValueError("offset and cursor cannot be given together; leave offset out")
        return self


@dataclass(slots=True)
class Asked:
    """A search as the store takes it: the page after ``cursor`` begins at ``offset``.

    ``since`` is ``posted_within_days`` and the day that it counts from, the same on all pages.
    """

    query: SearchQuery
    limit: int
    offset: int = 0
    cursor: str | None = None
    since: str = ""
    ended: bool = False
    """Whether nothing is found at the offset."""
    notes: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=lambda: {**_NAMES})
    """What the caller calls a field of the query."""

    def next_cursor(self, cursor: str | None, shown: int) -> str | None:
        """Return what asks for the page after this one."""
        return cursor and f"{self.offset + shown}.{self.since}.{cursor}"


class SearchJobs(Arguments):
    """Arguments of search_jobs."""

    query: str = Field(
        description='All words must occur; "a phrase", -excluded, OR, (groups), prefix*, '
        "title:word, company:word, location:word. Empty: all."
    )
    location: Where | None = None
    filters: Wanted | None = None
    pagination: Paging | None = None

    def asked(self) -> Asked:
        """Return what is asked for. Raises InvalidQuery."""
        filters, page = self.filters or Wanted(), self.pagination or Paging()
        found = Asked(filters.query(), page.limit, page.offset)
        if page.cursor is not None:
            offset, found.since, found.cursor = _parts(page.cursor)
            found.offset = offset
        faults: list[Fault] = []
        changes: dict[str, Any] = {"text": self.query or None}
        if self.location:
            changes |= self._of_place(self.location, found, faults)
        if filters.posted_within_days is not None:
            if filters.posted_since is not None:
                faults.append(Fault("filters.posted_within_days", "is given beside posted_since"))
            days = filters.posted_within_days
            found.since = found.since or f"{days}:{_days_ago(days)}"
            changes["posted_since"] = _day(found.since, days)
        if faults:
            raise InvalidQuery(faults)
        found.query = replace(found.query, **changes)
        return found

    def _of_place(self, place: Where, found: Asked, faults: list[Fault]) -> dict[str, Any]:
        changes: dict[str, Any] = {}

        def say(name: str, value: Any, of: str) -> None:
            if getattr(found.query, name) is not None:
                faults.append(Fault(f"location.{of}", f"is given beside filters.{name}"))
            changes[name] = value
            found.names[name] = f"location.{of}"

        if place.city:
            say("location", place.city, "city")
        if place.country:
            say("country", place.country, "country")
        if place.state:
            # The store keeps regions as parts of places, and searches their texts.
            words = place.state.replace('"', " ")
            changes["text"] = f'location:"{words}" {self.query}'
            found.notes.append("location.state was looked for as words of the location.")
        if place.remote_policy:
            say(
                "workplace",
                tuple(ojcp.POLICIES[each] for each in place.remote_policy),
                "remote_policy",
            )
        elif place.remote_ok is False:
            say("workplace", ("onsite", "hybrid"), "remote_ok")
            found.notes.append("Without remote: postings that state no workplace are left out.")
        elif place.remote_ok and (place.city or place.state or place.country):
            faults.append(
                Fault(
                    "location.remote_ok",
                    "cannot be joined with a place in one search; search once with the place, and "
                    'once without it and with remote_policy ["remote"]',
                )
            )
        return changes


def _parts(cursor: str) -> tuple[int, str, str]:
    parts = cursor.split(".")
    if len(parts) != 3 or not parts[0].isdecimal() or len(parts[0]) > 9:
        raise strange()
    return int(parts[0]), parts[1], parts[2]


def _days_ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).date().isoformat()


def _day(since: str, days: int) -> datetime:
    given, _, day = since.partition(":")
    if given != str(days):
        # The page before was of another search.
        raise strange()
    try:
        return moment_of(day, time.min)
    except ValueError:
        raise strange() from None


async def search_jobs(store: JobStore, given: SearchJobs) -> Answer:
    """Answer with a page of postings."""
    with renamed(_NAMES):
        asked = given.asked()
    with renamed(asked.names):
        await _skip(store, asked)
        found = await _page(store, asked)
    jobs = found.pop("items")
    answer = {
        "ojcp_version": ojcp.VERSION,
        "query": given.query,
        "total_results": found["total"],
        "total_is_exact": found["total_is_exact"],
        "returned": len(jobs),
        "offset": asked.offset,
        "jobs": jobs,
    }
    following = asked.next_cursor(found["next_cursor"], len(jobs))
    notes = [*asked.notes, *found["notes"]]
    if not jobs:
        notes.append(_nothing(following, found["total"]))
    if following:
        answer["next_cursor"] = following
    if notes:
        answer["notes"] = notes
    return Answer(_told(answer), answer)


async def _skip(store: JobStore, asked: Asked) -> None:
    """Go on to the page that begins at an offset, as far as there are postings."""
    left = asked.offset if asked.cursor is None else 0
    while left:
        page = await answers.search(
            store, asked.query, limit=min(left, _AT_ONCE), cursor=asked.cursor, only=("id",)
        )
        left -= len(page["items"])
        asked.cursor = page["next_cursor"]
        if asked.cursor is None:
            asked.ended = True
            return


async def _page(store: JobStore, asked: Asked) -> dict[str, Any]:
    """Return a page whose postings have no more tokens than an answer may have."""
    limit = asked.limit
    most = MOST_BYTES - 2500 - size(asked.query.text or "")
    if asked.ended:
        page = await answers.search(store, asked.query, limit=1, only=("id",))
        return page | {"items": [], "next_cursor": None}
    while True:
        page = await answers.search(store, asked.query, limit=limit, cursor=asked.cursor)
        jobs = [ojcp.summary(each) for each in page["items"]]
        fitting = len(within(jobs, most))
        if fitting == len(jobs) or limit == 1:
            if limit < asked.limit:
                asked.notes.append(f"A page of {asked.limit} would be too large to read.")
            return page | {"items": jobs}
        # Asked again, so that the cursor goes on after the last one that is shown.
        limit = max(1, fitting)


def _nothing(following: str | None, total: int) -> str:
    if following:
        return "Only duplicates of other postings stand here; next_cursor continues."
    if total:
        return "Nothing more is found at this place; the search has an end before it."
    return (
        "No posting matches all of this. Fewer words and filters find more, so does OR; "
        "list_filter_values says which values a filter can have."
    )


def _told(answer: Mapping[str, Any]) -> str:
    least = "" if answer["total_is_exact"] else "at least "
    said = f"{answer['returned']} of {least}{answer['total_results']} postings"
    if "next_cursor" in answer:
        return f"{said}; next_cursor continues."
    return f"{said}."


SEARCH = Tool(
    "search_jobs",
    "Search job postings. All filters must hold; a list holds alternatives. Page on with "
    "next_cursor. get_job_detail has the text of one.",
    SearchJobs,
    object_of(
        "ojcp_version query total_results returned offset jobs",
        total_results=NUMBER,
        total_is_exact=TRUTH,
        returned=NUMBER,
        offset=NUMBER,
        jobs=LIST,
        next_cursor=TEXT,
        notes=LIST,
    ),
    search_jobs,
)
