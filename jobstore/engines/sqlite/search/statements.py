"""The statements of a search on SQLite, built with PyPika, rendered once per shape.

Pure text: a shape says which conditions there are, a statement names what is bound to each.
No value ever gets into the text, and every column is qualified. ``:match`` is the FTS5 query,
``:limit`` the number of rows, ``:places`` a JSON array, ``:floor`` and ``:ceiling`` bounds of a
number; other names are those of conditions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from pypika import Field, Order, SQLLiteQuery, Table, Tuple
from pypika import functions as fn
from pypika.enums import Comparator
from pypika.queries import QueryBuilder
from pypika.terms import BasicCriterion, Criterion, Function, Star, Term

from jobstore.engines import conditions

# An alias makes PyPika qualify every column.
_POSTING = Table("posting", alias="p")
_TEXT = Table("posting_text", alias="t")
_WORDS = Table("text_index", alias="w")
_OTHER = Table("posting", alias="q")

SOONEST = "soonest"
"""What stands for a column where the soonest ``expires_at`` comes first."""
_SOONEST = -_POSTING.expires_at

KEYS = ("place", "listed_at", "listed_tie")
"""The first columns of every page: where a row stands."""

_MIRROR = 1 << 35


def mirrored(place: Any) -> Any:
    """Return the rowid that the full-text index has for a place, and the place of a rowid.

    It counts backwards, so that the newest come first in it and FTS5 reads forwards, which takes
    half to a third of the time that it needs backwards. Places, of numbers or of SQL, are those
    of times before the year 2169: rowids stay positive, and small.
    """
    return _MIRROR - place


class Bind(Term):
    """A named placeholder. PyPika's own parameters carry values, and mangle some of them."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def get_sql(self, **_: Any) -> str:
        return f":{self.name}"


class _Scalar(Term):
    """A query in parentheses, used as one value or as one column."""

    def __init__(self, query: QueryBuilder | str) -> None:
        super().__init__()
        self._sql = str(query)

    def get_sql(self, **_: Any) -> str:
        return f"({self._sql})"


class _Given(Table):
    """A bound JSON array as a table, which PyPika cannot express."""

    def __init__(self, name: str, alias: str) -> None:
        super().__init__("json_each", alias=alias)
        self._name = name

    def get_sql(self, **_: Any) -> str:
        return f'json_each(:{self._name}) "{self.alias}"'


_GIVEN = _Given("places", alias="j")
_STATES = _Given("application", alias="s")


class _Operator(Comparator):
    MATCH = " MATCH "


# PyPika expects a number here, but writes whatever it is given.
_LIMIT: Any = Bind("limit")


class Shape(NamedTuple):
    """What a statement has to look like: whether it asks the full-text index, the names of its
    further conditions, and the column that ranks its rows, if it is not their place."""

    words: bool
    conditions: frozenset[str] = frozenset()
    ranked_by: str | None = None

    def also(self, *conditions: str) -> Shape:
        """Return the shape with more conditions."""
        return self._replace(conditions=self.conditions | set(conditions))


def _edge(comparison: Callable[[Any, Any], Any], time: str, tie: str | None, order: Order) -> Term:
    """The first place, in an order, whose position compares so with the bound one; beyond all
    places in that direction if there is none."""
    none = _MIRROR if order is Order.asc else 0
    # A scalar, so that the full-text index gets a number and starts right there.
    keys: list[Term] = [_OTHER.listed_at, _OTHER.listed_tie]
    position: Any = Tuple(*keys) if tie else keys[0]
    bound: Any = Tuple(Bind(time), Bind(tie)) if tie else Bind(time)
    query = SQLLiteQuery.from_(_OTHER).select(_OTHER.place).where(comparison(position, bound))
    for key in keys:
        query = query.orderby(key, order=order)
    # With NULL instead of a place that no posting has, FTS5 would read all matches for nothing.
    return Function("coalesce", _Scalar(query.limit(1)), none)


