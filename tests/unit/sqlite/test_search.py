"""Search on SQLite: what is found, in which order, page by page."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from jobstore.engines.rows import SUMMARY_COLUMNS, DamagedRow
from jobstore.engines.sqlite.search import lookup, sorting
from jobstore.engines.sqlite.search.lookup import Lookup
from jobstore.engines.sqlite.search.pages import count, scan
from jobstore.engines.sqlite.transaction import snapshot
from jobstore.engines.sqlite.writing import changes
from jobstore.errors import InvalidQuery
from jobstore.records import (
    EmploymentType,
    FacetCount,
    JobPosting,
    JobSummary,
    SalaryPeriod,
    SearchQuery,
    Sort,
    Status,
    Workplace,
    job_id,
)
from jobstore.search import ranking
from jobstore.search.criteria import Criteria, check_query
from jobstore.search.excerpts import Excerpts
from jobstore.search.grammar import parse
from tests.fixtures.cases import each_case
from tests.unit.sqlite.library import NOW, find, library, pages, posting, search, store, titled


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    conn = library()
    yield conn
    conn.close()


def asked(**fields: Any) -> Criteria:
    return check_query(SearchQuery(**fields))


@each_case(
    ("text", "expected"),
    [
        ("engineer", "abc"),
        ("ENGINEER data", "ab"),
        ('"data engineer"', "b"),
        ("engineer -data", "c"),
        ('-"data engineer"', "acd"),
        ("nurse OR data", "abd"),
        ("engineer data OR c++", "abc"),
        ("eng*", "abc"),
        ("title:nur*", "d"),
        ("company:nur*", ""),
        ('"data eng"*', "b"),
        ("title:acme", ""),
        ("company:acme", "abcd"),
        ("location:zurich", "abcd"),
        ("C++", "c"),
        ("c", ""),
        ("c*", "abcd"),
        (".net", "a"),
        ("zzz", ""),
        ("zzz*", ""),
        ("data OR zzz*", "ab"),
        ("data -zzz*", "ab"),
        ("\ue000a engineer", "a"),
        ("\ue000 engineer", "abc"),
    ],
)
def test_texts_find_what_they_say(text: str, expected: str) -> None:
    titles = {
        "a": "a engineer for data, ASP.NET",
        "b": "b data-engineer",
        "c": "c1 C++ Engineer",
        "d": "d Nurse",
    }
    conn = titled(*titles.values(), location="Zürich", company="Acme Corp")
    assert [title[0] for title in find(conn, text)] == list(expected)
    assert count(conn, asked(text=text)) == len(expected)
    conn.close()


def test_every_column_is_searched(conn: sqlite3.Connection) -> None:
    store(
        conn,
        [
            posting("one", company="Beta", location="Gamma", skills=["Delta"], description="Eps"),
            posting("two"),
        ],
    )
    for word in ("one", "beta", "gamma", "delta", "eps"):
        assert find(conn, word) == ["one"]


FILTERS: list[tuple[dict[str, Any], str]] = [
    ({"source": "Board"}, "abc"),
    ({"source": "other"}, ""),
    ({"company": "societe GENERALE"}, "a"),
    ({"company": ("Société Générale", "Beta")}, "ab"),
    ({"company": "Société"}, ""),
    ({"location": "zurich"}, "a"),
    ({"country": "ch"}, "a"),
    ({"workplace": "remote"}, "a"),
    ({"workplace": ("remote", "onsite")}, "ab"),
    ({"employment_type": EmploymentType.CONTRACT}, "b"),
    ({"experience_level": "entry"}, "c"),
    ({"industry": "it"}, "a"),
    ({"status": "open"}, "ab"),
    ({"status": "closed"}, "c"),
    ({"skills": "sql"}, "ab"),
    ({"skills": ("c++", "SQL")}, "a"),
    ({"salary_currency": "eur"}, "b"),
    ({"salary_min": 62_400}, "ab"),
    ({"salary_min": 62_400.01}, "b"),
    ({"salary_max": 62_400}, "a"),
    ({"salary_max": 62_399}, ""),
    ({"salary_min": 85_000, "salary_max": 86_000}, "b"),
    ({"salary_min": 95_000, "salary_max": 96_000}, ""),
    ({"salary_min": 0}, "ab"),
    ({"applicants_min": 0}, "ac"),
    ({"applicants_min": 1}, "c"),
    ({"applicants_max": 0}, "a"),
    ({"applicants_min": 100, "applicants_max": 100}, "c"),
    ({"applicants_min": 101, "applicants_max": 103}, ""),
    ({"posted_since": NOW}, "a"),
    ({"posted_since": NOW - timedelta(hours=1)}, "ab"),
    ({"posted_since": NOW + timedelta(microseconds=1)}, ""),
    ({"posted_until": NOW - timedelta(hours=1)}, "bc"),
    ({"posted_until": NOW - timedelta(days=9)}, ""),
    (
        {"posted_since": NOW - timedelta(hours=1), "posted_until": NOW - timedelta(hours=1)},
        "b",
    ),
    ({"text": "engineer", "status": "open", "salary_min": 80_000, "sort": "salary"}, "b"),
    ({"text": "-engineer", "posted_since": NOW}, ""),
    ({"posted_since": NOW - timedelta(hours=1), "sort": "applicants"}, "ab"),
    ({"text": "engineer", "posted_since": NOW + timedelta(days=1)}, ""),
    ({"text": "engineer", "posted_until": NOW - timedelta(days=9)}, ""),
    ({"status": "open", "workplace": "remote"}, "a"),
    ({"status": "closed", "workplace": "remote"}, ""),
    ({"status": ("open", "closed"), "workplace": ("onsite", "remote")}, "ab"),
    ({"text": "engineer", "status": "open", "workplace": "onsite", "skills": "sql"}, "b"),
]


@pytest.mark.parametrize(("fields", "expected"), FILTERS, ids=lambda value: str(value)[:60])
def test_filters_hold(conn: sqlite3.Connection, fields: dict[str, Any], expected: str) -> None:
    store(
        conn,
        [
            posting(
                "a engineer",
                company="Société  Générale",
                location="Zürich",
                country="CH",
                workplace=Workplace.REMOTE,
                industry="IT",
                skills=["C++", "SQL"],
                salary_max=Decimal(30),
                salary_period=SalaryPeriod.HOUR,
                applicant_count=0,
                posted_at=NOW,
            ),
            posting(
                "b engineer",
                company="Beta",
                workplace=Workplace.ONSITE,
                employment_type=EmploymentType.CONTRACT,
                skills=["SQL"],
                salary_min=Decimal(80_000),
                salary_max=Decimal(90_000),
                salary_currency="EUR",
                posted_at=NOW - timedelta(hours=1),
            ),
            posting(
                "c engineer",
                experience_level="entry",
                applicant_count=100,
                posted_at=NOW - timedelta(hours=2),
                status=Status.CLOSED,
            ),
        ],
    )
    assert [title[0] for title in find(conn, **fields)] == list(expected)
    assert count(conn, asked(**fields)) == len(expected)
    assert search(conn, asked(**fields), limit=1).total == len(expected)


def test_of_many_parts_the_rarest_leads(conn: sqlite3.Connection) -> None:
    store(
        conn,
        [
            posting(
                f"{number} engineer" + " nurse" * (number % 2) + " data" * (number % 4 == 0),
                company="Rare" if number == 7 else "Acme",
            )
            for number in range(200)
        ],
    )

    def order(**fields: Any) -> list[str]:
        return [part.query for part in Lookup(conn, asked(**fields)).match.required]

    # Where one is rare, nobody asks how common the others are.
    assert order(text="engineer nurse", company="Rare")[1:] == ['"engineer"', '"nurse"']
    assert order(text="engineer nurse data") == ['"data"', '"nurse"', '"engineer"']
    # Two are joined as they come.
    assert order(text="engineer nurse") == ['"engineer"', '"nurse"']


@pytest.mark.parametrize("matching", [0, 3, 20, 21, 1000, 1001, 1100])
def test_many_parts_give_the_first_page_and_the_total(
    conn: sqlite3.Connection, matching: int
) -> None:
    store(
        conn,
        [
            posting(f"{number} data engineer" + " in Berlin" * (number < matching))
            for number in range(1200)
        ],
    )
    query = asked(text="data engineer berlin")
    page = search(conn, query, limit=20)
    newest = range(matching - 1, max(-1, matching - 21), -1)
    assert [item.title for item in page.items] == [f"{n} data engineer in Berlin" for n in newest]
    assert (page.total, page.total_capped) == (min(matching, 1001), matching > 1000)
    assert (page.position is None) == (matching <= 20)


def test_an_entry_of_the_index_without_a_posting_is_a_damage(conn: sqlite3.Connection) -> None:
    store(conn, [posting(f"{number} data engineer in Berlin") for number in range(3)])
    conn.execute("DELETE FROM posting WHERE title LIKE '1%'")
    with pytest.raises(DamagedRow):
        search(conn, asked(text="data engineer berlin"), limit=20)


def crowd(size: int, seed: int = 1) -> list[JobPosting]:
    """Many postings with many equal times, salaries and applicant counts."""
    chance = random.Random(seed)
    return [
        posting(
            f"{chance.choice(['data', 'web'])} {chance.choice(['engineer', 'nurse'])}",
            company=chance.choice(["Acme", "ACME", "Data Corp"]),
            location=chance.choice(["Berlin", None]),
            skills=chance.sample(["data", "SQL", "R"], chance.randint(0, 3)),
            description=chance.choice([None, "data engineer", "web"]),
            salary_max=chance.choice([None, Decimal(chance.randint(1, 40) * 5000)]),
            applicant_count=chance.choice([None, chance.randint(0, 30), 5]),
            posted_at=NOW - timedelta(hours=chance.randint(0, 50)),
            expires_at=chance.choice(
                [None, NOW + timedelta(hours=chance.randint(-2000, 9000)), NOW]
            ),
        )
        for _ in range(size)
    ]


def order_of(conn: sqlite3.Connection, sort: Sort) -> Callable[[JobSummary], Any]:
    """The key by which results have to fall."""
    listed = {
        row[0]: row[1:]
        for row in conn.execute("SELECT p.id, p.listed_at, p.listed_tie FROM posting AS p")
    }
    expiring = dict(conn.execute("SELECT p.id, -p.expires_at FROM posting AS p"))

    def key(item: JobSummary) -> Any:
        number: Any = item.salary_max if sort is Sort.SALARY else item.applicant_count
        if sort is Sort.EXPIRES:
            number = expiring.get(item.id.bytes)
        first = (number is not None, number or 0) if sort is not Sort.NEWEST else ()
        return (*first, *listed[item.id.bytes])

    return key


@pytest.fixture(scope="module")
def crowded() -> Iterator[sqlite3.Connection]:
    conn = library()
    store(conn, crowd(130))
    yield conn
    conn.close()


QUERIES: list[dict[str, Any]] = [
    {},
    {"text": "data"},
    {"text": "engineer -web"},
    {"company": "acme"},
    {"text": "data", "salary_min": 50_000, "applicants_max": 20},
    {"posted_since": NOW - timedelta(hours=30), "posted_until": NOW - timedelta(hours=3)},
    {"text": "zzz"},
]


@pytest.mark.no_cover
@pytest.mark.parametrize("fields", QUERIES, ids=str)
@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("sorted_at_once", [0, 20, 2000])
def test_paging_gives_every_match_once_and_in_order(
    monkeypatch: pytest.MonkeyPatch,
    crowded: sqlite3.Connection,
    fields: dict[str, Any],
    sort: Sort,
    sorted_at_once: int,
) -> None:
    conn = crowded
    # What happens with thousands of matches, with hundreds.
    monkeypatch.setattr(lookup, "MAX_SORTED", sorted_at_once)
    monkeypatch.setattr(sorting, "MAX_SORTED", sorted_at_once)
    monkeypatch.setattr(ranking, "WINDOW", 50)
    everything, _ = pages(conn, asked(**fields), 1000)
    if sort is Sort.RELEVANCE:
        (page,) = pages(conn, asked(**fields, sort=sort), 1000)[1]
        expected = page.items
        assert sorted(item.id for item in expected) == sorted(item.id for item in everything)
    else:
        expected = sorted(everything, key=order_of(conn, sort), reverse=True)
    for limit in (1, 7, 50, 130):
        items, found = pages(conn, asked(**fields, sort=sort), limit)
        assert [item.id for item in items] == [item.id for item in expected]
        assert {(page.total, page.total_capped) for page in found} == {(len(expected), False)}
    assert count(conn, asked(**fields, sort=sort)) == len(expected)


@pytest.mark.parametrize("sort", list(Sort))
def test_paging_goes_on_while_others_write(
    monkeypatch: pytest.MonkeyPatch, conn: sqlite3.Connection, sort: Sort
) -> None:
    monkeypatch.setattr(lookup, "MAX_SORTED", 20)
    monkeypatch.setattr(sorting, "MAX_SORTED", 20)
    monkeypatch.setattr(ranking, "WINDOW", 30)
    chance = random.Random(3)
    first = crowd(120)
    store(conn, first)
    criteria = asked(text="data", sort=sort)
    expected, _ = pages(conn, criteria, 1000)
    kept = {item.id for item in expected}
    seen = []
    after, total = None, None
    while True:
        page = search(conn, criteria, limit=9, after=after, total=total)
        seen += [item.id for item in page.items if item.id in kept]
        after, total = page.position, (page.total, page.total_capped)
        if after is None:
            break
        # New ones at the top and in the middle, which also makes old ones move aside ...
        store(conn, crowd(5, seed=chance.randint(0, 10**9)))
        store(conn, [posting("data", posted_at=NOW - timedelta(hours=25, microseconds=5))] * 3)
        # ... and one that goes.
        gone = chance.choice([item for item in first if item.title.startswith("data")])
        conn.execute("BEGIN IMMEDIATE")
        id = job_id(gone.source, gone.source_job_id)
        writes = changes.PostingWrites(conn, NOW)
        writes.delete(id)
        writes.finish()
        conn.execute("COMMIT")
        kept.discard(id)
    found = [id for id in seen if id in kept]
    rest = [item.id for item in expected if item.id in kept]
    if sort is Sort.RELEVANCE:
        # What is new shifts the windows that were not begun; still each comes once.
        found, rest = sorted(found), sorted(rest)
    assert found == rest


def _places(conn: sqlite3.Connection) -> dict[bytes, int]:
    return dict(conn.execute("SELECT p.id, p.place FROM posting AS p").fetchall())


@pytest.mark.parametrize("sort", list(Sort))
def test_labels_may_change_between_two_pages(conn: sqlite3.Connection, sort: Sort) -> None:
    def listed(step: int) -> Any:
        return NOW + timedelta(microseconds=step)

    store(
        conn,
        [
            posting(
                "data", posted_at=listed(1000 * n), salary_max=Decimal(n % 5), applicant_count=n % 3
            )
            for n in range(60)
        ],
    )
    before = _places(conn)
    criteria = asked(text="data", sort=sort)
    expected, _ = pages(conn, criteria, 1000)
    items: list[JobSummary] = []
    after = None
    while len(items) < len(expected):
        page = search(conn, criteria, limit=7, after=after)
        items += page.items
        after = page.position
        # Others are listed so close together that the ones here have to move aside.
        crowded = 1000 * (60 - len(items))
        store(conn, [posting("web", posted_at=listed(crowded + 1 + n)) for n in range(40)])
        store(conn, [posting("web", posted_at=listed(crowded - 1 - n)) for n in range(40)])
    assert after is None
    assert items == expected
    now = _places(conn)
    assert any(now[id] != place for id, place in before.items())


@pytest.mark.parametrize("sort", list(Sort))
def test_totals_stop_at_a_thousand(conn: sqlite3.Connection, sort: Sort) -> None:
    store(conn, (posting(posted_at=NOW, salary_max=Decimal(n + 1)) for n in range(1000)))
    for fields in ({}, {"text": "engineer"}):
        page = search(conn, asked(**fields, sort=sort), limit=5)
        assert (page.total, page.total_capped) == (1000, False)
        whole = search(conn, asked(**fields, sort=sort), limit=1000)
        assert (len(whole.items), whole.position, whole.total) == (1000, None, 1000)
    store(conn, [posting(posted_at=NOW) for _ in range(5)])
    for fields in ({}, {"text": "engineer"}):
        for limit in (5, 2000):
            page = search(conn, asked(**fields, sort=sort), limit=limit, facets=("company",))
            assert (page.total, page.total_capped) == (1001, True)
        assert page.facets == {"company": [FacetCount("Acme", 1001)]}
        assert count(conn, asked(**fields)) == 1005


def capped_crowd(size: int) -> list[JobPosting]:
    """Half share the highest numbers, and some are close to them. A few at low salaries have
    many applicants."""
    chance = random.Random(size)
    return [
        posting("few", salary_max=Decimal(30_000), applicant_count=chance.randint(1000, 3000))
        for _ in range(size // 10)
    ] + [
        posting(
            chance.choice(["data", "data web"]),
            salary_max=chance.choice([Decimal(120_000), Decimal(chance.randint(119_950, 120_050))]),
            applicant_count=chance.choice([200, 200, chance.randint(190, 199), 3]),
            posted_at=NOW - timedelta(minutes=chance.randint(0, 10 * size)),
        )
        for _ in range(size)
    ]


@pytest.mark.parametrize("sort", [Sort.SALARY, Sort.APPLICANTS])
@pytest.mark.parametrize(
    "fields",
    [
        {"text": "data"},
        {"text": "web"},
        {"salary_min": 120_001, "salary_max": 120_040},
        {"applicants_min": 4, "applicants_max": 199},
        {"text": "data", "posted_until": NOW - timedelta(hours=1)},
    ],
    ids=str,
)
def test_popular_numbers_are_paged_in_order(
    monkeypatch: pytest.MonkeyPatch, conn: sqlite3.Connection, fields: dict[str, Any], sort: Sort
) -> None:
    monkeypatch.setattr(sorting, "MAX_SORTED", 20)
    monkeypatch.setattr(lookup, "MAX_SORTED", 20)
    store(conn, capped_crowd(400))
    everything, _ = pages(conn, asked(**fields), 1000)
    assert len(everything) > 20
    expected = sorted(everything, key=order_of(conn, sort), reverse=True)
    for limit in (1, 7, 100):
        items, _ = pages(conn, asked(**fields, sort=sort), limit)
        assert [item.id for item in items] == [item.id for item in expected]


def test_counts_that_no_float_tells_apart_are_paged_in_order(
    monkeypatch: pytest.MonkeyPatch, conn: sqlite3.Connection
) -> None:
    monkeypatch.setattr(sorting, "MAX_SORTED", 0)
    monkeypatch.setattr(lookup, "MAX_SORTED", 0)
    counts = [2**63 - 1 - n // 2 for n in range(12)] + [2**53 + n // 2 for n in range(6)]
    store(conn, [posting(applicant_count=count) for count in counts])
    for limit in (1, 2, 5):
        items, _ = pages(conn, asked(text="engineer", sort="applicants"), limit)
        assert [item.applicant_count for item in items] == sorted(counts, reverse=True)
        assert len({item.id for item in items}) == len(counts)


def work(conn: sqlite3.Connection, criteria: Criteria, limit: int = 10) -> list[int]:
    """How many instructions of SQLite's machine the first pages and one further down take."""
    done = []
    after, total = None, (1, False)
    for number in range(8):
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1

        conn.set_progress_handler(step, 1)
        # Further pages start where a larger one ended.
        size = limit if number % 2 == 0 else 5 * limit
        page = search(conn, criteria, limit=size, after=after, total=total)
        conn.set_progress_handler(None, 1)
        if number % 2 == 0:
            done.append(steps)
        after = page.position
        if after is None:
            break
    return done


