"""``jobstore duplicates``: postings that are one opening are found, shown, and decided."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

import jobstore
from jobstore import JobPosting
from tests.contract.cli.commands import answer, run, said, shown
from tests.fixtures.openings import OTHER_TASKS, TASKS

SOURCES = ("indeed", "linkedin", "greenhouse", "greenhouse")
IDS = [
    str(jobstore.job_id(source, str(number))) for number, source in enumerate((*SOURCES, "dice"))
]


@pytest.fixture(autouse=True)
def url(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("JOBSTORE_URL", migrated_url)
    asyncio.run(_fill(migrated_url))
    return migrated_url


async def _fill(url: str) -> None:
    async with jobstore.connect(url) as store:
        for number, source in enumerate((*SOURCES, "dice")):
            await store.upsert(
                JobPosting(
                    source=source,
                    source_job_id=str(number),
                    title="Baker" if source == "dice" else "Pump Engineer",
                    company="Northern Waterworks",
                    url=f"https://jobs.example/{number}" if number == 3 else None,
                    location="Lowell, MA",
                    description=OTHER_TASKS if source == "dice" else TASKS,
                )
            )


def test_duplicates_are_found_shown_and_decided() -> None:
    assert "no duplicate" in shown(run("duplicates", "show", IDS[0]))
    assert "No pair is the same" in shown(run("duplicates", "list", "--verdict", "same"))
    done = answer("duplicates", "find")
    assert (done["compared"], done["maybe"]) == (5, 1)
    assert "Compared 0 postings" in shown(run("duplicates", "find"))

    text = shown(run("duplicates", "show", IDS[0]))
    assert "+ The titles name the same job." in text
    assert IDS[1] in text
    assert {
        each["posting"]["id"] for each in answer("duplicates", "show", IDS[0])["duplicates"]
    } == {*IDS[1:4]}

    (pair,) = answer("duplicates", "list")["pairs"]
    assert {each["id"] for each in pair["postings"]} == {*IDS[2:4]}
    listed = run("duplicates", "list")
    assert "One source gave both an id" in shown(listed)
    # Whoever decides has to see both, and is told how to say it.
    assert "https://jobs.example/3" in shown(listed)
    assert "duplicates confirm ID OTHER" in said(listed)
    assert shown(listed).endswith(" 1 pair")
    assert answer("duplicates", "list", "--verdict", "same", "-n", "2")["pairs"]
    assert "2 pairs; there may be more" in shown(
        run("duplicates", "list", "--verdict", "same", "-n", "2")
    )
    assert run("duplicates", "list", "--verdict", "other").exit_code == 2

    assert len(answer("search", "pump")["items"]) < len(
        answer("search", "pump", "--each-duplicate")["items"]
    )
    assert "also on" in shown(run("search", "pump"))
    assert answer("duplicates", "reject", *IDS[:2])["verdict"] == "different"
    assert "the rules say same" in shown(run("duplicates", "show", IDS[0]))
    assert answer("duplicates", "undo", *IDS[:2])["verdict"] is None
    assert "verdict: taken back" in shown(run("history", IDS[0]))
    assert answer("duplicates", "reject", *IDS[:2])["verdict"] == "different"
    assert answer("duplicates", "confirm", IDS[2], IDS[3])["verdict"] == "same"
    assert answer("duplicates", "list") == {"pairs": []}
    assert "No pair waits" in shown(run("duplicates", "list"))
    assert answer("duplicates", "find", "--again")["compared"] == 5
    (decided,) = (
        each
        for each in answer("duplicates", "show", IDS[2])["duplicates"]
        if each["posting"]["id"] == IDS[3]
    )
    assert (decided["verdict"], decided["rules"], decided["together"]) == ("same", "maybe", True)
    assert answer("duplicates", "undo", *IDS[2:4])["verdict"] is None
    assert len(answer("duplicates", "list")["pairs"]) == 1


def test_a_posting_that_is_not_there_is_named() -> None:
    unknown = str(jobstore.job_id("board", "77"))
    assert run("duplicates", "show", unknown).exit_code == 1
    assert run("duplicates", "confirm", IDS[0], unknown).exit_code == 1
    assert run("duplicates", "confirm", IDS[0], IDS[0]).exit_code != 0


@pytest.mark.needs("upkeep")
def test_what_damage_took_of_duplicates_is_told_and_made_anew(url: str) -> None:
    answer("duplicates", "find")
    found = answer("doctor", "--verify")["findings"]
    assert found[-1]["name"] == "duplicates"
    assert found[-1]["verdict"] == "pass"

    async def lose() -> None:
        async with jobstore.connect(url) as store, store._engine.transaction(10) as unit:
            await unit.change("leave_group", [(UUID(id).bytes,) for id in IDS])

    asyncio.run(lose())
    done = answer("doctor", "--verify")
    assert done["ok"]
    assert done["findings"][-1]["verdict"] == "warn"
    assert "jobstore doctor --repair" in done["findings"][-1]["detail"]
    done = answer("doctor", "--repair", "--yes")
    assert done["findings"][-1]["verdict"] == "pass"
    assert done["repaired"] == ["compared 4 postings anew"]
    assert answer("duplicates", "show", IDS[0])["duplicates"][0]["together"]
    assert "Nothing to repair" in shown(run("doctor", "--repair", "--yes"))
