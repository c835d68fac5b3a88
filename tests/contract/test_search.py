"""What a search means, example by example; every engine answers alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from jobstore import InvalidQuery, JobPosting, JobStore, JobSummary, SearchQuery, job_id
from tests.fixtures.cases import each_case
from tests.fixtures.clock import Clock
from tests.fixtures.postings import full, posting

POSTINGS = [
    posting("cpp", title="C++ Developer", company="Acme", location="Köln, Germany"),
    posting("csharp", title="C# / .NET Developer", company="Acme GmbH", location="Berlin"),
    posting("c", title="C Developer", company="Kernel", location="Remote"),
    posting("node", title="Backend Engineer", company="Node", skills=["Node.js", "SQL"]),
    posting("r", title="Statistician", company="Data Co", skills=["R"], location="Portland, OR"),
    posting("data", title="Data Engineer", company="Acme", description="Build data pipelines."),
    posting("senior", title="Senior Data Engineer", company="Café Crème", location="Paris"),
    posting("engineer", title="Engineer of data", company="CAFE CREME", description="No data."),
    posting("tokyo", title="東京都の開発者", company="株式会社テスト", location="東京"),
    posting("thai", title="รับพนักงานขายด่วน", company="บริษัท"),
    posting("russian", title="Инженер данных", company="Ромашка"),
    posting("dash", title="Dev-Ops engineer", company="O'Brien & Søn"),
    posting("strasse", title="Fahrer", company="Straße AG", description="Der Fahrer fährt."),
]


@pytest.fixture
async def searched(store: JobStore) -> JobStore:
    await store.upsert_many(POSTINGS)
    return store


async def found(store: JobStore, **query: Any) -> str:
    """Return the keys of what is found, in the order of the alphabet."""
    page = await store.search(SearchQuery(**query))
    assert page.total == len(page.items) == await store.count(SearchQuery(**query))
    return " ".join(sorted(item.source_job_id for item in page.items))


@each_case(
    ("text", "hits"),
    [
        # Words of their own.
        ("c++", "cpp"),
        ("C++", "cpp"),
        ("c#", "csharp"),
        (".net", "csharp"),
        (".NET developer", "csharp"),
        ("c", "c"),
        ("node.js", "node"),
        ("NodeJS", "node"),
        ("node", "node"),
        ("node js", "node"),
        ('"node js"', "node"),
        ("net developer", ""),
        ("dot net", "csharp"),
        ("c sharp developer", "csharp"),
        ("r", "r"),
        ("C++ OR C#", "cpp csharp"),
        # All words must occur, anywhere.
        ("data engineer", "data engineer senior"),
        ("engineer data acme", "data"),
        ("data paris", "senior"),
        ("pipelines", "data"),
        ("nothing", ""),
        # Phrases.
        ('"data engineer"', "data senior"),
        ('"engineer data"', ""),
        ('"data engineer" -senior', "data"),
        ('"senior data engineer"', "senior"),
        ('"data engineer', "data senior"),
        ('"dev ops"', "dash"),
        ("dev-ops", "dash"),
        ("O'Brien", "dash"),
        # Exclusion.
        ("-developer -engineer", "r russian strasse thai tokyo"),
        ("engineer -data", "dash node"),
        ('engineer -"data engineer"', "dash engineer node"),
        ("developer -company:acme", "c"),
        # OR binds tighter than the space.
        ("developer acme OR kernel", "c cpp csharp"),
        ("pipelines OR fahrer", "data strasse"),
        ("portland, OR", "r"),
        ("or", "r"),
        # Beginnings of words.
        ("dev*", "c cpp csharp dash"),
        ("engin*", "dash data engineer node senior"),
        ('"data eng*"', "data senior"),
        ("инж*", "russian"),
        # Fields.
        ("title:data", "data engineer senior"),
        ("company:data", "r"),
        ("location:remote", "c"),
        ("TITLE:engineer company:acme", "data"),
        ('title:"data engineer"', "data senior"),
        ("company:caf*", "engineer senior"),
        ("skills:sql", ""),
        # Accents and case.
        ("koln", "cpp"),
        ("KÖLN", "cpp"),
        ("ko\u0308ln", "cpp"),
        ("cafe creme", "engineer senior"),
        ("STRASSE", "strasse"),
        ("fahrt", "strasse"),
        ("son", "dash"),
        ("ИНЖЕНЕР", "russian"),
        # Scripts without spaces.
        ("東京", "tokyo"),
        ("開発", "tokyo"),
        ("京都", "tokyo"),
        ("location:京都", ""),
        ("テスト", "tokyo"),
        ("ｄｅｖ", "dash"),
        ("พนักงานขาย", "thai"),
        ("ขาย", "thai"),
        ("งาน", "thai"),
        ("งาน ขาย", "thai"),
        ("title:ขาย*", "thai"),
        ("ขายา", ""),
        ("นักงา", "thai"),
        ("กงาน", "thai"),
        ("ดวน", ""),
        # Signs are nothing beside words.
        ("( data & engineer ) !", "data engineer senior"),
        # Other languages of search.
        ("data AND engineer", "data engineer senior"),
        ("engineer NOT data", "dash node"),
        ("engineer !data", "dash node"),
        ("pipelines | fahrer", "data strasse"),
        ("title:(data engineer) company:acme", "data"),
        ("(pipelines OR dev) engineer", "dash data"),
        ("fahrer OR (data pipelines)", "data strasse"),
        ("*gineer", ""),
        ("“data engineer” -senior", "data"),
        ("data or engineer", ""),
        ('title:"', None),
        ("***", None),
        ("-", None),
        ('""', None),
        ("a OR -b", None),
        ("", "c cpp csharp dash data engineer node r russian senior strasse thai tokyo"),
        ("  ", "c cpp csharp dash data engineer node r russian senior strasse thai tokyo"),
    ],
)
async def test_texts(searched: JobStore, text: str, hits: str | None) -> None:
    if hits is None:
        with pytest.raises(InvalidQuery, match="text"):
            await searched.search(SearchQuery(text=text))
    else:
        assert await found(searched, text=text) == hits


@each_case(
    ("query", "hits"),
    [
        ({"company": "acme"}, "cpp data"),
        ({"company": " ACME  gmbh "}, "csharp"),
        ({"company": "cafe creme"}, "engineer senior"),
        ({"company": ("Acme", "Kernel", "none")}, "c cpp data"),
        ({"location": "KOLN, germany"}, "cpp"),
        ({"location": "Köln"}, ""),
        ({"skills": "sql"}, "node"),
        ({"skills": ("SQL", "node.js")}, "node"),
        ({"skills": ("SQL", "R")}, ""),
        ({"company": "Acme", "text": "data"}, "data"),
        ({"source": "BOARD", "text": "c++"}, "cpp"),
        ({"source": "other"}, ""),
    ],
)
async def test_whole_values(searched: JobStore, query: dict[str, Any], hits: str) -> None:
    assert await found(searched, **query) == hits


@pytest.fixture
async def paid(store: JobStore) -> JobStore:
    rows = {
        "hourly": {"salary_min": 25, "salary_max": 30, "salary_period": "hour"},  # 52,000-62,400
        "daily": {"salary_min": 200, "salary_period": "day"},  # 52,000
        "weekly": {"salary_max": 1_000, "salary_period": "week"},  # 52,000
        "monthly": {"salary_min": 4_000, "salary_max": 6_000, "salary_period": "month"},
        "yearly": {"salary_min": 72_000, "salary_max": 90_000, "salary_period": "year"},
        "unsaid": {"salary_min": 100_000},
        "dollars": {"salary_min": 60_000, "salary_max": 80_000, "salary_currency": "USD"},
        "free": {"salary_min": 0, "salary_max": 0},
        "none": {"salary_text": "60000 a year"},
    }
    # As records: of mappings, "0 to 0" is no salary and a text may be one.
    await store.upsert_many(
        JobPosting(**posting(key, **{"salary_currency": "EUR", **row})) for key, row in rows.items()
    )
    return store


@each_case(
    ("query", "hits"),
    [
        ({"salary_min": 60_000}, "dollars hourly monthly unsaid yearly"),
        ({"salary_min": 62_400}, "dollars hourly monthly unsaid yearly"),
        ({"salary_min": 62_400.01}, "dollars monthly unsaid yearly"),
        ({"salary_min": Decimal("72000")}, "dollars monthly unsaid yearly"),
        ({"salary_max": 52_000}, "daily free hourly monthly weekly"),
        ({"salary_max": 51_999}, "free monthly"),
        ({"salary_max": 0}, "free"),
        ({"salary_min": 0}, "daily dollars free hourly monthly unsaid weekly yearly"),
        ({"salary_min": 95_000, "salary_max": 99_000}, ""),
        ({"salary_min": 85_000, "salary_max": 86_000}, "yearly"),
        ({"salary_min": 60_000, "salary_currency": "usd"}, "dollars"),
        ({"salary_currency": ("USD", "EUR"), "salary_min": 100_000}, "unsaid"),
        ({"salary_min": 10**15}, ""),
    ],
)
async def test_salaries_reach_into_bounds_by_the_year(
    paid: JobStore, query: dict[str, Any], hits: str
) -> None:
    assert await found(paid, **query) == hits


NAMES = [
    posting(
        "dotted", title="Vue.js / React.js / Node.js developer", description="Or ASP.NET, .NET."
    ),
    posting("glued", title="VueJS ReactJS NodeJS developer", description="Or AspNet, dotnet."),
    posting(
        "parted", title="Vue JS, React JS, node js developer", description="Or ASP NET, dot net."
    ),
    posting("plain", title="Vue, React, node developer", description="Or the net."),
    posting("others", title="Vuelta reactor nodes", description="C++, C#, network."),
]


@each_case(
    ("text", "hits"),
    [
        *((name, "dotted glued parted plain") for name in ("vue", "React", "NODE")),
        *((name, "dotted glued parted") for name in ("vue.js", "React.js", "node.js")),
        *((name, "dotted glued parted") for name in ("vuejs", "ReactJS", "nodejs")),
        *((name, "dotted glued parted") for name in ("vue js", '"react js"', "node js")),
        ('"node js developer"', "dotted glued parted"),
        ('"nodejs developer"', "dotted glued parted"),
        ('"node developer"', "plain"),
        (".net", "dotted glued parted"),
        ("dotnet", "dotted glued parted"),
        ("dot net", "dotted glued parted"),
        ("asp net", "dotted glued parted"),
        ("aspnet", "dotted glued parted"),
        ("asp.net", "dotted glued parted"),
        ("net", "parted plain"),
        ("c", ""),
        ("c++", "others"),
        ("-vue developer", ""),
        ("developer -react.js", "plain"),
        ("node*", "dotted glued others parted plain"),
        ("nodej*", "dotted glued parted"),
        ("title:vue", "dotted glued parted plain"),
    ],
)
async def test_names_are_found_in_all_their_spellings(
    store: JobStore, text: str, hits: str
) -> None:
    await store.upsert_many(NAMES)
    assert await found(store, text=text) == hits
    assert await found(store, text=text, sort="relevance") == hits
    page = await store.search(SearchQuery(text=text))
    if "-" not in text:
        # What was found is marked, however it is spelled.
        assert all("**" in (item.snippet or "") for item in page.items)


@each_case(
    ("text", "notes"),
    [
        (None, []),
        ("data engineer", []),
        ('"data engineer" -senior OR', ["OR without"]),
        ("data AND engineer", ["AND between"]),
        ("*gineer", ["A star at the beginning"]),
        ("-data !engineer", ["! was read", "Nothing but exclusions"]),
        ("skill:sql | data", ['There is no field "skill"', "| was read"]),
    ],
)
async def test_a_page_says_how_its_text_was_understood(
    searched: JobStore, text: str | None, notes: list[str]
) -> None:
    page = await searched.search(SearchQuery(text=text), limit=1)
    assert [note[: len(start)] for note, start in zip(page.notes, notes, strict=True)] == notes
    if page.next_cursor:
        following = await searched.search(SearchQuery(text=text), limit=1, cursor=page.next_cursor)
        assert following.notes == page.notes


SPELLINGS = [
    ("GROẞHANDEL", "Großhandel", "grosshandel"),
    ("データ", "ﾃﾞｰﾀ"),
    ("パソコン", "ﾊﾟｿｺﾝ"),
    ("שָׁלוֹם", "שלום"),
    ("مُهَنْدِس", "مهندس"),
    ("ᲗᲑᲘᲚᲘᲡᲘ", "თბილისი"),
    ("Ｄａｔａ", "data"),
]


@pytest.mark.parametrize("spellings", SPELLINGS)
async def test_every_spelling_finds_every_other(store: JobStore, spellings: tuple[str]) -> None:
    everywhere = "{0}", "A", "A {0} {0}", "About {0}.", "{0}"
    for number, word in enumerate(spellings):
        title, skill, company, text, location = (each.format(word) for each in everywhere)
        await store.upsert(
            posting(
                f"k{number}",
                title=title,
                skills=[word, skill],
                company=company,
                description=text,
                location=location,
            )
        )
    keys = " ".join(f"k{number}" for number in range(len(spellings)))
    for word in spellings:
        for query in (
            {"text": word},
            {"text": f'title:{word} company:"a {word}" location:{word}'},
            {"text": f"about {word}", "sort": "relevance"},
            {"text": f'"{word[:-1]}*"'},
            {"company": f"a {word} {word}", "location": word, "skills": word},
        ):
            assert await found(store, **query) == keys, (word, query)
        page = await store.search(SearchQuery(text=f"about {word}"), facets=("company", "skills"))
        marked = {item.snippet for item in page.items}
        assert marked == {f"**About** **{each}**." for each in spellings}
        assert [each.count for each in page.facets["company"]] == [len(spellings)]
        assert [each.count for each in page.facets["skills"]] == [len(spellings)] * 2
    top = (await store.statistics()).top_companies
    assert [each.count for each in top] == [len(spellings)]


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ('"python sql"', "one"),
        ('"sql server"', "both one"),
        ('"server tea"', ""),
        ('"python sql server"', "one"),
        ("python sql server tea", "both one"),
        ('"python sq*"', "one"),
    ],
)
async def test_a_phrase_does_not_reach_beyond_a_skill(
    store: JobStore, text: str, hits: str
) -> None:
    await store.upsert(posting("both", skills=["Python", "SQL Server"], description="Tea."))
    await store.upsert(posting("one", skills=["Python SQL Server"], description="Tea."))
    assert await found(store, text=text) == hits
    assert await found(store, text=text, sort="relevance") == hits


async def test_relevance_is_about_phrases_inside_of_a_skill(store: JobStore) -> None:
    split = posting("split", skills=["Python", "SQL"], description="python sql")
    await store.upsert(posting("whole", skills=["Python SQL"]))
    await store.upsert(split)
    page = await store.search(SearchQuery(text='"python sql"', sort="relevance"))
    assert [item.source_job_id for item in page.items] == ["whole", "split"]


async def test_sorts(paid: JobStore) -> None:
    async def order(sort: str) -> str:
        page = await paid.search(SearchQuery(sort=sort))
        return " ".join(item.source_job_id for item in page.items)

    assert await order("newest") == ("none free dollars unsaid yearly monthly weekly daily hourly")
    assert await order("salary") == ("unsaid yearly dollars monthly hourly weekly daily free none")
    for number, key in enumerate(["weekly", "none", "hourly"]):
        await paid.update(job_id("board", key), {"applicant_count": number * 2**40})
    assert await order("applicants") == (
        "hourly none weekly free dollars unsaid yearly monthly daily"
    )


async def test_relevance_is_about_where_the_words_stand(store: JobStore) -> None:
    await store.upsert_many(
        [
            posting("title", title="Rust engineer"),
            posting("company", title="Cook", company="Rust Belt"),
            posting("skills", title="Cook", skills=["Rust"]),
            posting("location", title="Cook", location="Rust, Austria"),
            posting("description", title="Cook", description="Remove rust."),
            posting("both", title="Rust and iron", description="Rust."),
        ]
    )

    page = await store.search(SearchQuery(text="rust", sort="relevance"))

    keys = [item.source_job_id for item in page.items]
    assert keys == ["both", "title", "skills", "company", "location", "description"]


async def test_filters_on_codes_numbers_and_times(store: JobStore, clock: Clock) -> None:
    await store.upsert(full(1))
    await store.upsert(posting(2, status="closed", applicant_count=0))
    posted = datetime(2026, 2, 20, 7, 30, 0, 1, UTC)
    microsecond = timedelta(microseconds=1)

    for query, hits in (
        ({"country": "de"}, "1"),
        ({"workplace": "Hybrid"}, "1"),
        ({"workplace": ("remote", "onsite")}, ""),
        ({"employment_type": "Full-time"}, "1"),
        ({"experience_level": "Mid-Senior level"}, "1"),
        ({"industry": "SOFTWARE"}, "1"),
        ({"status": "open"}, "1"),
        ({"status": ("open", "closed")}, "1 2"),
        ({"applicants_min": 0}, "1 2"),
        ({"applicants_min": 1}, "1"),
        ({"applicants_max": 11}, "2"),
        ({"applicants_min": 12, "applicants_max": 12}, "1"),
        ({"posted_since": posted}, "1 2"),
        ({"posted_since": posted + microsecond}, "2"),
        ({"posted_until": posted}, "1"),
        ({"posted_until": posted - microsecond}, ""),
        ({"posted_since": clock()}, "2"),
    ):
        assert await found(store, **query) == hits, query


@each_case(
    ("query", "fields"),
    [
        ({"workplace": "moon"}, ["workplace"]),
        ({"country": "DEU"}, ["country"]),
        ({"sort": "oldest"}, ["sort"]),
        ({"salary_min": -1}, ["salary_min"]),
        ({"salary_min": float("nan"), "applicants_max": -1}, ["salary_min", "applicants_max"]),
        ({"salary_min": 2, "salary_max": 1}, ["salary_min"]),
        ({"posted_since": datetime(2026, 1, 1)}, ["posted_since"]),
        ({"company": ()}, ["company"]),
        ({"company": "  "}, ["company"]),
        ({"company": tuple(map(str, range(101)))}, ["company"]),
        ({"applicants_min": 2**63}, ["applicants_min"]),
        ({"text": "x" * 1001, "source": 7, "skills": (None,)}, ["text", "source", "skills"]),
    ],
)
async def test_faults_of_a_query_are_told_all_at_once(
    store: JobStore, query: dict[str, Any], fields: list[str]
) -> None:
    for call in (
        store.search(SearchQuery(**query)),
        store.count(SearchQuery(**query)),
        anext(store.stream(SearchQuery(**query)), None),
    ):
        with pytest.raises(InvalidQuery) as caught:
            await call
        assert [fault.field for fault in caught.value.faults] == fields


async def test_facets_count_values_whatever_their_spelling(searched: JobStore) -> None:
    page = await searched.search(
        SearchQuery(text="developer OR engineer"), limit=1, facets=("company", "skills", "status")
    )

    assert page.total == 8
    assert [(each.value, each.count) for each in page.facets["company"]][:3] == [
        ("Acme", 2),
        ("CAFE CREME", 2),
        ("Acme GmbH", 1),
    ]
    assert {each.value for each in page.facets["skills"]} == {"Node.js", "SQL"}
    assert [(each.value, each.count) for each in page.facets["status"]] == [("open", 8)]
    with pytest.raises(InvalidQuery, match="facets"):
        await searched.search(facets=("description",))


async def test_snippets_mark_the_words(store: JobStore) -> None:
    await store.upsert(
        posting(1, title="Cook", description="We cook. " * 30 + "Then C++ comes. " + "End. " * 60)
    )

    async def snippet(**options: Any) -> str | None:
        item: JobSummary
        (item,) = (await store.search(**options)).items
        return item.snippet

    marked = await snippet(query=SearchQuery(text="c++"))
    assert marked is not None
    assert "Then **C++** comes." in marked
    assert marked.startswith("…")
    assert marked.endswith("…")
    assert len(marked.split()) < 40
    assert await snippet(query=SearchQuery(text="c++"), snippets=False) is None
    assert await snippet() is None


async def test_the_total_is_counted_up_to_a_thousand(store: JobStore) -> None:
    await store.upsert_many(posting(number) for number in range(1000))
    page = await store.search(SearchQuery(text="engineer"), limit=3)
    assert (page.total, page.total_capped) == (1000, False)

    await store.upsert(posting("one more"))

    page = await store.search(SearchQuery(text="engineer"), limit=3)
    assert (page.total, page.total_capped) == (1001, True)
    assert await store.count(SearchQuery(text="engineer")) == 1001
    second = await store.search(SearchQuery(text="engineer"), limit=3, cursor=page.next_cursor)
    assert (second.total, second.total_capped) == (1001, True)


@each_case("days", [0, -1, 36_501, float("nan"), float("inf"), True, "7", None])
async def test_recent_takes_a_number_of_days(store: JobStore, days: Any) -> None:
    with pytest.raises(InvalidQuery, match="days"):
        await store.recent(days)


async def test_recent_postings_are_those_listed_since(store: JobStore, clock: Clock) -> None:
    await store.upsert(posting(1, posted_at=clock() - timedelta(days=7)))
    await store.upsert(posting(2, posted_at=clock() - timedelta(days=7, microseconds=1)))
    await store.upsert(posting(3))

    assert [item.source_job_id for item in (await store.recent()).items] == ["3", "1"]
    assert (await store.recent(days=36_500)).total == 3
    assert (await store.recent(days=0.001)).total == 1


async def test_a_stream_is_always_newest_first(store: JobStore) -> None:
    with pytest.raises(InvalidQuery, match="sort"):
        await anext(store.stream(SearchQuery(sort="salary")))
