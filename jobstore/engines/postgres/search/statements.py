"""The statements of a search on PostgreSQL, built with PyPika, rendered once per shape.

Pure text: a shape says which conditions there are, a statement names what is bound to each.
No value ever gets into the text, and every column is qualified. ``match`` is the text of a
``tsquery``, ``phrases`` what :class:`.match.Match` says, ``limit`` a number of rows, and ``most``
how many are looked at; other names are those of conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from pypika import Field, Order, PostgreSQLQuery, Table, Tuple
from pypika import functions as fn
from pypika.queries import QueryBuilder
from pypika.terms import Criterion, Star, Term
from pypika.utils import format_alias_sql

from jobstore.engines import conditions

# An alias makes PyPika qualify every column; a query inside of another has the same one.
_POSTING = Table("posting", alias="p")

SOONEST = "soonest"
"""What stands for a column where the soonest ``expires_at`` comes first."""

# The columns that rank, by what they are called here.
_RANKS = {"yearly_max": "yearly_max", "applicant_count": "applicant_count", SOONEST: "expires_at"}

GROUP = "group"
"""What stands for a column with the group of a posting, as a JSON array of id, source and address
of all who are in it, in their order; none where it is in no group."""

LISTED = ("listed_at", "listed_tie", "id")
"""The columns that order all postings, the newest last, and the first ones of every page."""


class Bind(Term):
    """A named placeholder. PyPika's own parameters carry values, and mangle some of them."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def get_sql(self, **_: Any) -> str:
        return f"%({self.name})s"


class _Text(Criterion):
    """A condition that PyPika cannot express, as it is."""

    def __init__(self, sql: str) -> None:
        super().__init__()
        self._sql = sql

    def get_sql(self, **_: Any) -> str:
        return self._sql


class _Amount(Term):
    """The number of all rows, beside each of them."""

    def get_sql(self, **_: Any) -> str:
        return 'count(*) OVER () "amount"'


class _Group(Term):
    """The group of a posting, read with its page: a statement more is a way to the server more."""

    def get_sql(self, **_: Any) -> str:
        return (
            "(SELECT json_agg(json_build_array(o.id, q.source, q.url) ORDER BY o.number)::text"
            " FROM member AS m JOIN member AS o ON o.first = m.first"
            ' JOIN posting AS q ON q.id = o.id WHERE m.id = "p"."id")'
        )


class _Soonest(Term):
    """A time with its sign turned, as its index has it."""

    def get_sql(self, **kwargs: Any) -> str:
        sql = f"(-{_stated(Shape(ranked_by=SOONEST)).get_sql(**kwargs | {'with_alias': False})})"
        return format_alias_sql(sql, self.alias, **kwargs) if kwargs.get("with_alias") else sql


# PyPika expects numbers here, but writes whatever it is given.
_LIMIT: Any = Bind("limit")
_MOST: Any = Bind("most")
# It leaves out a number that is 0 itself.
_NONE: Any = _Text("0")


class Shape(NamedTuple):
    """What a statement has to look like: the names of its conditions, and the column that ranks its
    rows, if it is not when they are listed."""

    conditions: frozenset[str] = frozenset()
    ranked_by: str | None = None

    def also(self, *conditions: str) -> Shape:
        """Return the shape with more conditions."""
        return self._replace(conditions=self.conditions | set(conditions))

    @property
    def is_listed(self) -> bool:
        """Whether the index of the order answers every condition."""
        return self.conditions <= _leading(self)


def _of(names: Sequence[str]) -> Tuple:
    return Tuple(*(Field(name, table=_POSTING) for name in names))


def _bound(*names: str) -> Tuple:
    return Tuple(*map(Bind, names))


def _place(name: str) -> Callable[[Shape], Tuple]:
    """Return what gives the keys of a place in the order of a shape, as they are bound."""
    listed = tuple(f"{name}_{key}" for key in ("at", "tie", "id"))

    def bound(shape: Shape) -> Tuple:
        return _bound(*listed) if shape.ranked_by is None else _bound(f"{name}_rank", *listed)

    return bound


_AFTER, _BOTTOM = _place("after"), _place("bottom")


def _without(ranked_by: str) -> Callable[[Shape], Criterion]:
    return lambda _: _stated(Shape(ranked_by=ranked_by)).isnull()