@pytest.fixture(scope="module")
def crowds() -> Iterator[list[sqlite3.Connection]]:
    """A store and one four times as large, which tests only read."""
    conns = [library(), library()]
    for conn, size in zip(conns, (1000, 4000), strict=True):
        store(conn, capped_crowd(size))
    yield conns
    for conn in conns:
        conn.close()


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "data", "sort": "salary"},
        {"text": "data", "sort": "applicants"},
        {"text": "web", "sort": "applicants"},
        # What no posting satisfies, behind words that many have.
        {"text": "data", "applicants_min": 1000, "sort": "salary"},
        {"applicants_min": 5000, "sort": "salary"},
        {"salary_min": 200_000, "sort": "applicants"},
        # What many satisfy, and none of those with the highest numbers.
        {"applicants_min": 1000, "sort": "salary"},
        {"salary_max": 40_000, "sort": "salary"},
    ],
    ids=str,
)
def test_a_page_by_number_costs_the_same_in_a_larger_store(
    monkeypatch: pytest.MonkeyPatch, crowds: list[sqlite3.Connection], fields: dict[str, Any]
) -> None:
    monkeypatch.setattr(sorting, "MAX_SORTED", 50)
    monkeypatch.setattr(lookup, "MAX_SORTED", 50)
    costs = [work(conn, asked(**fields)) for conn in crowds]
    # Single pages differ by which bucket happens to be sorted.
    assert max(costs[1]) < 1.5 * max(costs[0])


