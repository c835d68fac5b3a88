"""The command that tells what a posting's page answered."""

from __future__ import annotations

from pathlib import Path

from tests.contract.cli.commands import answer, run


def test_what_a_page_answered_closes_a_posting_or_not(demo: Path) -> None:
    id = answer("search", "engineer", "-n", "1")["items"][0]["id"]
    assert answer("gone", id, "--http-status", "403") == {"closed": False, "status": "open"}
    told = "It stays open: HTTP 503 does not say that it is gone.\n"
    assert run("gone", id, "--http-status", "503").stdout == told
    may_pass = run("gone", id, "--http-status", "400").stdout
    assert "HTTP 400 may pass. The third such answer since it was last seen closes it." in may_pass
    assert run("gone", id, "--http-status", "404").stdout == "Closed it: HTTP 404.\n"
    assert answer("history", id)["history"][0]["reason"] == "HTTP 404"
    assert answer("gone", id) == {"closed": False, "status": "closed"}
    assert run("gone", id, "--http-status", "99").exit_code == 2
    assert run("gone", "nonsense").exit_code == 2
    assert run("gone", "00000000-0000-0000-0000-000000000000").exit_code == 1