# In a text that has all words in their order a phrase is sought as it stands; field 0 is any.
_PHRASES = _Text(
    '"p"."spoken" IS NULL OR NOT EXISTS (SELECT 1 FROM jsonb_array_elements(%(phrases)s::jsonb)'
    " AS g (x) WHERE (g.x ->> 'not')::boolean = EXISTS (SELECT 1 FROM"
    " jsonb_array_elements(g.x -> 'any') AS t (x) WHERE strpos(CASE WHEN (t.x ->> 0)::int = 0"
    ' THEN "p"."spoken" ELSE split_part("p"."spoken", chr(12), (t.x ->> 0)::int) END,'
    " t.x ->> 1) > 0))"
)
# Those that are the same in every shape, and the others.
_STATES = _Text(
    '"a"."state" IN (SELECT s.value FROM json_array_elements_text(%(application)s::json) AS s)'
)
_FILTERS = conditions.on_row(_POSTING, Bind, lambda _: _STATES)
_CONDITIONS: dict[str, Callable[[Shape], Criterion]] = {
    "match": lambda _: _Text('"p"."words" @@ %(match)s::tsquery'),
    "phrases": lambda _: _Text(f"({_PHRASES.get_sql()})"),
    "posted_since": lambda _: _POSTING.listed_at >= Bind("posted_since"),
    "posted_until": lambda _: _POSTING.listed_at <= Bind("posted_until"),
    "top": lambda _: _of(LISTED) <= _bound("top_at", "top_tie", "top_id"),
    "bottom": lambda shape: _order(shape) >= _BOTTOM(shape),
    "after": lambda shape: _order(shape) < _AFTER(shape),
    "has_rank": lambda shape: _stated(shape).isnotnull(),
}
_CONDITIONS |= {f"without_{name}": _without(name) for name in _RANKS}
_OF_LISTING = frozenset(("posted_since", "posted_until", "top", "bottom", "after"))
_OF_RANK = frozenset(("has_rank", "after", "bottom"))
# Those that leave an index of an order open at its end.
_OPEN = frozenset(("after", "has_rank"))
# Those of which the server keeps how many rows they leave, beside the words.
_FORESEEN = frozenset(("posted_since", "posted_until", "has_rank"))


def _leading(shape: Shape) -> frozenset[str]:
    """Return the conditions that the index of the order answers by where it is entered and left."""
    return _OF_LISTING if shape.ranked_by is None else _OF_RANK


def _stated(shape: Shape) -> Field:
    return Field(_RANKS[shape.ranked_by or SOONEST], table=_POSTING)


def _keys(shape: Shape) -> list[Term]:
    listed: list[Term] = [Field(name, table=_POSTING) for name in LISTED]
    if shape.ranked_by is None:
        return listed
    stated = _stated(shape)
    return [_Soonest() if shape.ranked_by == SOONEST else stated, *listed]


def _order(shape: Shape) -> Any:
    return Tuple(*_keys(shape))


def _ordered(query: QueryBuilder, keys: Sequence[Term]) -> QueryBuilder:
    for key in keys:
        query = query.orderby(key, order=Order.desc)
    return query


def _where(query: QueryBuilder, shape: Shape, names: frozenset[str]) -> QueryBuilder:
    for name in sorted(names):
        query = query.where(_FILTERS[name] if name in _FILTERS else _CONDITIONS[name](shape))
    return query


def _columns(shape: Shape, columns: Sequence[str]) -> list[Term]:
    """Return LISTED, the rank if there is one, and ``columns``."""
    *rank, at, tie, id = _keys(shape)
    return [at, tie, id, *rank, *map(_column, columns)]


def _column(name: str) -> Term:
    return _Group() if name == GROUP else Field(name, table=_POSTING)


def _walk(shape: Shape) -> QueryBuilder:
    """Return a query for the rows of a shape among the first ``most`` ones of the order."""
    leading = shape.conditions & _leading(shape)
    # The limit keeps the server from looking at the rest of the conditions in another index.
    query = PostgreSQLQuery.from_(_POSTING).select(_POSTING.star)
    query = _ordered(_where(query, shape, leading), _keys(shape)).limit(_MOST)
    found = PostgreSQLQuery.from_(query.as_("p"))
    return _where(found, shape, shape.conditions - leading)


# So many columns are carried along with each match; more are read of those that are returned.
_CARRIED = 12
# The columns that conditions compare.
_COMPARED = (*LISTED, "yearly_min", "yearly_max", "applicant_count", "expires_at", "spoken")


def _gathered(shape: Shape, terms: Sequence[Term], columns: Sequence[str] = ()) -> QueryBuilder:
    """Return a query for ``terms`` of all rows of a shape, but not more than ``most``, that takes
    them from the index of words. ``columns`` are those of the terms."""
    # The server takes reading words for as cheap as comparing numbers: left free to, it walks
    # through an index of numbers and reads the words of each row. Nothing passes OFFSET.
    indexed = shape.conditions & (_leading(shape) | {"match"} | conditions.FEW)
    if "bottom" not in indexed:
        # Nor does it have to go through most of an index only to leave out a few.
        indexed -= _OPEN
    inner = PostgreSQLQuery.from_(_POSTING)
    names = dict.fromkeys((*_COMPARED, *columns))
    inner = inner.select(*(Field(name, table=_POSTING) for name in names))
    inner = _where(inner, shape, indexed).offset(_NONE)
    query, rest = PostgreSQLQuery.from_(inner.as_("p")), shape.conditions - indexed
    return _where(query.select(*terms), shape, rest).limit(_MOST)