def test_a_known_total_is_not_counted_again(conn: sqlite3.Connection) -> None:
    store(conn, [posting()] * 3)
    page = search(conn, asked(), limit=1, total=(77, False), facets=("source",))
    assert (page.total, page.facets) == (77, {"source": [FacetCount("board", 1)]})


def test_relevance_is_where_the_words_stand(conn: sqlite3.Connection) -> None:
    store(
        conn,
        [
            posting("e", description="data in the description", posted_at=NOW),
            posting("d", location="Data City", posted_at=NOW - timedelta(days=1)),
            posting("c1", skills=["Data"], posted_at=NOW - timedelta(days=2)),
            posting("c2", company="Data Corp", posted_at=NOW - timedelta(days=3)),
            posting("b data", posted_at=NOW - timedelta(days=4)),
            posting("a data", company="C++ Corp", posted_at=NOW - timedelta(days=5)),
        ],
    )
    assert find(conn, "data", sort="relevance") == ["b data", "a data", "c1", "c2", "d", "e"]
    assert find(conn, "dat*", sort="relevance") == ["b data", "a data", "c1", "c2", "d", "e"]
    assert find(conn, "data OR c++", sort="relevance")[:2] == ["b data", "a data"]
    assert find(conn, "data company:C++", sort="relevance") == ["a data"]
    assert find(conn, "company:data OR data", sort="relevance")[0] == "b data"
    # Without words there is nothing to rank by.
    assert find(conn, "-zzz", sort="relevance")[0] == "e"


