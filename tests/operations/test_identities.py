"""``doctor --identities``: postings that are stored under several keys become one each."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import jobstore
from jobstore import Job, JobPosting, JobStore, Revision, StoreBusy
from jobstore.cli.main import app
from jobstore.operations.identities import examine
from tests.fixtures.stores import sqlite_url

LINKEDIN = "https://{}.linkedin.com/jobs/view/engineer-{}"


def postings(number: int = 1) -> list[JobPosting]:
    """Return what earlier rules made of ``number`` advertisements seen at three addresses each."""
    return [
        JobPosting(
            source=f"{host}.linkedin.com".removeprefix("www."),
            source_job_id=str(100_000 + n),
            title=f"Engineer {n}",
            company="Acme",
            url=LINKEDIN.format(host, 100_000 + n),
            **{field: host},
        )
        for n in range(number)
        for host, field in (("de", "industry"), ("fr", "location"), ("www", "company_size"))
    ]


OTHERS = [
    JobPosting(
        source="adzuna.co.uk",
        source_job_id="https://www.adzuna.co.uk/jobs/details/5744466927",
        title="Architect",
        company="Acme",
        url="https://www.adzuna.co.uk/jobs/details/5744466927",
    ),
    JobPosting(
        source="adzuna.co.uk",
        source_job_id="https://www.adzuna.co.uk/jobs/land/ad/5744466927?se=x",
        title="Lead architect",
        company="Acme",
        url="https://www.adzuna.co.uk/jobs/land/ad/5744466927?se=x",
    ),
    JobPosting(
        source="linkedin",
        source_job_id="li-77000000",
        title="Analyst",
        company="Acme",
        url="https://www.linkedin.com/jobs/view/77000000",
    ),
]
# What stays as it is: another source's word about a board's posting, an address of no posting, a
# host that nobody knows, and what has its proper key.
RIGHT = [
    JobPosting(
        source="simplify",
        source_job_id="a-b",
        title="T",
        company="Acme",
        url="https://boards.greenhouse.io/acme/jobs/8145488002",
    ),
    JobPosting(
        source="linkedin.com",
        source_job_id="x",
        title="T",
        company="Acme",
        url="https://www.linkedin.com/company/acme",
    ),
    JobPosting(
        source="board",
        source_job_id="1",
        title="T",
        company="Acme",
        url="https://acme.example/jobs/17",
    ),
    JobPosting(
        source="linkedin",
        source_job_id="88000000",
        title="T",
        company="Acme",
        url="https://www.linkedin.com/jobs/view/88000000",
    ),
    JobPosting(source="board", source_job_id="2", title="T", company="Acme"),
]


def fill(file: Path, given: list[JobPosting]) -> None:
    async def work() -> None:
        async with jobstore.connect(sqlite_url(file), migrate=True) as store:
            report = await store.upsert_many(given)
            assert report.inserted == len(given)

    asyncio.run(work())


def stored(file: Path) -> dict[tuple[str, str], tuple[Job, list[Revision]]]:
    """Return what is stored by its key, with its history."""

    async def work() -> dict[tuple[str, str], tuple[Job, list[Revision]]]:
        async with jobstore.connect(sqlite_url(file)) as store:
            return {
                (job.source, job.source_job_id): (job, await store.revisions(job.id))
                async for job in store.stream()
            }

    return asyncio.run(work())


def doctor(file: Path, *options: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, ["doctor", "--store", sqlite_url(file), *options], input=answer)


def answered(file: Path, *options: str) -> dict[str, Any]:
    result = doctor(file, *options, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "jobs.db"
    fill(path, [*postings(2), *OTHERS, *RIGHT])
    return path


def test_they_are_counted_and_nothing_is_changed(file: Path) -> None:
    found = answered(file, "--identities")
    assert found == {
        "ok": True,
        "looked": 14,
        "elsewhere": 9,
        "superfluous": 5,
        "boards": {"linkedin": 7, "adzuna": 2},
        "repaired": False,
    }
    told = doctor(file, "--identities")
    assert "9 postings of 14 stored under another key" in told.output
    assert "doctor --identities --repair" in told.output
    assert len(stored(file)) == 14


def test_those_that_are_one_become_one_with_their_history(file: Path) -> None:
    refused = doctor(file, "--identities", "--repair", answer="n\n")
    assert refused.exit_code != 0
    mended = answered(file, "--identities", "--repair", "--yes")
    assert (mended["elsewhere"], mended["superfluous"], mended["repaired"]) == (9, 5, True)

    kept = stored(file)
    assert len(kept) == 9
    job, history = kept["linkedin", "100000"]
    assert (job.industry, job.location, job.company_size) == ("de", "fr", "www")
    assert sorted(each.previous["source"] for each in history) == [
        "de.linkedin.com",
        "fr.linkedin.com",
        "linkedin.com",
    ]
    assert [each.version for each in history] == list(range(job.version, 1, -1))
    assert {("linkedin", "77000000"), ("adzuna", "5744466927")} <= kept.keys()
    assert {(posting.source, posting.source_job_id) for posting in RIGHT} <= kept.keys()

    assert answered(file, "--identities")["elsewhere"] == 0
    assert "under the keys that their addresses say" in doctor(file, "--identities").output
    assert answered(file, "--full", "--verify")["ok"] is True


def test_what_an_import_kept_apart_stays_apart(tmp_path: Path) -> None:
    rows, file = tmp_path / "rows.csv", tmp_path / "jobs.db"
    link = "https://boards.greenhouse.io/acme/jobs/8145488002"
    rows.write_text(f"title,company,url,id\nCook,A,{link},row-100001\nBaker,A,{link},row-100002\n")
    done = CliRunner().invoke(app, ["import", str(rows), "--store", sqlite_url(file)])
    assert done.stderr.count("stored as a posting of its own") == 1
    assert answered(file, "--identities", "--repair", "--yes")["elsewhere"] == 0
    assert {job.title for job, _ in stored(file).values()} == {"Cook", "Baker"}


async def test_what_was_interrupted_goes_on(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    join, calls = JobStore.join, 0

    async def failing(store: JobStore, *given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 4:
            raise StoreBusy
        return await join(store, *given)

    async with jobstore.connect(sqlite_url(file)) as store:
        with monkeypatch.context() as patched:
            patched.setattr(JobStore, "join", failing)
            with pytest.raises(StoreBusy):
                await examine(store, repair=True)
        assert 0 < (await examine(store)).elsewhere < 9
        await examine(store, repair=True)
        assert await store.count() == 9
        assert (await examine(store)).elsewhere == 0


def test_a_repair_that_is_killed_leaves_whole_postings(tmp_path: Path) -> None:
    file = tmp_path / "jobs.db"
    fill(file, postings(1_000))
    command = [sys.executable, "-m", "jobstore", "doctor", "--store", sqlite_url(file)]
    command += ["--identities", "--repair", "--yes"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as conn:
            moved = "SELECT count(*) FROM posting WHERE source = 'linkedin'"
            while process.poll() is None and conn.execute(moved).fetchone() == (0,):
                pass
        process.send_signal(signal.SIGKILL)

    assert answered(file, "--full", "--verify")["ok"] is True
    answered(file, "--identities", "--repair", "--yes")
    assert answered(file, "--full", "--verify")["ok"] is True
    kept = stored(file)
    assert len(kept) == 1_000
    for job, history in kept.values():
        assert (job.industry, job.location, job.company_size) == ("de", "fr", "www")
        assert len(history) == job.version - 1