# Conditions on the place, from below and from above. Labels may change between two pages, so
# what is bound are positions: (listed_at, listed_tie). A place is bound only within one page.
_FLOORS: dict[str, Term] = {
    "posted_since": _edge(lambda a, b: a >= b, "posted_since", None, Order.asc),
    "bottom": _edge(lambda a, b: a >= b, "bottom_at", "bottom_tie", Order.asc),
    "down_to": Bind("down_to"),
}
_CEILINGS: dict[str, Term] = {
    "posted_until": _edge(lambda a, b: a <= b, "posted_until", None, Order.desc),
    "top": _edge(lambda a, b: a <= b, "top_at", "top_tie", Order.desc),
    "after": _edge(lambda a, b: a < b, "after_at", "after_tie", Order.desc),
    "below": Bind("below") - 1,
}
_BEFORE = _CEILINGS["after"]
# Conditions on the row: those that are the same in every shape, and the others.
_FILTERS = conditions.on_row(
    _POSTING, Bind, lambda column: column.isin(SQLLiteQuery.from_(_STATES).select(_STATES.value))
)
_ROW: dict[str, Callable[[Shape], Criterion]] = {
    "has_rank": lambda shape: _is_stated(_ranked_by(shape)),
    "below_rank": lambda shape: _below_rank(shape),
}


def _below_rank(shape: Shape) -> Criterion:
    # With no place left below the position it is 0, and only lower ranks pass.
    below: Criterion = Tuple(_rank(shape), _POSTING.place) <= Tuple(Bind("rank"), _BEFORE)
    # An index on an expression is not entered at a row value.
    return below & (_rank(shape) <= Bind("rank")) if shape.ranked_by == SOONEST else below


def _rank(shape: Shape) -> Term:
    return _column(_ranked_by(shape))


def _ranked_by(shape: Shape) -> str:
    assert shape.ranked_by is not None
    return shape.ranked_by


def _column(name: str) -> Term:
    return _SOONEST if name == SOONEST else Field(name, table=_POSTING)


def _is_stated(name: str) -> Criterion:
    # As the index on an expression says it, or SQLite does not use it.
    return Field("expires_at" if name == SOONEST else name, table=_POSTING).isnotnull()


def _place(shape: Shape) -> Term:
    place: Term = mirrored(_WORDS.rowid) if shape.words else _POSTING.place
    return place


def _newest_first(query: QueryBuilder, shape: Shape) -> QueryBuilder:
    # In the order of the index that leads the query, so that nothing has to be sorted.
    if shape.words:
        return query.orderby(_WORDS.rowid, order=Order.asc)
    return query.orderby(_POSTING.place, order=Order.desc)


def _tightest(function: str, bounds: list[Term]) -> Term:
    # FTS5 starts at one bound only, so it is given the tighter one of several.
    return bounds[0] if len(bounds) == 1 else Function(function, *bounds)


def _beyond(shape: Shape, bound: Term, *, upwards: bool) -> Criterion:
    """The condition that a place is the bound, or lies on one side of it."""
    # FTS5 uses a bound only where its rowid stands alone.
    if shape.words:
        bound = mirrored(bound)
        return _WORDS.rowid <= bound if upwards else _WORDS.rowid >= bound
    # With the sum, no index of places is used where another one leads to few.
    place = _POSTING.place + 0 if conditions.FEW & shape.conditions else _POSTING.place
    return place >= bound if upwards else place <= bound


def _matches(shape: Shape, with_row: bool) -> QueryBuilder:
    """Return the query for all rows of a shape, without columns and order."""
    row_conditions = sorted(shape.conditions & (_FILTERS.keys() | _ROW.keys()))
    if shape.words and conditions.FEW & shape.conditions:
        # Each of those is looked up in the index of words.
        query = SQLLiteQuery.from_(_POSTING).cross_join(_WORDS).cross()
        query = query.where(BasicCriterion(_Operator.MATCH, _WORDS.text_index, Bind("match")))
        query = query.where(_WORDS.rowid == mirrored(_POSTING.place))
    elif shape.words:
        query = SQLLiteQuery.from_(_WORDS)
        if with_row or row_conditions:
            # In SQLite a CROSS JOIN fixes the order: index first, then the rows it names.
            query = query.cross_join(_POSTING).cross()
        query = query.where(BasicCriterion(_Operator.MATCH, _WORDS.text_index, Bind("match")))
        if with_row or row_conditions:
            query = query.where(_POSTING.place == _place(shape))
    else:
        query = SQLLiteQuery.from_(_POSTING)
    floors = [_FLOORS[name] for name in sorted(shape.conditions & _FLOORS.keys())]
    ceilings = [_CEILINGS[name] for name in sorted(shape.conditions & _CEILINGS.keys())]
    if floors:
        query = query.where(_beyond(shape, _tightest("max", floors), upwards=True))
    if ceilings:
        query = query.where(_beyond(shape, _tightest("min", ceilings), upwards=False))
    for name in row_conditions:
        query = query.where(_FILTERS[name] if name in _FILTERS else _ROW[name](shape))
    return query