def test_relevance_ranks_within_windows(
    monkeypatch: pytest.MonkeyPatch, conn: sqlite3.Connection
) -> None:
    monkeypatch.setattr(ranking, "WINDOW", 2)
    for age, title in enumerate(("x", "data1 data", "y", "data2 data")):
        store(
            conn,
            [posting(title, description="data", posted_at=NOW - timedelta(days=age))],
        )
    assert find(conn, "data", sort="relevance") == ["data1 data", "x", "data2 data", "y"]


def test_facets_count_spellings_together(conn: sqlite3.Connection) -> None:
    store(
        conn,
        [
            posting(company="ACME", skills=["SQL", "sql", "C++"], country="DE"),
            posting(company="Acme", skills=["sql"], country="DE"),
            posting(company="Acme", country="AT", location="Wien"),
            posting(company="Beta", salary_max=Decimal(5), salary_currency="EUR"),
            *(posting("other", company=f"Firm {n:02}") for n in range(20)),
        ],
    )
    names = ("company", "skills", "country", "location", "salary_currency", "workplace", "status")
    found = search(conn, asked(text="engineer"), limit=1, facets=names).facets
    assert found == {
        "company": [FacetCount("Acme", 3), FacetCount("Beta", 1)],
        "skills": [FacetCount("SQL", 2), FacetCount("C++", 1)],
        "country": [FacetCount("DE", 2), FacetCount("AT", 1)],
        "location": [FacetCount("Wien", 1)],
        "salary_currency": [FacetCount("EUR", 1)],
        "workplace": [],
        "status": [FacetCount("open", 4)],
    }
    assert tuple(found) == names
    assert len(search(conn, asked(), limit=1, facets=("company",)).facets["company"]) == 10
    assert search(conn, asked(text="zzz*"), limit=1, facets=("company",)).facets == {"company": []}


