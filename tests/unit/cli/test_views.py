"""How postings and statistics look on a terminal of 80 columns."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console, RenderableType

from jobstore.cli.output import console
from jobstore.cli.views import job_view, page_view, statistics_view
from jobstore.records import (
    ApplicantStatistics,
    FacetCount,
    Job,
    JobSummary,
    Location,
    Page,
    SalaryPeriod,
    SalaryQuartiles,
    Statistics,
    Status,
    Workplace,
    job_id,
)

SEEN = datetime(2025, 10, 2, 3, 4, 5, tzinfo=UTC)


def shown(view: RenderableType, width: int = 80) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False, color_system=None).print(view)
    lines = out.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    return "\n".join(line.rstrip() for line in lines)


def summary(**fields: Any) -> JobSummary:
    base: dict[str, Any] = {
        "id": job_id("board", "1"),
        "version": 1,
        "status": Status.OPEN,
        "source": "board",
        "source_job_id": "1",
        "title": "Baker",
        "company": "Pão & Co.",
        "first_seen_at": SEEN,
        "last_seen_at": SEEN,
    }
    return JobSummary(**base | fields)


def statistics(**fields: Any) -> Statistics:
    base: dict[str, Any] = {
        "total": 0,
        "by_status": {},
        "by_source": {},
        "by_employment_type": {},
        "by_experience_level": {},
        "by_workplace": {},
        "top_companies": [],
        "top_locations": [],
        "per_day": {},
        "salaries": {},
        "applicants": ApplicantStatistics(),
    }
    return Statistics(**base | fields)


def test_a_page_shows_until_when_a_posting_stands_and_no_date_of_next_year_as_listed() -> None:
    item = summary(
        expires_at=datetime(2025, 11, 30, tzinfo=UTC), posted_at=datetime(2027, 1, 1, tzinfo=UTC)
    )
    text = shown(page_view(Page(items=[item], total=1)))
    assert "2025-11-30" in text
    assert "2027" not in text
    assert SEEN.date().isoformat() in text


def test_a_page_shows_what_and_where_and_the_whole_id() -> None:
    item = summary(
        location="Porto",
        workplace=Workplace.ONSITE,
        salary_min=Decimal(900),
        salary_currency="EUR",
        salary_period=SalaryPeriod.MONTH,
        snippet="Bakes **bread** at night",
        posted_at=datetime(2025, 9, 30, tzinfo=UTC),
        status=Status.CLOSED,
    )
    facets = {"workplace": [FacetCount("onsite", 3)], "country": []}
    text = shown(page_view(Page(items=[item], total=3, facets=facets)))
    assert "Baker" in text
    assert "Pão & Co. · Porto · onsite" in text
    assert "EUR from 900 a month" in text
    assert "Bakes bread at night" in text
    assert str(item.id) in text
    assert "2025-09-30" in text
    assert "closed" in text
    assert "onsite                                      3" in text
    assert "3 postings found, 1 shown" in text
    assert "country" not in text


def test_a_posting_without_a_date_is_listed_when_it_was_first_seen() -> None:
    text = shown(page_view(Page(items=[summary()], total=1)))
    assert "2025-10-02" in text
    assert text.endswith("1 posting found")


def test_a_capped_total_says_so() -> None:
    text = shown(page_view(Page(items=[summary()], total=1001, total_capped=True)))
    assert "more than 1,000 postings found, 1 shown" in text
    text = shown(page_view(Page(items=[summary()], total=57, total_capped=True)))
    assert "at least 57 postings found, 1 shown" in text


def test_an_empty_page_is_a_sentence() -> None:
    assert shown(page_view(Page(items=[]))) == "No posting found."


def test_a_title_that_is_also_the_snippet_is_shown_once() -> None:
    text = shown(page_view(Page(items=[summary(snippet="**Baker**")], total=1)))
    assert text.count("Baker") == 1


def test_titles_are_no_markup_and_no_commands() -> None:
    text = shown(page_view(Page(items=[summary(title="[red]x[/red] \x9b2J")], total=1)))
    assert "[red]x[/red] \ufffd2J" in text


def test_a_narrow_terminal_still_shows_whole_ids() -> None:
    text = shown(page_view(Page(items=[summary(title="long title " * 9)], total=1)), width=36)
    assert str(job_id("board", "1")) in text.splitlines()


def test_an_address_stands_on_a_line_of_its_own_and_is_never_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    url = "https://board.example/jobs/" + "1234567890" * 6
    console().print(page_view(Page(items=[summary(url=url), summary()], total=2)))
    lines = capsys.readouterr().out.splitlines()
    assert lines.count(url) == 1
    assert all(len(line) <= 40 for line in lines if line != url)


def test_bars_are_scaled_to_the_width() -> None:
    counts = {"a": 1000, "b": 500, "c": 1, "d": 0}
    for width, whole in ((80, 20), (60, 13)):
        text = shown(statistics_view(statistics(by_source=counts)), width)
        bars = {line[0]: line.split()[2:] for line in text.splitlines() if line[1:2] == " "}
        assert bars["a"] == ["█" * whole]
        assert bars["b"][0].count("█") == whole // 2
        assert len(bars["c"]) == 1
        assert bars["d"] == []
        assert "…" not in text


def test_sources_that_are_not_named_are_shown_together() -> None:
    text = shown(statistics_view(statistics(by_source={"board": 3}, other_sources=1200)), 80)
    assert re.search(r"\(all others\) +1,200  █", text)


def test_a_posting_shows_everything_that_is_stated() -> None:
    job = Job(
        id=job_id("board", "1"),
        version=3,
        status=Status.CLOSED,
        source="board",
        source_job_id="1",
        title="Baker",
        company="Pão & Co.",
        location="2 places",
        locations=[Location("Porto"), Location("Lisboa", country="PT")],
        country="PT",
        skills=["Sourdough"],
        salary_text="bom",
        applicant_count=0,
        description="<p>Bread.</p><p>More bread.</p>",
        description_text="Bread.\n\nMore \x1b[31mbread.",
        attributes={"a": [1]},
        first_seen_at=SEEN,
        last_seen_at=SEEN,
        updated_at=SEEN,
        closed_at=SEEN,
    )
    said = shown(job_view(job))
    assert said.endswith("\n\nBread.\n\nMore �[31mbread.")
    text = " ".join(said.split())
    for part in (
        "salary bom",
        "applicants 0",
        "location 2 places places Porto; Lisboa country PT",
        "skills Sourdough",
        "status closed since 2025-10-02T03:04:05Z",
        f"id {job.id} (version 3)",
        'attributes {"a": [1]}',
    ):
        assert part in text
    assert "as stated" not in text
    assert "url" not in text


def test_statistics_show_every_figure() -> None:
    text = shown(
        statistics_view(
            Statistics(
                total=1234,
                by_status={"open": 1000, "closed": 234},
                by_source={},
                by_employment_type={"full_time": 0},
                by_experience_level={},
                by_workplace={},
                top_companies=[FacetCount("Tiny & Co", 1)],
                top_locations=[],
                per_day={date(2025, 10, 1): 0, date(2025, 10, 2): 7},
                salaries={"EUR": SalaryQuartiles(3, Decimal(1), Decimal("2.5"), Decimal(30000))},
                applicants=ApplicantStatistics(2, 5.5, 1, 10, 2, 0, 0),
            )
        )
    )
    assert "1,234 postings" in text
    assert "closed                                    234  ████▋" in text
    assert "Tiny & Co" in text
    assert "2025-10-02" in text
    assert "2025-10-01" not in text
    assert "30,000" in text
    assert "5.5" in text
    assert "Source" not in text


def test_statistics_of_an_empty_store_are_short() -> None:
    assert shown(statistics_view(statistics())) == "0 postings"
