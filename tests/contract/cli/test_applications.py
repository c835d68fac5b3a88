"""``jobstore apply`` and ``applications``: what is noted, shown, refused and exported."""

from __future__ import annotations

import asyncio
import json

import pytest

import jobstore
from tests.contract.cli.commands import answer, lines, posting, run, said, shown

IDS = [str(jobstore.job_id("board", str(number))) for number in range(4)]


@pytest.fixture(autouse=True)
def url(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("JOBSTORE_URL", migrated_url)
    rows = lines(*(posting(number) for number in range(3)), posting(3, title="Engineer 2"))
    assert run("import", "-", stdin=rows).exit_code == 0
    return migrated_url


def test_an_application_is_noted_and_moved_on() -> None:
    assert "No application." in shown(run("applications"))
    assert "Saved: Engineer 1, Acme" in shown(run("apply", IDS[1], "--state", "saved"))
    noted = run("apply", IDS[1], "--note", "ask Ada")
    assert "Noted, saved: Engineer 1, Acme" in shown(noted)
    given = ("--state", "applied", "--note", "by mail", "--contact", "Ada <a@acme.example>")
    sent = answer("apply", IDS[1], *given)
    assert (sent["state"], sent["contacts"][0]["email"]) == ("applied", "a@acme.example")
    assert [each["state"] for each in sent["stages"]] == ["saved", "applied"]
    # It was not sent again.
    assert "Noted, applied: Engineer 1, Acme" in shown(run("apply", IDS[1], "--note", "called"))
    moved = answer("apply", IDS[1], "--state", "interviewing", "--due", "2030-01-05T10:00Z")
    assert (moved["state"], moved["due_at"]) == ("interviewing", "2030-01-05T10:00:00Z")
    assert answer("apply", IDS[1], "--due", "none")["due_at"] is None
    assert answer("apply", IDS[1], "--due", "2030-01-05T10:00Z")["state"] == "interviewing"
    refused = run("apply", IDS[1], "--state", "accepted")
    assert (refused.exit_code, "allowed: offered" in said(refused)) == (2, True)
    board = shown(run("applications"))
    for part in (
        "Interviewing 1",
        "Engineer 1",
        "due 2030-01-05T10:00Z",
        "with Ada",
        "called",
        IDS[1],
    ):
        assert part in board
    answer("apply", IDS[1], "--state", "withdrawn")
    over = run("apply", IDS[1], "--state", "interviewing")
    assert (over.exit_code, "nothing; begin another one by force" in said(over)) == (2, True)


def test_a_second_application_is_refused_unless_forced() -> None:
    answer("apply", IDS[2])
    again = run("apply", IDS[2])
    assert (again.exit_code, "for this posting." in said(again)) == (1, True)
    assert "It was: Engineer 2, Acme. Use --force if another one is meant." in said(again)
    alike = run("apply", IDS[3])
    assert (alike.exit_code, "same company and title" in said(alike)) == (1, True)
    assert answer("apply", IDS[3], "--state", "saved")["state"] == "saved"
    alike = run("apply", IDS[3], "--state", "Applied")
    assert (alike.exit_code, "same company and title" in said(alike)) == (1, True)
    assert answer("apply", IDS[3], "--force")["state"] == "applied"
    assert len(answer("applications", "--state", "applied")["applications"]) == 2
    assert answer("search", "--application", "applied")["total"] == 2
    assert answer("count", "--application", "none") == {"count": 2}
    assert answer("stats")["applications"]["reached"]["applied"] == 2
    assert "Applications that came so far" in shown(run("stats"))


def test_a_state_and_a_note_are_taken_back() -> None:
    answer("apply", IDS[0], "--state", "saved", "--note", "mine")
    answer("apply", IDS[0])
    assert "Taken back, saved: Engineer 0, Acme" in shown(run("apply", IDS[0], "--undo"))
    assert answer("apply", IDS[0], "--undo-note")["notes"] == []
    assert run("apply", IDS[0], "--undo", "--state", "saved").exit_code == 2
    assert "no application for this posting any more" in shown(run("apply", IDS[0], "--undo"))
    assert run("apply", IDS[0], "--undo").exit_code == 1


def test_applications_are_found_by_text_and_by_what_is_due() -> None:
    for id, due in ((IDS[0], "2030-02-01"), (IDS[1], "2030-01-01"), (IDS[2], "none")):
        answer("apply", id, "--state", "saved", "--note", f"note on {id[:8]}")
        answer("apply", id, "--due", due)

    def found(*given: str) -> list[str]:
        return [each["job_id"] for each in answer("applications", *given)["applications"]]

    assert found("--by-due") == [IDS[1], IDS[0], IDS[2]]
    assert found("--by-due", "--limit", "1") == [IDS[1]]
    assert found("--due", "2030-01-01") == [IDS[1]]
    assert found("--text", "ENGINEER 2") == found("--text", IDS[2][:8]) == [IDS[2]]
    assert found("--text", "engineer", "--state", "applied") == []
    assert found("--closed", "--text", "engineer") == []
    assert "due 2030-01-01T00:00Z" in shown(run("applications", "--by-due"))

    answer("apply", IDS[0], "--note", "second", "--contact", "Ada <a@acme.example>")
    assert len(answer("applications", IDS[0])["applications"]) == 1
    life = shown(run("applications", IDS[0]))
    for part in ("saved (by", f"note on {IDS[0][:8]}", "second", "Ada, a@acme.example", "due"):
        assert part in life
    assert "No application for this posting." in shown(run("applications", IDS[3]))
    assert run("applications", IDS[0], "--by-due").exit_code == 2
    assert "application saved since" in shown(run("show", IDS[0]))
    assert "application" not in shown(run("show", IDS[3]))


def test_a_posting_that_closed_is_told_until_it_was_seen(url: str) -> None:
    answer("apply", IDS[0])
    saved = answer("apply", IDS[1], "--state", "saved")

    async def close() -> None:
        async with jobstore.connect(url) as store:
            for id in (IDS[1], IDS[0]):
                await store.update(id, {"status": "closed"})

    asyncio.run(close())
    closed = ("applications", "--closed", "--limit", "1")
    assert "posting closed" in shown(run(*closed, "--state", "Applied"))
    assert answer(*closed, "--state", "saved")["applications"][0]["id"] == saved["id"]
    assert "1 application; there may be more" in shown(run("applications", "--limit", "1"))
    for id in IDS[:2]:
        answer("apply", id, "--seen")
    assert answer("applications", "--closed")["applications"] == []
    assert run("applications", "--closed", "--state", "hired").exit_code == 2
    assert len(answer("applications")["applications"]) == 2
    assert run("apply", IDS[2], "--seen").exit_code == 1


def test_an_export_has_the_stages_when_it_is_asked_to() -> None:
    answer("apply", IDS[0], "--state", "saved", "--note", "mine alone")
    answer("apply", IDS[0])
    plain = run("export")
    assert "mine alone" not in plain.stdout
    text = run("export", "--applications").stdout
    rows = {each["id"]: each for each in map(json.loads, text.splitlines())}
    (told,) = rows[IDS[0]]["applications"]
    assert [each["state"] for each in told["stages"]] == ["saved", "applied"]
    assert told["notes"][0]["text"] == "mine alone"
    assert "applications" not in rows[IDS[1]]
    again = answer("import", "-", stdin=text)
    assert (again["unchanged"], again["warnings"]) == (4, 0)
    assert run("export", "--applications", "--format", "csv").exit_code == 2


def test_delete_says_for_how_many_postings_there_are_applications(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for id in IDS[:2]:
        answer("apply", id)
    asked: list[str] = []

    def note(question: str, *, yes: bool) -> None:
        asked.append(question)

    monkeypatch.setattr("jobstore.cli.deleting.confirm", note)
    looked = answer("delete", "--source", "board", "--dry-run")
    assert (looked["matched"], looked["tracked"], asked) == (4, 2, [])
    told = "4 postings, and your applications for 2 of them, would be deleted."
    assert told in shown(run("delete", "--source", "board", "--dry-run"))
    assert answer("delete", "--application", "none", "--dry-run")["tracked"] == 0
    assert answer("delete", IDS[0], IDS[3])["tracked"] == 1
    assert answer("delete", "--application", "applied")["tracked"] == 1
    assert answer("delete", "--source", "board")["tracked"] == 0
    told = "and your applications for 1 of them, for good?"
    assert asked == [
        f"Delete 2 postings, {told}", f"Delete 1 posting, {told}", "Delete 1 posting for good?"
    ]  # fmt: skip


def test_a_board_shows_what_others_wrote_without_what_a_terminal_obeys() -> None:
    bad = "a\x1b[2Jb\u202ec\x07d\n\nwith Eve " + "x" * 400
    answer("apply", IDS[0], "--note", bad, "--contact", bad)
    board = run("applications").stdout
    assert not any(line.strip().startswith("with Eve") for line in board.splitlines())
    assert "x…" in board
    assert not {"\x1b", "\u202e", "\x07"} & {*board}
    told = answer("applications")["applications"][0]
    assert (told["notes"][0]["text"], told["contacts"][0]["name"]) == (bad, bad)