def test_facets_of_every_name_work(conn: sqlite3.Connection) -> None:
    names = ("source", "employment_type", "experience_level", "industry")
    store(
        conn,
        [posting(employment_type=EmploymentType.OTHER, experience_level="entry", industry="IT")],
    )
    assert search(conn, asked(), limit=1, facets=names).facets == {
        "source": [FacetCount("board", 1)],
        "employment_type": [FacetCount("other", 1)],
        "experience_level": [FacetCount("entry", 1)],
        "industry": [FacetCount("IT", 1)],
    }


def test_scan_returns_whole_postings(conn: sqlite3.Connection) -> None:
    store(conn, crowd(50))
    store(conn, [posting("data", description="Text", attributes={"a": 1}, url="https://a.b/")])
    jobs, after = scan(conn, asked(text="data", sort="salary"), limit=10)
    assert (jobs[0].description, jobs[0].attributes, jobs[0].url) == (
        "Text",
        {"a": 1},
        "https://a.b/",
    )
    while after:
        more, after = scan(conn, asked(text="data"), limit=10, after=after)
        jobs += more
    expected, _ = pages(conn, asked(text="data"), 1000)
    assert [job.id for job in jobs] == [item.id for item in expected]
    assert scan(conn, asked(text="zzz*"), limit=10) == ([], None)
    assert scan(conn, asked(text="zzz"), limit=10) == ([], None)
    assert count(conn, asked(text="zzz*")) == 0


