"""A deployment brings a store up, measures it, leaves no trace, and puts back what it must."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import stat
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import jobstore
from jobstore import migrating
from jobstore.checks import self_test
from jobstore.engines import backend_of
from jobstore.engines.sqlite.upkeep.plans import plans
from jobstore.engines.sqlite.writing import renewing
from jobstore.operations import backup, deployment
from jobstore.operations.backup.catalog import read_catalog
from jobstore.operations.deployment import Book, Status, undoing, watching
from jobstore.operations.deployment import plan as plan_deployment
from jobstore.operations.monitoring.reading import ever
from jobstore.operations.schedule import state
from jobstore.operations.schedule.state import State
from jobstore.settings import parse_store_url, sqlite_url
from jobstore.settings.advice import warnings_of
from jobstore.settings.sections import Settings
from tests.fixtures.checks import check_file
from tests.fixtures.migrations import IDS, NEWEST, next_id
from tests.fixtures.postings import full, posting
from tests.operations.damaging import forget_index_entries
from tests.operations.deploying import (
    BREAKING,
    COLUMN,
    Migrations,
    content,
    deployed,
    gates,
    settings_for,
    spoil_alerts,
)

PHASES = ["environment", "database", "validation", "monitoring"]


pytestmark = pytest.mark.usefixtures("few_calls")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path)


@pytest.fixture
def following(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Migrations:
    """The migrations of the next jobstore, none of which there is yet."""
    added = Migrations(tmp_path / "migrations")
    added.use(monkeypatch.setattr)
    return added


def stored(url: str, *postings: dict[str, Any]) -> None:
    async def store() -> None:
        async with jobstore.connect(url) as opened:
            await opened.upsert_many(postings)

    asyncio.run(store())


@pytest.fixture
def used(migrated_url: str, path: Path) -> dict[str, Any]:
    """What a store holds that is in use: postings, some of which changed."""
    stored(migrated_url, *(full(number) for number in range(20)))
    stored(migrated_url, *(posting(number, title=f"New {number}") for number in range(5)))
    return content(path)


def test_the_first_deployment_makes_a_store_that_works(settings: Settings, path: Path) -> None:
    told: list[tuple[str, str]] = []

    done = deployed(settings, told=lambda phase, gate: told.append((phase, gate.name)))

    assert (done.go, done.status, done.error) == (True, Status.SUCCEEDED, None)
    assert [phase.name for phase in done.phases] == PHASES
    assert told == [(phase.name, gate.name) for phase in done.phases for gate in phase.gates]
    assert "fail" not in gates(done).values()
    assert done.applied == [each.id for each in migrating.status(settings.store.url)]
    assert done.before is not None
    assert not done.before.exists
    assert done.after is not None
    assert (done.after.postings, done.after.newest) == (0, done.applied[-1])
    check_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    folders = (settings.deployments_folder, settings.backups_folder)
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_the_report_holds_every_figure_for_programs_and_for_people(
    settings: Settings, tmp_path: Path
) -> None:
    done = deployed(settings, files=(tmp_path / "config.yaml",))

    told = done.to_json()
    assert json.loads(json.dumps(told)) == told
    assert (told["number"], told["go"], told["environment"]) == (1, True, "staging")
    assert told["versions"].keys() == {"jobstore", "python", "sqlite"}
    for phase in told["phases"]:
        assert phase["seconds"] >= max(gate["seconds"] for gate in phase["gates"])
        for gate in phase["gates"]:
            assert gate["observed"] != ""
    by_name = {gate["name"]: gate for phase in told["phases"] for gate in phase["gates"]}
    for name in ("get", "search", "statistics", "write"):
        assert 0 < by_name[name]["observed"] < by_name[name]["limit"] == 60_000
    assert by_name["simultaneous"]["observed"].startswith("100 of 100 succeeded")
    page = Book(settings).report(1).read_text()
    assert page == deployment.markdown(done)
    assert page.startswith("# Deployment 1: go\n")
    assert str(tmp_path / "config.yaml") in page
    for name in by_name:
        assert f"| {name} | " in page


def test_deploying_again_changes_nothing(settings: Settings, used: Any, path: Path) -> None:
    first, again = deployed(settings), deployed(settings)

    assert content(path) == used
    assert (first.number, again.number, again.go, again.applied) == (1, 2, True, [])
    # Nothing was changed, so one backup is both: what was there and what is there.
    assert again.snapshot == again.backup
    names = [each.name for each in read_catalog(settings).backups]
    assert {*names} == {first.backup, again.backup}
    assert deployment.backups_in_use(settings) == {*names}
    assert Book(settings).all() == [again, first]


def test_migrations_are_applied_and_what_was_there_is_backed_up_first(
    settings: Settings, following: Migrations, used: Any, path: Path
) -> None:
    name = following.add(*COLUMN)

    done = deployed(settings)

    assert (done.go, done.applied) == (True, [name])
    assert content(path)["tables"] != used["tables"]
    reasons = {each.name: each.manifest for each in read_catalog(settings).backups}
    assert done.backup is not None
    assert done.snapshot is not None
    assert name not in reasons[done.backup].migrations
    assert name in reasons[done.snapshot].migrations
    assert reasons[done.backup].postings == 20


def test_sample_postings_are_stored_once_where_they_are_asked_for(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, deployment={"sample_data": True})

    first = deployed(settings)
    stored(settings.store.url, posting("of somebody"))
    second = deployed(settings)

    assert (first.samples, second.samples) == (500, 0)
    assert second.after is not None
    assert second.after.postings == 501


def spoilt(name: str, following: Migrations, settings: Settings, folder: Path) -> Settings:
    """Make a deployment with one pending migration fail in a phase, by a real cause."""
    if name == "disk":
        return settings_for(folder, deployment={"min_free_mib": 1_000_000})
    if name == "migrations":
        following.add("CREATE TABLE broken (x NO SUCH SYNTAX, );", "SELECT 1;")
    elif name == "indexes":
        following.add(
            "DROP INDEX posting_salary;",
            "CREATE INDEX posting_salary ON posting (yearly_max) WHERE yearly_max IS NOT NULL;",
        )
    elif name == "operations":
        following.add(
            "CREATE TRIGGER spoils AFTER INSERT ON posting BEGIN "
            "UPDATE posting SET title = 'x' WHERE place = NEW.place; END;",
            "DROP TRIGGER spoils;",
        )
    elif name == "write":
        return settings_for(folder, thresholds={"write_ms": 0.001})
    elif name == "alert rules":
        spoil_alerts(settings)
    return settings


@pytest.mark.parametrize(
    ("phase", "gate", "advice"),
    [
        ("environment", "disk", "Free some space"),
        ("database", "migrations", ""),
        ("database", "indexes", "jobstore migrate verify"),
        ("validation", "operations", ""),
        ("validation", "write", "thresholds.write_ms"),
        ("monitoring", "alert rules", ""),
    ],
)
def test_a_phase_that_fails_ends_it_and_what_was_before_is_put_back(
    settings: Settings,
    following: Migrations,
    used: Any,
    path: Path,
    phase: str,
    gate: str,
    advice: str,
) -> None:
    name = following.add(*COLUMN)
    settings = spoilt(gate, following, settings, path.parent)

    done = deployed(settings)

    assert (done.go, done.status) == (False, Status.FAILED)
    assert (done.phases[-1].name, done.phases[-1].gates[-1].name) == (phase, gate)
    assert [each for each, verdict in gates(done).items() if verdict == "fail"] == [gate]
    assert done.error is not None
    assert done.error.startswith(f"{phase}: {gate}: ")
    assert advice in (done.advice or "")
    assert content(path) == used
    check_file(path)
    assert done.left == []
    assert bool([line for line in done.undone if name in line]) is (phase != "environment")
    page = Book(settings).report(1).read_text()
    assert page.startswith("# Deployment 1: no-go (failed)\n")
    assert done.error.split(": ")[1] in page
    assert "## What was put back" in page
    # The next one starts afresh.
    assert not [each for each in path.parent.iterdir() if "scratch" in each.name]


def test_what_fails_in_a_new_store_leaves_none(
    settings: Settings, following: Migrations, path: Path
) -> None:
    following.add("DROP INDEX posting_salary;", "SELECT 1;")
    settings = settings_for(path.parent, deployment={"sample_data": True})

    done = deployed(settings)

    assert not done.go
    assert not path.exists()
    assert done.undone == ["Took away the store that was made; there was no posting in it."]


def test_sample_postings_of_a_failed_deployment_are_taken_out_again(
    settings: Settings, path: Path
) -> None:
    settings = settings_for(
        path.parent, deployment={"sample_data": True}, thresholds={"get_ms": 0.001}
    )

    done = deployed(settings)

    assert not path.exists()
    assert done.undone[0] == "Took out 500 sample postings."
    # An empty file that was there is there again.
    path.touch(mode=0o600)
    assert not deployed(settings_for(path.parent, thresholds={"get_ms": 0.001})).go
    assert path.exists()
    assert migrating.status(settings.store.url)[0].state == "pending"


def test_a_new_store_that_others_wrote_to_meanwhile_stays(settings: Settings, path: Path) -> None:
    settings = settings_for(path.parent, thresholds={"get_ms": 0.001})

    def told(phase: str, gate: Any) -> None:
        if gate.name == "indexes":
            stored(settings.store.url, posting("acknowledged"))

    done = deployed(settings, told=told)

    assert not done.go
    assert "1 postings were written to it meanwhile, so it stays" in done.left[0]
    assert content(path)["rows"]["posting"][0][7] == "acknowledged"
    assert "## What was not put back" in deployment.markdown(done)


def test_a_failure_can_be_kept_for_inspection(
    settings: Settings, following: Migrations, used: Any, path: Path
) -> None:
    name = following.add(*COLUMN)
    settings = spoilt("write", following, settings, path.parent)

    done = deployed(settings, keep_failed=True)

    assert not done.go
    assert migrating.status(settings.store.url)[-1].state == "applied"
    assert done.after is not None
    assert done.after.newest == name
    assert done.left[0].endswith(f"jobstore migrate down --to {NEWEST}")
    assert done.undone == []
    migrating.down(settings.store.url, to=NEWEST)
    assert content(path) == used
    # Where no migration was applied, there is nothing to take back.
    following.folder.joinpath(f"{name}.sql").unlink()
    following.folder.joinpath(f"{name}.rollback.sql").unlink()
    assert deployed(settings, keep_failed=True).left == ["Everything was left as it is, as asked."]


@pytest.fixture
def newer_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """A jobstore that derives something else from postings, which no migration takes back."""
    monkeypatch.setattr(renewing, "DERIVED_FORM", renewing.DERIVED_FORM + 1)


def test_what_migrations_cannot_take_back_comes_from_the_backup_if_nothing_is_lost(
    settings: Settings, used: Any, newer_form: None, path: Path
) -> None:
    settings = settings_for(path.parent, thresholds={"get_ms": 0.001})

    done = deployed(settings)

    assert content(path) == used
    assert done.undone == [f"Returned to the backup {done.backup}; lost: nothing."]


@pytest.mark.parametrize("agreed", [False, True])
def test_a_backup_is_not_returned_to_when_that_loses_writes_unless_the_operator_agrees(
    settings: Settings, used: Any, newer_form: None, path: Path, agreed: bool
) -> None:
    settings = settings_for(path.parent, thresholds={"get_ms": 0.001})
    asked: list[deployment.Loss] = []

    def told(phase: str, gate: Any) -> None:
        if gate.name == "indexes":
            stored(settings.store.url, posting("acknowledged"), posting(1, title="Changed"))
            stored(settings.store.url, posting(2, title="New 2"))

    def agree(loss: deployment.Loss) -> bool:
        asked.append(loss)
        return agreed

    done = deployed(settings, told=told, agree=agree)

    assert asked == [deployment.Loss(added=1, changed=1, seen=1)]
    assert str(asked[0]) == "postings written since then: 1 added, 1 changed, 1 seen again"
    if agreed:
        assert content(path) == used
        assert done.saved is not None
        saved = {each.name: each.manifest for each in read_catalog(settings).backups}[done.saved]
        assert saved.postings == 21
    else:
        assert len(content(path)["rows"]["posting"]) == 21
        assert f"jobstore restore {done.backup} --replace" in done.left[0]
        check_file(path)


@pytest.mark.parametrize("agreed", [False, True])
@pytest.mark.parametrize(
    ("added", "written", "name"),
    [
        (
            COLUMN,
            "UPDATE posting SET extra = 'x' WHERE source_job_id = '1'",
            "values of posting.extra",
        ),
        (
            ("CREATE TABLE note (x TEXT);", 'DROP TABLE IF EXISTS "note";'),
            "INSERT INTO note VALUES ('x')",
            "rows of note",
        ),
    ],
)
def test_what_others_wrote_where_only_a_new_migration_has_a_place_for_it_is_not_dropped_unasked(
    following: Migrations,
    used: Any,
    path: Path,
    added: tuple[str, str],
    written: str,
    name: str,
    agreed: bool,
) -> None:
    following.add("CREATE INDEX of_a_test ON posting (source);", "DROP INDEX of_a_test;")
    losing = following.add(*added)
    later = following.add("CREATE TABLE later (x TEXT);", "DROP TABLE later;")
    elsewhere, absent = path.with_name("elsewhere"), path.with_name("absent")
    elsewhere.mkdir()
    places = [str(elsewhere), str(absent)]
    settings = settings_for(path.parent, thresholds={"get_ms": 0.001}, backup={"places": places})
    asked: list[str] = []

    def told(phase: str, gate: Any) -> None:
        if gate.name == "indexes":
            with closing(sqlite3.connect(path, isolation_level=None)) as conn:
                conn.execute(written)

    def agree(loss: Any) -> bool:
        asked.append(str(loss))
        return agreed

    done = deployed(settings, told=told, agree=agree)

    assert asked == [f"1 {name}"]
    check_file(path)
    assert done.undone[0] == f"Took back {later}; every posting stayed."
    if agreed:
        assert content(path) == used
        # Other places get what was saved, once writers may go on.
        assert (elsewhere / f"{done.saved}.json").exists()
        (left,) = done.left
        assert "absent" in left
        assert done.saved is not None
        assert f"lost: 1 {name}, which the backup {done.saved} holds" in done.undone[1]
        other = path.with_name("saved.db")
        backup.restore(settings, name=done.saved, to=sqlite_url(other))
        address = parse_store_url(sqlite_url(other))
        assert losing in backend_of(address).upkeep.condition(address).migrations
    else:
        (left,) = done.left
        assert f"Taking back {losing} would lose 1 {name}, so it stays" in left
        assert left.endswith(f"jobstore migrate down --to {NEWEST}")
        assert done.after is not None
        assert done.after.newest == losing


def test_what_is_written_while_it_is_asked_is_not_dropped_either(
    following: Migrations, used: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    following.add(*COLUMN)
    values_of = undoing.values_of

    def looked(*arguments: Any) -> Any:
        monkeypatch.setattr(undoing, "values_of", values_of)
        found = values_of(*arguments)
        with closing(sqlite3.connect(path, isolation_level=None)) as conn:
            conn.execute("UPDATE posting SET extra = 'just now'")
        return found

    monkeypatch.setattr(undoing, "values_of", looked)
    done = deployed(settings_for(path.parent, thresholds={"get_ms": 0.001}))

    assert "would lose 20 values of posting.extra, so it stays" in done.left[0]
    assert done.after is not None
    assert done.after.newest == next_id("of-a-test")


def test_what_follows_from_postings_is_nothing_to_be_lost(
    settings: Settings, used: Any, path: Path
) -> None:
    taken = [step.id for step in migrating.down(settings.store.url, to="4")]

    done = deployed(settings_for(path.parent, thresholds={"get_ms": 0.001}))

    assert done.undone == [f"Took back {id}; every posting stayed." for id in taken]
    assert done.left == []


def test_no_empty_index_is_left_to_a_jobstore_that_does_not_fill_it(
    settings: Settings, used: Any, path: Path
) -> None:
    migrating.down(settings.store.url, to="3")
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute(
            "INSERT INTO posting_words (rowid, title, facets)"
            " SELECT place, title, '\ue000a' FROM posting"
        )
    before = content(path)

    done = deployed(settings_for(path.parent, thresholds={"get_ms": 0.001}))

    assert len(done.undone) == 1
    assert done.undone[0].startswith("Returned to the backup ")
    assert done.left == []
    assert content(path) == before
    assert before["rows"]["posting_vocabulary"]


def test_an_index_that_the_jobstore_from_before_fills_costs_no_posting(
    settings: Settings, used: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrating.down(settings.store.url, to="4")
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("UPDATE store_property SET value = X'02' WHERE name = 'derived_form'")
    take_back = undoing._Undoing.take_back_migrations

    def written_before(self: Any) -> None:
        stored(settings.store.url, posting("just now"))
        with closing(sqlite3.connect(path)) as conn, conn:
            # It does not know that this is kept.
            conn.execute(
                "UPDATE posting SET opened_at = NULL, opened_by = NULL, opened_digest = NULL"
            )
        take_back(self)

    monkeypatch.setattr(undoing._Undoing, "take_back_migrations", written_before)
    done = deployed(settings_for(path.parent, thresholds={"get_ms": 0.001}))

    assert done.undone == [f"Took back {id}; every posting stayed." for id in IDS[:3:-1]]
    assert done.left == [
        "What follows from postings has to be written anew, by the jobstore from before; that "
        f"loses nothing: jobstore migrate up --store sqlite:///{path}"
    ]
    assert len(content(path)["rows"]["posting"]) == 21


def test_what_is_written_while_a_backup_is_returned_to_is_not_lost_either(
    settings: Settings,
    used: Any,
    newer_form: None,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = settings_for(path.parent, thresholds={"get_ms": 0.001})
    put_in_place = undoing.put_in_place

    def replaced_late(*arguments: Any, **named: Any) -> Any:
        stored(settings.store.url, posting("just now"))
        return put_in_place(*arguments, **named)

    monkeypatch.setattr(undoing, "put_in_place", replaced_late)
    done = deployed(settings)

    assert "would lose what was written meanwhile" in done.left[0]
    assert len(content(path)["rows"]["posting"]) == 21


def test_the_live_store_is_left_without_a_trace(settings: Settings, used: Any, path: Path) -> None:
    def told(phase: str, gate: Any) -> None:
        if phase == "validation":
            assert content(path) == used

    done = deployed(settings, told=told)

    assert {"operations", "counters", "bulk and search", "simultaneous"} <= gates(done).keys()
    assert content(path) == used
    assert sorted(each.name for each in path.parent.glob("*.db")) == ["jobs.db"]


@pytest.mark.parametrize("exists", [True, False])
def test_a_plan_changes_nothing(tmp_path: Path, following: Migrations, exists: bool) -> None:
    following.add(*COLUMN)
    settings = settings_for(tmp_path / "new" / "place", deployment={"sample_data": True})
    if exists:
        migrating.up(settings.store.url, to=NEWEST)
        stored_before = content(settings.store.address.path)

    found = plan_deployment(settings)

    assert found.go
    assert found.backup is exists
    assert found.sample_data
    assert found.migrations[-1] == next_id("of-a-test")
    assert len(found.migrations) == (1 if exists else len(IDS) + 1)
    assert [phase.name for phase in found.phases] == ["environment"]
    assert (tmp_path / "new").exists() is exists
    assert not settings.state_folder.exists()
    if exists:
        assert content(settings.store.address.path) == stored_before


def test_a_store_of_a_newer_jobstore_is_refused_before_anything_is_done(
    settings: Settings, following: Migrations, used: Any, path: Path, monkeypatch: Any
) -> None:
    following.add(*BREAKING)
    migrating.up(settings.store.url)
    newer = content(path)
    monkeypatch.undo()

    done = deployed(settings)

    assert "upgrade jobstore" in (done.error or "")
    assert done.undone == ["Nothing had been changed."]
    assert content(path) == newer
    assert not read_catalog(settings).backups


def test_a_damaged_store_is_found_before_it_is_migrated(
    settings: Settings, following: Migrations, used: Any, path: Path
) -> None:
    following.add(*COLUMN)
    with path.open("r+b") as file:
        file.seek(2048 * 3)
        file.write(b"\xff" * 2048 * 6)

    done = deployed(settings)

    assert done.phases[-1].name == "database"
    assert not done.go
    assert done.applied == []


def test_a_fault_of_an_index_is_told_with_what_to_do(
    settings: Settings, used: Any, path: Path
) -> None:
    # quick_check, which backups use, does not see it.
    forget_index_entries(path)

    done = deployed(settings)

    assert gates(done)["integrity"] == "fail"
    assert "jobstore doctor --repair" in (done.advice or "")


def test_a_main_statement_without_its_index_is_named(migrated_url: str, path: Path) -> None:
    assert all(plans(path).values())
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("DROP INDEX counter_top")
        conn.execute("DROP INDEX posting_id")
    assert [name for name, by_index in plans(path).items() if not by_index] == [
        "get",
        "statistics",
    ]


def test_operations_that_were_not_tried_are_no_success(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(self_test, "_STEPS", 10)

    done = deployed(settings)

    assert gates(done)["operations"] == "fail"
    assert "9 of 10 steps were made: insert, get, upsert again" in (done.error or "")


def test_what_stays_of_a_validation_is_found(
    settings: Settings, migrated_url: str, path: Path
) -> None:
    stored(migrated_url, posting(source=self_test.SOURCE))

    done = deployed(settings)

    assert gates(done)["operations"] == "fail"
    assert "'leave no trace' was wrong" in (done.error or "")
    assert len(content(path)["rows"]["posting"]) == 1


def test_a_backup_that_is_too_old_at_once_is_warned_of(tmp_path: Path) -> None:
    done = deployed(settings_for(tmp_path, backup={"max_age_hours": 1e-9}))

    (check,) = [each for phase in done.phases for each in phase.gates if each.name == "health"]
    assert check.verdict == "warn"
    assert "backup:age: is older than 1e-09 hours; run 'jobstore backup create'" in check.advice


def test_places_without_a_copy_warn_and_do_not_stop(tmp_path: Path, used: Any) -> None:
    (tmp_path / "file").touch()
    settings = settings_for(tmp_path, backup={"places": [str(tmp_path / "file" / "folder")]})

    done = deployed(settings)

    assert done.go
    assert gates(done)["backup"] == "warn"


def test_what_production_lacks_is_warned_of(tmp_path: Path) -> None:
    given = {
        "alerts": {"sinks": []},
        "store": {"synchronous": "normal"},
    }
    settings = settings_for(tmp_path, environment="production", **given)
    (first, *_) = plan_deployment(settings).phases[0].gates

    assert (first.name, first.verdict) == ("configuration", "warn")
    # It is what `jobstore config check` says.
    assert first.advice == " ".join(warnings_of(settings))
    for key in ("store.synchronous", "backup.places", "alerts.sinks"):
        assert key in first.advice
    assert [*warnings_of(settings_for(tmp_path))] == []
    development = settings_for(tmp_path / "dev", environment="development")
    assert gates(deployed(development))["backup schedule"] == "pass"


def test_what_is_switched_off_is_told(tmp_path: Path) -> None:
    known = settings_for(tmp_path, alerts={"rules": []}).alerts.rules
    rules = [{"name": rule.name, "enabled": False} for rule in known]
    settings = settings_for(tmp_path, monitoring={"enabled": False}, alerts={"rules": rules})

    done = deployed(settings)

    measured = {gate.name: gate.observed for phase in done.phases for gate in phase.gates}
    assert measured["metrics"] == "monitoring.enabled is false"
    assert gates(done)["alert rules"] == "warn"
    assert ever(settings.operations_db) == {}


def test_a_busy_moment_does_not_fail_a_deployment(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of all at once first, then of get: twice above the limit.
    found = iter([1.0, 70_000.0, 60_001.0])
    monkeypatch.setattr(self_test, "p95", lambda taken: next(found, 1.5))

    done = deployed(settings)

    assert done.go
    by_name = {gate.name: gate for phase in done.phases for gate in phase.gates}
    assert by_name["get"].unit == "ms, p95 of 5, measured 3 times"
    assert by_name["search"].unit == "ms, p95 of 5"
    assert "| get | pass | 1.5 ms, p95 of 5, measured 3 times | at most 60,000 ms |" in (
        deployment.markdown(done)
    )


@pytest.mark.parametrize(
    ("minutes", "told"), [(1, ""), (14, ""), (16, "for 16 minutes"), (60 * 24, "for 1,440 minutes")]
)
@pytest.mark.parametrize("at", ["started_at", "ended_at"])
def test_a_schedule_that_ran_long_ago_is_no_schedule(
    settings: Settings, minutes: int, told: str, at: str
) -> None:
    now = time.time()
    state.write(
        settings.operations_db,
        [
            State("backup", started_at=now - 60 * 10_000),
            replace(State("health", started_at=now - 60 * 9_000), **{at: now - 60 * minutes}),
        ],
    )
    book = Book(settings)
    with book.turn():
        begun = book.begin("deployment", "test", environment="staging")
    phase = watching.WatchingPhase(settings, begun, book.keep)
    (check,) = [each for each in phase.checks() if each.name == "backup schedule"]
    migrating.up(settings.store.url)
    backup.create(settings)

    found = check.look()

    assert found.verdict == ("warn" if told else "pass")
    assert told in found.advice


def test_the_next_backup_is_told_as_the_schedule_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A time that the night skips comes later by as much."""

    class Then(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime(2026, 3, 28, 12, tzinfo=UTC).astimezone(tz)

    monkeypatch.setattr(watching, "datetime", Then)
    schedule = {"backup_at": "02:30", "timezone": "Europe/Berlin"}
    settings = settings_for(tmp_path, schedule=schedule)

    assert watching._next(settings) == "2026-03-29 03:30 Europe/Berlin"


def test_when_the_next_backup_is_due_is_told_in_the_time_zone_of_the_schedule(
    tmp_path: Path,
) -> None:
    schedule = {"backup_at": "03:15", "timezone": "Asia/Tokyo"}
    done = deployed(settings_for(tmp_path, schedule=schedule))
    (told,) = [
        gate.observed
        for phase in done.phases
        for gate in phase.gates
        if gate.name == "backup schedule"
    ]
    assert str(told).endswith("03:15 Asia/Tokyo")
