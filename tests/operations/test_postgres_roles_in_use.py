"""Commands as the roles of `jobstore migrate roles` run them: each does what its role may do, and
none recommends a command that its role may not run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobstore import migrating
from jobstore.engines.schema import Roles
from tests.contract.cli.commands import run as invoke
from tests.fixtures.postgres import PostgresServer, new_name
from tests.operations.test_postgres_refusals import other, run


@pytest.fixture
def roles() -> Roles:
    return Roles(new_name("owns"), new_name("writes"), new_name("reads"))


@pytest.fixture
def url(
    postgres: PostgresServer, roles: Roles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The administrator's URL of a store that has the roles and a posting."""
    monkeypatch.chdir(tmp_path)
    url = postgres.create()
    migrating.roles(url, roles)
    migrating.up(other(url, user=roles.owner))
    posting = '{"source": "a", "source_job_id": "1", "title": "T", "company": "C"}\n'
    Path("postings.jsonl").write_text(posting)
    assert invoke("import", "postings.jsonl", "--store", url).exit_code == 0
    yield url
    run(url, *(f"DROP OWNED BY {each}" for each in roles))
    postgres.drop(url)
    run(postgres.url, *(f"DROP ROLE {each}" for each in roles))


def checks(url: str) -> dict[str, Any]:
    answer = json.loads(invoke("health", "--json", "--store", url).stdout)["checks"]
    return {name: each for name, (each, *_) in answer.items()}


def test_health_of_the_reading_role_looks_at_all_that_it_may(url: str, roles: Roles) -> None:
    found = checks(other(url, user=roles.reader))
    # How quick the machine is does not matter here.
    failed = {name for name, each in found.items() if each["status"] == "fail"}
    assert not {name for name in failed if not name.startswith("performance:")}, found
    tried = found["operations:responseTime"]
    assert tried["status"] == "pass"
    assert "not tried: this account may not write" in tried["output"]
    assert found["performance:search"]["observedValue"] is not None
    # Who may write is tried.
    tried = checks(other(url, user=roles.writer))["operations:responseTime"]
    assert tried["observedValue"] is not None


@pytest.mark.parametrize("command", ["doctor", "doctor --full", "migrate status", "stats"])
def test_the_reading_role_looks_at_the_store(url: str, roles: Roles, command: str) -> None:
    done = invoke(*command.split(), "--store", other(url, user=roles.reader))
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    "command",
    ["migrate down --yes", "migrate roles", "migrate verify", "import postings.jsonl", "vacuum"],
)
def test_what_the_reading_role_may_not_is_told_with_who_may(
    url: str, roles: Roles, command: str
) -> None:
    reader = other(url, user=roles.reader)
    Path("postings.jsonl").write_text(Path("postings.jsonl").read_text().replace("1", "2"))
    done = invoke(*command.split(), "--store", reader)
    told = " ".join(done.stderr.split())
    assert done.exit_code == 1, done.output
    assert "own" in told, told
    assert "--store" not in told, told


def test_a_deployment_by_the_writing_role_says_who_may(url: str, roles: Roles) -> None:
    done = invoke("deploy", "-e", "development", "--store", other(url, user=roles.writer))
    told = " ".join(done.stderr.split())
    assert done.exit_code == 1, done.output
    assert "Only the role that owns the tables" in told
    assert "name that role in the store's URL" in told


def test_who_has_to_migrate_is_told_to_a_role_that_cannot(url: str, roles: Roles) -> None:
    run(url, "DELETE FROM _yoyo_migration", "DELETE FROM _migration_checksum")
    done = invoke("stats", "--store", other(url, user=roles.reader))
    told = " ".join(done.stderr.split())
    assert f"have {roles.owner}, who owns it, run: jobstore migrate up" in told
    assert "migrate up --store" not in told
    told = " ".join(invoke("stats", "--store", other(url, user=roles.owner)).stderr.split())
    assert "run: jobstore migrate up --store" in told


def test_a_recommended_command_can_be_copied_to_a_shell(url: str) -> None:
    """A URL with a question mark is quoted, and the quotes around the command are others then."""
    advice = json.loads(invoke("health", "--json", "--store", url).stdout)
    told = json.dumps(advice)
    assert f"`jobstore backup create --store '{url}'`" in told
    assert "'jobstore" not in told