def test_too_short_a_prefix_is_refused(conn: sqlite3.Connection) -> None:
    store(conn, [posting(description=" ".join(f"word{n}" for n in range(501)))])
    with pytest.raises(InvalidQuery, match="add letters"):
        find(conn, "wor*")
    assert find(conn, "word4*") == ["Engineer"]
    assert not conn.in_transaction


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_a_prefix_stands_for_each_word_once_however_often_it_occurs(limit: int) -> None:
    everywhere = "wo word words"
    rare = ["word1", "wordy", "worl", "wor", "work works working"]
    conn = library()
    texts = [f"{everywhere} {rare[n]}" if n < len(rare) else everywhere for n in range(100)]
    store(conn, [posting(source_job_id=str(n), description=text) for n, text in enumerate(texts)])
    expected = sorted({word for text in texts for word in text.split() if word.startswith("wor")})
    found = Lookup(conn, asked())._words_from("wor", limit)
    assert found == expected[:limit]
    assert Lookup(conn, asked())._words_from("wox", limit) == []
    assert Lookup(conn, asked())._words_from("works", limit) == ["works"]
    conn.close()


def test_many_words_are_sought_once_for_page_and_total(conn: sqlite3.Connection) -> None:
    store(
        conn, [posting(source_job_id=str(n), description=f"word{n} word{n + 1}") for n in range(60)]
    )
    seen: list[str] = []
    conn.set_trace_callback(seen.append)
    found = search(conn, asked(text="word*"), limit=20)
    conn.set_trace_callback(None)
    assert (len(found.items), found.total) == (20, 60)
    # Lines with "--" are what FTS5 asks for itself.
    assert sum(" MATCH " in each and not each.startswith("--") for each in seen) == 1


