"""How postings and statistics look on a terminal.

Pure: records go in, things that rich can print come out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.bar import Bar
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from jobstore.cli.output import counted, marked, plain, salary, table, words
from jobstore.derived.listing import listed_at
from jobstore.derived.places import joined
from jobstore.moments import iso
from jobstore.records import Application, FacetCount, Job, JobSummary, Page, Statistics
from jobstore.search import counting

_NAME, _BAR = 34, 20


def page_view(page: Page) -> RenderableType:
    """A page of search results: a table, counts of facets, how to go on."""
    if not page.items:
        return Text("No posting found.")
    parts = list(_postings(page.items))
    for name, values in page.facets.items():
        if counts := _counts(words(name), [(each.value, each.count) for each in values]):
            parts += [counts, Text()]
    total = counted(page.total, "posting")
    if page.total_capped:
        total = f"{counting.said(page.total, page.total_capped)} postings"
    shown = len(page.items)
    parts.append(Text(f"{total} found" + (f", {shown} shown" if shown != page.total else "")))
    return Group(*parts)


def _postings(items: list[JobSummary]) -> Iterator[RenderableType]:
    for item in items:
        what = Text(plain(item.title), style="bold")
        what.append(f"\n{_joined(item.company, item.location, words(item.workplace))}", "not bold")
        if detail := _joined(salary(item), words(item.employment_type)):
            what.append(f"\n{detail}", "not bold")
        if item.also_on:
            what.append(f"\nalso on {_joined(*(each.source for each in item.also_on))}", "dim")
        if item.snippet and item.snippet.replace("**", "") != item.title:
            what.append("\n").append_text(marked(item.snippet))
        listed = listed_at(item.posted_at, item.first_seen_at).date().isoformat()
        if item.status == "closed":
            listed += "\nclosed"
        elif item.expires_at is not None:
            listed += f"\nuntil\n{item.expires_at.date().isoformat()}"
        head = ["Listed    ", "Posting"] if item is items[0] else ["", ""]
        yield table(head, [(listed, what)])
        # In one piece, however narrow the terminal is, so that they can be copied.
        copied = "\n".join(plain(text) for text in (item.id, item.url) if text)
        yield Text(copied + "\n", style="dim", no_wrap=True, overflow="ignore")


def _joined(*texts: str | None) -> str:
    return " · ".join(plain(text) for text in texts if text)


def job_view(job: Job, application: Application | None = None) -> RenderableType:
    """Return everything about one posting, and how your application for it stands."""
    head = Text(plain(job.title), style="bold")
    head.append(f"\n{plain(job.company)}\n", style="not bold")
    facts = [((name, "dim"), value) for name, value in _facts(job) if value]
    if application is not None:
        last = application.stages[-1]
        told = f"{words(last.state)} since {last.at.date()}, see jobstore applications {job.id}"
        facts.append((("application", "dim"), told))
    parts: list[RenderableType] = [head, table(["", ""], facts)]
    if job.description_text:
        parts += [Text(), Text(plain(job.description_text))]
    return Group(*parts)


def _facts(job: Job) -> Iterator[tuple[str, str | None]]:
    yield "location", job.location
    # Where the location says something else, such as "2 places".
    yield "places", None if job.location == joined(job.locations) else joined(job.locations)
    yield "country", job.country
    yield "workplace", words(job.workplace)
    yield "employment", words(job.employment_type)
    yield "level", words(job.experience_level)
    yield "industry", job.industry
    yield "skills", ", ".join(job.skills)
    pay = salary(job)
    yield "salary", pay
    yield "as stated", job.salary_text if job.salary_text != pay else None
    yield "company size", job.company_size
    yield "applicants", None if job.applicant_count is None else f"{job.applicant_count:,}"
    yield "url", job.url
    yield "apply", job.apply_url
    yield "company url", job.company_url
    for name in ("posted_at", "expires_at", "first_seen_at", "last_seen_at", "updated_at"):
        moment = getattr(job, name)
        yield words(name).removesuffix(" at"), iso(moment) if moment else None
    yield "status", job.status + (f" since {iso(job.closed_at)}" if job.closed_at else "")
    yield "source", f"{job.source} {job.source_job_id}"
    yield "id", f"{job.id} (version {job.version})"
    if job.attributes:
        from jobstore.json_text import to_json

        yield "attributes", to_json(job.attributes)


def statistics_view(statistics: Statistics) -> RenderableType:
    """Return all figures of a store."""
    parts: list[RenderableType] = [Text(counted(statistics.total, "posting"), style="bold")]
    breakdowns = {
        "Status": statistics.by_status,
        "Source": {**statistics.by_source, **_others(statistics.other_sources)},
        "Employment type": statistics.by_employment_type,
        "Experience level": statistics.by_experience_level,
        "Workplace": statistics.by_workplace,
        "Top companies": _as_mapping(statistics.top_companies),
        "Top locations": _as_mapping(statistics.top_locations),
    }
    tables = [_counts(title, list(counts.items())) for title, counts in breakdowns.items()]
    tables += [_days(statistics), _salaries(statistics), _applicants(statistics)]
    applications = statistics.applications
    for title, counts in (
        ("Applications", applications.by_state),
        ("Applications that came so far", applications.reached),
    ):
        tables.append(_counts(title, list(counts.items())))
    parts += [part for each in tables if each for part in (Text(), each)]
    return Group(*parts)


def _others(count: int) -> Mapping[str, int]:
    return {"(all others)": count} if count else {}


def _as_mapping(counts: list[FacetCount]) -> Mapping[str, int]:
    return {each.value: each.count for each in counts}


def _counts(title: str, rows: list[tuple[str, int]], name: Any = words) -> Table | None:
    """A table of names, counts and bars; ``None`` when there is nothing to count."""
    most = max((count for _, count in rows), default=0)
    if not most:
        return None
    counts = [
        # Even a few of many are shown as a sliver.
        (
            name(value),
            f"{count:,}",
            Bar(most, 0, max(count, most / _BAR) * bool(count), color="cyan"),
        )
        for value, count in rows
    ]
    bars = table(["", "", ""], counts, title=title)
    named, number, bar = bars.columns
    # Tables stand below each other; but for names that are longer, their bars do as well.
    longest = max(cell_len(name(value)) for value, _ in rows)
    named.width = _NAME if longest <= _NAME else None
    named.no_wrap, named.overflow = False, "fold"
    number.justify, number.min_width = "right", 9
    bar.max_width = _BAR
    return bars


def _days(statistics: Statistics) -> Table | None:
    rows = [(day.isoformat(), count) for day, count in statistics.per_day.items() if count]
    return _counts("Listed per day, last 30 days", rows, str)


def _salaries(statistics: Statistics) -> Table | None:
    if not statistics.salaries:
        return None
    columns = ["currency", "postings", "lower quarter", "median", "upper quarter"]
    rows = [
        (currency, *(f"{n:,.0f}" for n in (each.count, each.lower, each.median, each.upper)))
        for currency, each in statistics.salaries.items()
    ]
    return table(columns, rows, right=columns[1:], title="Salaries per year")


def _applicants(statistics: Statistics) -> Table | None:
    found = statistics.applicants
    if not found.count:
        return None
    columns = ["postings", "average", "least", "most", "up to 10", "11 to 50", "over 50"]
    average = f"{found.average or 0:,.1f}"
    least, most = found.minimum or 0, found.maximum or 0
    numbers = (least, most, found.low, found.medium, found.high)
    row = (f"{found.count:,}", average, *(f"{number:,}" for number in numbers))
    return table(columns, [row], right=columns, title="Applicants per posting")
