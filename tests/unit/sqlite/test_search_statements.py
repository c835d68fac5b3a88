"""The text of search statements, and how SQLite answers them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from itertools import combinations

import pytest

from jobstore.engines.sqlite.search import statements
from jobstore.engines.sqlite.search.statements import SOONEST, Bind, Shape
from tests.fixtures.cases import each_case
from tests.unit.sqlite.library import library

ROWS = ("salary_min", "salary_max", "applicants_min", "applicants_max", "expired", "not_expired")
PLACES = ("posted_since", "posted_until", "after", "top", "bottom")
RANKS = ("yearly_max", "applicant_count", SOONEST)
NAMES = (
    *("match", "limit", "places", "rank", "posted_since", "posted_until"),
    *(f"{edge}_{part}" for edge in ("after", "top", "bottom") for part in ("at", "tie")),
    *("application", "changed_at", "changed_id", "until_at", "until_id"),
    *ROWS,
)


def shapes() -> list[Shape]:
    """Every combination of what the engine puts together."""
    found = []
    for size in range(4):
        for places in combinations(PLACES, size):
            for rows in ((), ROWS[:1], ROWS):
                found.append(Shape(True, frozenset((*places, *rows))))
            found.append(Shape(False, frozenset(places)))
    for rank in RANKS:
        for words in (True, False):
            for more in ((), ("below_rank",)):
                found.append(Shape(words, frozenset(("has_rank", *more)), rank))
    found.append(Shape(True, frozenset(("has_rank", "below_rank", *ROWS, *PLACES)), RANKS[0]))
    return found


@pytest.fixture(scope="module")
def conn() -> Iterator[sqlite3.Connection]:
    conn = library()
    yield conn
    conn.close()


def plan(conn: sqlite3.Connection, sql: str) -> list[str]:
    bound = dict.fromkeys(NAMES, 1) | {"match": "x"}
    return [row[3] for row in conn.execute(f"EXPLAIN QUERY PLAN {sql}", bound)]


def test_the_newest_page_is_the_index_read_forwards() -> None:
    shape = Shape(True).also("after", "posted_until", "salary_min")
    assert statements.page(shape, ("id",)) == (
        'SELECT "p"."place","p"."listed_at","p"."listed_tie","p"."id" '
        'FROM "text_index" "w" CROSS JOIN "posting" "p" '
        'WHERE "w"."text_index" MATCH :match AND "p"."place"=34359738368-"w"."rowid" '
        'AND "w"."rowid">=34359738368-min('
        'coalesce((SELECT "q"."place" FROM "posting" "q" '
        'WHERE ("q"."listed_at","q"."listed_tie")<(:after_at,:after_tie) '
        'ORDER BY "q"."listed_at" DESC,"q"."listed_tie" DESC LIMIT 1),0),'
        'coalesce((SELECT "q"."place" FROM "posting" "q" WHERE "q"."listed_at"<=:posted_until '
        'ORDER BY "q"."listed_at" DESC,"q"."listed_tie" DESC LIMIT 1),0)) '
        'AND "p"."yearly_max">=:salary_min '
        'ORDER BY "w"."rowid" ASC LIMIT :limit'
    )


def test_what_is_listed_since_a_time_comes_first_in_the_index() -> None:
    assert statements.place_list(Shape(True).also("posted_since")) == (
        'SELECT json_group_array("m"."place") FROM ('
        'SELECT 34359738368-"w"."rowid" "place" FROM "text_index" "w" '
        'WHERE "w"."text_index" MATCH :match AND "w"."rowid"<=34359738368-'
        'coalesce((SELECT "q"."place" FROM "posting" "q" WHERE "q"."listed_at">=:posted_since '
        'ORDER BY "q"."listed_at" ASC,"q"."listed_tie" ASC LIMIT 1),34359738368) '
        'ORDER BY "w"."rowid" ASC LIMIT :limit) "m"'
    )


def test_totals_touch_no_posting_without_need() -> None:
    assert statements.capped(Shape(True)) == (
        'SELECT COUNT(*) FROM (SELECT 34359738368-"w"."rowid" FROM "text_index" "w" '
        'WHERE "w"."text_index" MATCH :match ORDER BY "w"."rowid" ASC LIMIT :limit) "m"'
    )
    assert statements.count(Shape(True)) == (
        'SELECT COUNT(*) FROM "text_index" "w" WHERE "w"."text_index" MATCH :match'
    )
    assert statements.place_list(Shape(False)) == (
        'SELECT json_group_array("m"."place") FROM ('
        'SELECT "p"."place" "place" FROM "posting" "p" ORDER BY "p"."place" DESC LIMIT :limit) "m"'
    )


def test_whole_postings_bring_their_texts() -> None:
    assert statements.page(Shape(False), ("id",), ("description",)) == (
        'SELECT "p"."place","p"."listed_at","p"."listed_tie","p"."id","t"."description" '
        'FROM "posting" "p" LEFT JOIN "posting_text" "t" ON "t"."place"="p"."place" '
        'ORDER BY "p"."place" DESC LIMIT :limit'
    )
    assert statements.rows_at(("id",)) == (
        'SELECT "p"."place","p"."listed_at","p"."listed_tie","p"."id" '
        'FROM json_each(:places) "j" CROSS JOIN "posting" "p" WHERE "p"."place"="j"."value"'
    )


def test_a_ranked_page_follows_the_last_rank_and_place() -> None:
    sql = statements.page(Shape(False, frozenset(("has_rank", "below_rank")), "yearly_max"))
    assert sql == (
        'SELECT "p"."place","p"."listed_at","p"."listed_tie","p"."yearly_max" '
        'FROM "posting" "p" WHERE ("p"."yearly_max","p"."place")<=(:rank,'
        'coalesce((SELECT "q"."place" FROM "posting" "q" '
        'WHERE ("q"."listed_at","q"."listed_tie")<(:after_at,:after_tie) '
        'ORDER BY "q"."listed_at" DESC,"q"."listed_tie" DESC LIMIT 1),0)) '
        'AND "p"."yearly_max" IS NOT NULL '
        'ORDER BY "p"."yearly_max" DESC,"p"."place" DESC LIMIT :limit'
    )


def test_a_shape_is_rendered_once() -> None:
    one, other = (Shape(True).also(*names) for names in (("after", "top"), ("top", "after")))
    assert statements.page(one, ("id",)) is statements.page(other, ("id",))


def test_a_placeholder_carries_no_value() -> None:
    assert str(Bind("limit")) == ":limit"


def name(shape: Shape) -> str:
    return "-".join(["words" * shape.words, *sorted(shape.conditions), shape.ranked_by or ""])


@each_case("shape", shapes())
def test_no_statement_reads_more_postings_than_it_must(
    conn: sqlite3.Connection, shape: Shape
) -> None:
    rendered = [statements.page(shape, ("id", "title"), ("description",))]
    if not shape.ranked_by:
        rendered += [statements.place_list(shape), statements.capped(shape)]
        rendered.append(statements.count(shape))
    for sql in rendered:
        steps = plan(conn, sql)
        scans = {step.split()[1] for step in steps if step.startswith("SCAN")} - {"m"}
        if shape.words:
            assert scans == {"w"}  # as far as it matches
        elif shape.conditions - {"has_rank"}:
            assert scans == set()
        # Otherwise postings are read from one end, up to the limit.
        sorts = any("TEMP B-TREE" in step for step in steps)
        assert sorts == bool(shape.words and shape.ranked_by)
        for step in steps:
            if step.startswith("SEARCH q"):
                assert "INDEX posting_listed" in step
            if step.startswith(("SEARCH t", "SEARCH p")) and not shape.ranked_by:
                assert "INTEGER PRIMARY KEY" in step


@pytest.mark.parametrize(
    ("rank", "index"),
    [
        ("yearly_max", "posting_salary"),
        ("applicant_count", "posting_applicants"),
        (SOONEST, "posting_soonest"),
    ],
)
def test_everything_by_rank_is_the_index_of_the_rank(
    conn: sqlite3.Connection, rank: str, index: str
) -> None:
    first = Shape(False, frozenset(("has_rank",)), rank)
    for shape in (first, first.also("below_rank")):
        assert any(f"USING INDEX {index}" in step for step in plan(conn, statements.page(shape)))


def test_postings_at_places_are_looked_up(conn: sqlite3.Connection) -> None:
    listed, *steps = plan(conn, statements.rows_at(("id",), ("description",)))
    assert listed.startswith("SCAN j ")
    assert steps == [
        "SEARCH p USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH t USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN",
    ]


@pytest.mark.parametrize(
    ("rank", "index"), [("yearly_max", "posting_salary"), ("applicant_count", "posting_applicants")]
)
def test_the_next_number_is_sought(conn: sqlite3.Connection, rank: str, index: str) -> None:
    sql = statements.highest(rank)
    assert sql == (
        f'SELECT MAX("p"."{rank}") FROM "posting" "p" '
        f'WHERE "p"."{rank}">=:floor AND "p"."{rank}"<:ceiling'
    )
    (step,) = (
        row[3] for row in conn.execute(f"EXPLAIN QUERY PLAN {sql}", {"floor": 0, "ceiling": 1})
    )
    assert f"COVERING INDEX {index} ({rank}>? AND {rank}<?)" in step


@pytest.mark.parametrize("words", [True, False])
@pytest.mark.parametrize(
    ("condition", "index"), [("application", "posting_id"), ("changed", "posting_updated")]
)
def test_what_few_postings_satisfy_leads_a_search(
    conn: sqlite3.Connection, words: bool, condition: str, index: str
) -> None:
    for more in ((), ("after", "salary_min"), ("posted_since", "posted_until")):
        shape = Shape(words, frozenset((condition, *more)))
        for sql in (statements.page(shape, ("id",)), statements.place_list(shape)):
            steps = " ".join(plan(conn, sql))
            assert re.search(rf"SEARCH p USING (COVERING )?INDEX {index} \(", steps)