def test_a_search_is_one_transaction_and_joins_an_open_one(conn: sqlite3.Connection) -> None:
    store(conn, [posting()])
    conn.execute("BEGIN")
    conn.execute("DELETE FROM counter")
    assert find(conn) == ["Engineer"]
    assert conn.in_transaction
    conn.execute("ROLLBACK")
    seen = []
    conn.set_trace_callback(seen.append)
    search(conn, asked(text="engineer"), limit=5, facets=("company",))
    assert (seen[0], seen[-1]) == ("BEGIN", "ROLLBACK")
    conn.set_trace_callback(None)
    with pytest.raises(sqlite3.OperationalError), snapshot(conn):
        conn.execute("SELECT nonsense")
    assert not conn.in_transaction
    with snapshot(conn):
        conn.execute("ROLLBACK")


def test_every_filter_at_once_still_parses(conn: sqlite3.Connection) -> None:
    # FTS5 bounds the depth of a query; nested parts and alternatives have to stay within.
    many = tuple(f"value {n}" for n in range(100))
    fields = dict.fromkeys(("source", "company", "location", "industry", "skills"), many) | {
        "text": " ".join(f'title:"a{n} b"' for n in range(16))
        + " "
        + " ".join(f"-x{n}*" for n in range(16)),
        "country": ("DE", "US"),
        "workplace": tuple(Workplace),
        "employment_type": tuple(EmploymentType),
        "status": tuple(Status),
        "salary_currency": "EUR",
        "salary_min": 1,
        "salary_max": 10**12,
        "applicants_min": 1,
        "applicants_max": 10**9,
    }
    store(conn, [posting()])
    for sort in Sort:
        assert find(conn, **fields, sort=sort) == []