@cache
def page(shape: Shape, columns: tuple[str, ...] = (), texts: tuple[str, ...] = ()) -> str:
    """Rows of a shape, highest rank first and newest first: KEYS, the rank if there is one,
    ``columns`` of posting and ``texts`` of posting_text."""
    query = _matches(shape, with_row=True)
    if texts:
        query = query.left_join(_TEXT).on(_TEXT.place == _POSTING.place)
    query = query.select(*(Field(name, table=_POSTING) for name in KEYS))
    if shape.ranked_by:
        query = query.select(_rank(shape)).orderby(_rank(shape), order=Order.desc)
    query = query.select(*(Field(name, table=_POSTING) for name in columns))
    query = query.select(*(Field(name, table=_TEXT) for name in texts))
    if shape.ranked_by:
        query = query.orderby(_POSTING.place, order=Order.desc)
    else:
        query = _newest_first(query, shape)
    return str(query.limit(_LIMIT))


@cache
def place_list(shape: Shape) -> str:
    """The places of the newest matches, at most ``:limit``, newest first, as one JSON array."""
    # Each row more is a step of SQLite, at which the thread gives up the interpreter's lock.
    matches = _newest_first(_matches(shape, with_row=False), shape)
    found = matches.select(_place(shape).as_("place")).limit(_LIMIT).as_("m")
    array = Function("json_group_array", Field("place", table=found))
    return str(SQLLiteQuery.from_(found).select(array))


@cache
def capped(shape: Shape) -> str:
    """The number of matches, counted up to ``:limit``."""
    # The newest are in the caches, since the page has just read them.
    matches = _newest_first(_matches(shape, with_row=False), shape)
    matches = matches.select(_place(shape)).limit(_LIMIT)
    return str(SQLLiteQuery.from_(matches.as_("m")).select(fn.Count(Star())))


@cache
def count(shape: Shape) -> str:
    """The number of all matches."""
    return str(_matches(shape, with_row=False).select(fn.Count(Star())))


@cache
def highest(column: str) -> str:
    """The highest value of a column from ``:floor`` to below ``:ceiling``: one step of a walk
    through an index from value to value."""
    value = _column(column)
    query = SQLLiteQuery.from_(_POSTING).select(fn.Max(value))
    if column == SOONEST:
        query = query.where(_is_stated(column))
    return str(query.where(value >= Bind("floor")).where(value < Bind("ceiling")))


@cache
def rows_at(columns: tuple[str, ...], texts: tuple[str, ...] = ()) -> str:
    """KEYS, ``columns`` of posting and ``texts`` of posting_text at ``:places``, in any order."""
    # As the outermost table the list is read in its order; inside of IN it would be sorted first.
    query = SQLLiteQuery.from_(_GIVEN).cross_join(_POSTING).cross()
    if texts:
        query = query.left_join(_TEXT).on(_TEXT.place == _POSTING.place)
    query = query.select(*(_column(name) for name in (*KEYS, *columns)))
    query = query.select(*(Field(name, table=_TEXT) for name in texts))
    return str(query.where(_POSTING.place == _GIVEN.value))


@cache
def ranked_at(column: str, below: bool) -> str:
    """KEYS and a column of those of ``:places`` that state it, highest first and newest first, at
    most ``:limit``; with ``below`` those that come after ``:rank``, ``:after_at``, ``:after_tie``.
    """
    keys: list[Term] = [_column(name) for name in (column, *KEYS[1:])]
    query = SQLLiteQuery.from_(_GIVEN).cross_join(_POSTING).cross()
    query = query.select(*(_column(name) for name in (*KEYS, column)))
    query = query.where(_POSTING.place == _GIVEN.value).where(_is_stated(column))
    if below:
        query = query.where(Tuple(*keys) < Tuple(*map(Bind, ("rank", "after_at", "after_tie"))))
    for key in keys:
        query = query.orderby(key, order=Order.desc)
    return str(query.limit(_LIMIT))
