"""What a search may be asked by over HTTP, MCP and the page: names, types and what they mean.

The names are those of :class:`~jobstore.SearchQuery`, which says what they do; its store checks
their values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime, time
from decimal import Decimal
from difflib import get_close_matches
from functools import partial
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from jobstore.moments import asked
from jobstore.records import SearchQuery, Sort
from jobstore.search.criteria import FACETS

MOST_AT_ONCE = 100
USUALLY = 20


def _moment(given: Any, rest: time) -> Any:
    if isinstance(given, int | float):
        # A year, or seconds or milliseconds since 1970: nobody knows which.
        raise ValueError("is text like 2025-10-31 or 2025-10-31T09:00Z, and no number")
    return asked(given, rest) if isinstance(given, str) else given


Moment = Annotated[datetime, BeforeValidator(partial(_moment, rest=time.min))]
"""A time with an offset, or the beginning of a day in UTC."""
_Until = Annotated[datetime, BeforeValidator(partial(_moment, rest=time.max))]


def _said(what: str) -> Any:
    return Field(default=None, description=what)


class Filters(BaseModel):
    """Filters, all of which must hold; a list holds alternatives."""

    model_config = ConfigDict(extra="forbid")

    text: str | None = _said(
        'Words that must all occur; "a phrase", -excluded, OR, (groups), prefix*, title:word, '
        "company:word, location:word."
    )
    source: list[str] | None = _said("The board it came from.")
    company: list[str] | None = _said("The whole name; case and accents do not matter.")
    location: list[str] | None = _said(
        "A whole location, or the text or the city of one of several."
    )
    country: list[str] | None = _said("ISO 3166-1 alpha-2, such as DE.")
    workplace: list[str] | None = _said("onsite, hybrid or remote.")
    employment_type: list[str] | None = _said("Such as full_time or contract.")
    experience_level: list[str] | None = _said("Such as entry or mid_senior.")
    industry: list[str] | None = _said("The whole name of it.")
    status: list[str] | None = _said("open or closed.")
    skills: list[str] | None = _said("Each of them must be asked for.")
    salary_min: Decimal | None = _said("The pay reaches this much a year, or more.")
    salary_max: Decimal | None = _said("The pay begins at this much a year, or less.")
    salary_currency: list[str] | None = _said("ISO 4217, such as EUR.")
    posted_since: Moment | None = _said("From that day or time on.")
    posted_until: _Until | None = _said("Up to and with that day or time.")
    applicants_min: int | None = _said("At least so many applicants.")
    applicants_max: int | None = _said("At most so many applicants.")
    expired: bool | None = _said("true: its end is past; false: it has none, or it is to come.")
    application: list[str] | None = _said("An application is in this state; or none.")
    sort: Sort | None = _said("The order; newest without it.")
    collapse_duplicates: bool | None = _said("Whether a group of duplicates is one row; true.")

    def query(self) -> SearchQuery:
        """Return the query that is asked for."""
        stated: dict[str, Any] = {}
        for each in fields(SearchQuery):
            value = getattr(self, each.name)
            if value is not None:
                stated[each.name] = tuple(value) if isinstance(value, list) else value
        return SearchQuery(**stated)


def _names(given: Any) -> Any:
    """Take names one by one, or joined by commas."""
    listed = given if isinstance(given, list) else [given]
    return [name.strip() for each in listed for name in str(each).split(",")]


_Names = Annotated[list[str], BeforeValidator(_names)]


class Search(Filters):
    """A page of a search: filters, and what the page holds."""

    limit: Annotated[int, Field(ge=1, le=MOST_AT_ONCE, description="Postings on the page.")] = (
        USUALLY
    )
    cursor: Annotated[
        str | None, Field(description="The next_cursor of a page of the same search.")
    ] = None
    facets: Annotated[
        _Names,
        Field(
            default_factory=list,
            description=f"Count the most frequent values of: {', '.join(FACETS)}.",
        ),
    ]
    fields: Annotated[
        _Names,
        Field(
            default_factory=list,
            description="Give only these fields of each posting; all without it.",
        ),
    ]


class Past(BaseModel):
    """Which state of a posting is wanted: the one of a version or of a time, or that of now."""

    model_config = ConfigDict(extra="forbid")

    version: int | None = Field(default=None, ge=1, description="As it was at this version.")
    at: Moment | None = _said("As it was at this time.")


def lists(model: type[BaseModel]) -> frozenset[str]:
    """Return the names of a model that may be given several times."""
    return frozenset(
        name
        for name, field in model.model_fields.items()
        if any(get_origin(each) is list for each in (field.annotation, *get_args(field.annotation)))
    )


def suggested(name: str, known: Iterable[str]) -> str:
    """Return what is said about a name that is not known; parts of names are apart by points."""
    above, _, own = name[:80].casefold().rpartition(".")
    # What has the right name in another place is meant, first in the same place.
    places = sorted((each.rpartition(".") for each in known), key=lambda parts: parts[0] != above)
    names = {last: "".join((*before, last)) for *before, last in reversed(places)}
    close = get_close_matches(own, sorted(names), n=1)
    return f"is not known; did you mean {names[close[0]]}?" if close else "is not known"