def test_columns_of_a_page_are_those_of_a_summary(conn: sqlite3.Connection) -> None:
    store(conn, [posting("t")])
    (hit,) = sorting.by_newest(Lookup(conn, asked()), 1, None, SUMMARY_COLUMNS)
    assert hit.row is not None
    assert len(hit.row) == len(SUMMARY_COLUMNS)


LONG = " ".join(f"w{n}" for n in range(100))


@each_case(
    ("query", "description", "expected"),
    [
        ("data", "We need Data scientists.", "We need **Data** scientists."),
        ("data engineer", "Data, then\n\n an engineer", "**Data**, then an **engineer**"),
        ('"data engineer"', "data. A data – engineer", "data. A **data – engineer**"),
        ("eng*", "Engines and engineers", "**Engines** and **engineers**"),
        ("c++", "C++17 and C#", "**C++**17 and C#"),
        (".net", "the ASP.NET core", "the ASP**.NET** core"),
        ("node.js", "NodeJS and node.js", "**NodeJS** and **node.js**"),
        ("naive cafe", "naïve, au café", "**naïve**, au **café**"),
        ("strasse", "in der Straße 5", "in der **Straße** 5"),
        ("e", "a\u00ade e\u00ad", "a\u00ade **e\u00ad**"),
        ("工程", "数据工程师", "数据**工程**师"),
        ("a OR b -c", "x b c", "x **b** c"),
        ("title:data x", "data x", "data **x**"),
        ("data", None, "A **data** Title"),
        ("data", "", "A **data** Title"),
        ("data", "database", "A **data** Title"),
        ("title:data", "data", "A **data** Title"),
        ("company:acme", "acme", "A data Title"),
        (
            "w50",
            LONG,
            "…" + LONG[LONG.index("w40") : LONG.index(" w71")].replace("w50", "**w50**") + "…",
        ),
        ("w0", LONG, "**w0** " + LONG[3 : LONG.index(" w21")] + "…"),
        ("w99", LONG, "…" + LONG[LONG.index("w89") :].replace("w99", "**w99**")),
    ],
)
def test_snippets_mark_what_was_searched_for(
    query: str, description: str | None, expected: str
) -> None:
    expression = parse(query)
    assert expression
    assert Excerpts(expression).snippet("A data Title", description) == expected


def test_snippets_of_scripts_without_spaces_are_bounded() -> None:
    expression = parse("工程")
    assert expression
    excerpt = Excerpts(expression).snippet("t", "数" * 500 + "工程" + "师" * 500)
    assert excerpt == "…" + "数" * 100 + "**工程**" + "师" * 200 + "…"


def test_items_have_snippets_where_words_were_given(conn: sqlite3.Connection) -> None:
    store(conn, [posting("Engineer", description="We use data.")])

    def snippet(text: str | None, snippets: bool = True) -> str | None:
        return search(conn, asked(text=text), limit=1, snippets=snippets).items[0].snippet

    assert snippet("data") == "We use **data**."
    assert snippet("engineer") == "**Engineer**"
    assert snippet("data", snippets=False) is None
    assert snippet(None) is None
    assert snippet("-nurse") is None
