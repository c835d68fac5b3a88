"""The filters of a search as options, the same for every command that takes them.

Options are turned into a :class:`~jobstore.SearchQuery` here; the store checks what is allowed
in one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import datetime, time
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer

from jobstore.cli.calling import replaced
from jobstore.moments import asked
from jobstore.records import SearchQuery

_NOTE = "All filters must hold. One that is repeated takes either value, but --skill both."


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is not a number") from None
    if not amount.is_finite():
        raise typer.BadParameter(f"{text!r} is not a number")
    return amount


def _moment(text: str, rest: time) -> datetime:
    try:
        return asked(text, rest)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}") from None


def since(text: str) -> datetime:
    """Return the beginning of a day, or a time, or end the command as wrong usage."""
    return _moment(text, time.min)


def until(text: str) -> datetime:
    """Return the end of a day, or a time, or end the command as wrong usage."""
    return _moment(text, time.max)


def _texts(name: str, help: str, metavar: str = "TEXT") -> Any:
    option = typer.Option(f"--{name}", help=help, metavar=metavar)
    return Annotated[list[str] | None, option]


def _one(type: Any, name: str, help: str, metavar: str, **more: Any) -> Any:
    option = typer.Option(f"--{name}", help=help, metavar=metavar, **more)
    return Annotated[type | None, option]


# The command line's option for each field of SearchQuery but text and sort.
_OPTIONS: dict[str, Any] = {
    "source": _texts("source", "The board it came from."),
    "company": _texts("company", "The whole name; case and accents do not matter."),
    "location": _texts("location", "A whole location, or the text or the city of one of several."),
    "country": _texts("country", "ISO 3166-1 alpha-2, such as DE.", "CODE"),
    "workplace": _texts("workplace", "onsite, hybrid or remote.", "KIND"),
    "employment_type": _texts("employment-type", "Such as full_time or contract.", "KIND"),
    "experience_level": _texts("experience-level", "Such as entry or mid_senior.", "LEVEL"),
    "industry": _texts("industry", "The whole name of it."),
    "status": _texts("status", "open or closed.", "STATUS"),
    "skills": _texts("skill", "Repeat it, and all of them must be asked for."),
    "salary_min": _one(
        Decimal,
        "salary-min",
        "The pay reaches this much a year, or more.",
        "AMOUNT",
        parser=_amount,
    ),
    "salary_max": _one(
        Decimal,
        "salary-max",
        "The pay begins at this much a year, or less.",
        "AMOUNT",
        parser=_amount,
    ),
    "salary_currency": _texts("salary-currency", "ISO 4217, such as EUR.", "CODE"),
    "posted_since": _one(
        datetime, "posted-since", "From that day or time on.", "DATE", parser=since
    ),
    "posted_until": _one(
        datetime, "posted-until", "Up to and with that day or time.", "DATE", parser=until
    ),
    "applicants_min": _one(int, "applicants-min", "At least N applicants.", "N"),
    "applicants_max": _one(int, "applicants-max", "At most N applicants.", "N"),
    "expired": Annotated[
        bool | None,
        typer.Option(
            "--expired/--not-expired",
            help="Only those whose end is past; or only those that do not end, or later.",
            show_default=False,
        ),
    ],
    "application": _texts("application", "Its application is in this state; or none.", "STATE"),
}

_TEXT = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TEXT",
        show_default=False,
        help="Words that must all occur. Also: '\"a phrase\"', OR, NOT, '(groups)', 'prefix*', "
        "title:word, company:word, location:word, and -excluded (write -- before a text that "
        "begins with a dash).",
    ),
]
# The same for a command whose arguments are something else.
TEXT_OPTION = Annotated[
    list[str] | None,
    typer.Option("--text", metavar="TEXT", help="Words that must all occur, as in a search."),
]


def takes_query(command: Callable[..., None], *, text: Any = _TEXT) -> Callable[..., None]:
    """Replace the parameter ``query`` of a command by a text and all filter options."""
    options = {name: (annotation, None) for name, annotation in {"text": text, **_OPTIONS}.items()}
    wrapper = replaced(command, "query", options, _query)
    wrapper.__doc__ = f"{inspect.cleandoc(command.__doc__ or '')}\n\n{_NOTE}"
    return wrapper


def _query(filters: dict[str, Any]) -> SearchQuery:
    text = " ".join(filters.pop("text") or ())
    stated: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in filters.items()
        if value is not None and value != []
    }
    return SearchQuery(text=text or None, **stated)