@cache
def listed(shape: Shape, columns: tuple[str, ...]) -> str:
    """The first ``limit`` rows of a shape in its order: LISTED, the rank if there is one, columns.

    For shapes whose conditions the index of the order answers, or for whoever wants to walk to
    the end."""
    query = PostgreSQLQuery.from_(_POSTING).select(*_columns(shape, columns))
    query = _ordered(_where(query, shape, shape.conditions), _keys(shape))
    return str(query.limit(_LIMIT))


@cache
def walked(shape: Shape, columns: tuple[str, ...]) -> str:
    """What :func:`listed` does, but only the first ``most`` rows of the order are looked at."""
    query = _walk(shape).select(*_columns(shape, columns))
    return str(_ordered(query, _keys(shape)).limit(_LIMIT))


@cache
def gathered(shape: Shape, columns: tuple[str, ...]) -> str:
    """What :func:`listed` does, by way of the index of words: all matches, at most ``most``, are
    sorted. A last column has their number."""
    keys = _keys(shape)
    order = ("rank", *LISTED)[-len(keys) :]
    terms = [key.as_(name) for key, name in zip(keys, order, strict=True)]
    if len(columns) > _CARRIED:
        m = _gathered(shape, terms).as_("m")
        first = PostgreSQLQuery.from_(m).select(*map(m.field, order), _Amount())
        k = _ordered(first, [*map(m.field, order)]).limit(_LIMIT).as_("k")
        query = PostgreSQLQuery.from_(k).join(_POSTING).on(_POSTING.id == k.field("id"))
        query = query.select(*_columns(shape, columns), k.field("amount"))
        return str(_ordered(query, [*map(k.field, order)]))
    names = dict.fromkeys(each for each in columns if each not in LISTED)
    terms += [Field(name, table=_POSTING) for name in names]
    m = _gathered(shape, terms, columns).as_("m")
    *rank, at, tie, id = order
    query = PostgreSQLQuery.from_(m)
    query = query.select(*map(m.field, (at, tie, id, *rank, *columns)), _Amount())
    return str(_ordered(query, [*map(m.field, order)]).limit(_LIMIT))


@cache
def surveyed(shape: Shape, columns: tuple[str, ...]) -> str:
    """What :func:`walked` does, to the end of the walk. A last column has the number of matches."""
    query = _walk(shape).select(*_columns(shape, columns), _Amount())
    return str(_ordered(query, _keys(shape)).limit(_LIMIT))


@cache
def nth(shape: Shape) -> str:
    """The keys, in their order, of the posting that comes ``most`` after the first one."""
    keys = _keys(shape)
    query = PostgreSQLQuery.from_(_POSTING).select(*keys)
    query = _ordered(_where(query, shape, shape.conditions & _leading(shape)), keys)
    return str(query.offset(_MOST).limit(1))


@cache
def foreseen(shape: Shape, with_words: bool) -> str:
    """The plan for the rows of a shape, which is not run, as far as statistics know them."""
    names = shape.conditions & (_FORESEEN | {"match"} if with_words else _FORESEEN)
    query = PostgreSQLQuery.from_(_POSTING).select(_POSTING.id)
    return f"EXPLAIN (FORMAT JSON) {_where(query, shape, names)}"


@cache
def count(shape: Shape) -> str:
    """The number of all matches."""
    query = PostgreSQLQuery.from_(_POSTING).select(fn.Count(Star()))
    return str(_where(query, shape, shape.conditions))


@cache
def capped(shape: Shape) -> str:
    """The number of all matches, counted up to ``most``."""
    matches = _gathered(shape, [_POSTING.id]).as_("m")
    return str(PostgreSQLQuery.from_(matches).select(fn.Count(Star())))


@cache
def counted(shape: Shape) -> str:
    """The number of matches among the first ``most`` rows of the order."""
    return str(_walk(shape).select(fn.Count(Star())))


@cache
def rows_at(columns: tuple[str, ...]) -> str:
    """The id and ``columns`` of the postings whose ids are bound as one array, in any order."""
    query = PostgreSQLQuery.from_(_POSTING).select(_POSTING.id, *map(_column, columns))
    return str(query.where(_Text('"p"."id" = ANY(%(ids)s::uuid[])')))
