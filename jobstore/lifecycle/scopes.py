"""What the scope of a run is: the postings that it would see if they were still there.

Pure: which they are, an engine finds by the criteria.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any
from urllib.parse import unquote

from jobstore.errors import Fault, InvalidQuery
from jobstore.records import SearchQuery, Status
from jobstore.search.criteria import Criteria, check_query

# The fields of a query that compare whole values of a posting.
FIELDS = (
    *("company", "location", "country", "workplace", "employment_type", "experience_level"),
    *("industry", "skills", "salary_currency"),
)
ALL = "all"
"""What all of a source may be called, as it is shown; ``name:all`` is a name."""
NAME = "name:"
"""What a name begins with that has an ``=`` in it."""
_MOST = 1000
_OTHERWISE = f"(a name that has = in it begins with {NAME})"


def checked(scope: str | None) -> str:
    """Return a scope as it is stored: empty for all of a source. Raises InvalidQuery."""
    if scope is None or scope == ALL:
        return ""
    if isinstance(scope, str):
        # A blank one, of a variable that is not set, is not all of the source.
        scope = scope.strip()
    if not isinstance(scope, str) or not scope.isprintable() or not 0 < len(scope) <= _MOST:
        reason = f"must be None, or one line of text of 1 to {_MOST:,} characters"
        raise InvalidQuery([Fault("scope", reason)])
    return scope


def criteria_of(source: str, scope: str) -> Criteria | None:
    """Return what the open postings of a scope satisfy, ``None`` where only its runs know.

    ``company=acme`` are those whose company is that, as :class:`~jobstore.SearchQuery` compares;
    several are joined by ``&``, and ``%26`` stands for one in a value. What has no ``=``, or begins
    with ``name:``, is a name. Raises InvalidQuery for other fields, and values that no posting has.
    """
    if scope and ("=" not in scope or scope.startswith(NAME)):
        return None
    values: dict[str, list[str]] = {}
    for part in scope.split("&") if scope else ():
        name, equals, value = part.partition("=")
        if not equals:
            reason = f"{part!r} is no field=value; write %26 for & in a value"
            raise InvalidQuery([Fault("scope", f"{reason} {_OTHERWISE}")])
        if name not in FIELDS:
            near = get_close_matches(name, FIELDS, n=1)
            meant = f"did you mean {near[0]}?" if near else f"it may be {', '.join(FIELDS)}"
            raise InvalidQuery([Fault("scope", f"has no field {name!r}: {meant} {_OTHERWISE}")])
        values.setdefault(name, []).append(unquote(value))
    fields: dict[str, Any] = {name: tuple(those) for name, those in values.items()}
    return check_query(SearchQuery(source=source, status=Status.OPEN, **fields))
