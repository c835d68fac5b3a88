"""Signed backups: what the key did not sign, or is behind what was seen, is refused unless told."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobstore import BackupError, InvalidSettings, StoreUnavailable
from jobstore.operations import backup
from jobstore.operations.backup import (
    creation,
    restore_tests,
    retention,
    state,
    trust,
    verification,
)
from jobstore.operations.backup.catalog import read_catalog
from jobstore.operations.backup.manifest import Manifest, parse_manifest
from jobstore.operations.backup.restoring import restore
from jobstore.operations.backup.trust import Trust
from jobstore.operations.logs import Logs, get
from jobstore.settings import sqlite_url
from jobstore.settings.loading import load
from jobstore.settings.sections import Settings
from tests.contract.cli.commands import answer, run, said, shown
from tests.operations.backups import (
    data_of,
    flip,
    make,
    manifest_of,
    new_keys,
    repack,
    rewrite,
    settings_for,
)
from tests.operations.damaging import fill

# Never made by chance; every process that runs tests has the same.
KEY, OTHER = (f"jobstore-key-{digits * 32}" for digits in ("1a", "2b"))


@pytest.fixture
def plain(migrated_url: str, tmp_path: Path) -> Settings:
    """The settings of a store with some postings, without a key."""
    fill(migrated_url)
    (tmp_path / "far").mkdir()
    return settings_for(tmp_path, places=[str(tmp_path / "far")])


@pytest.fixture
def settings(plain: Settings, tmp_path: Path) -> Settings:
    """The settings of a machine that has the key."""
    return keyed(plain, KEY)


def keyed(settings: Settings, *keys: str) -> Settings:
    """Return the settings with keys; the first signs."""
    section = settings.backup.model_dump() | {"key": " ".join(keys)}
    return settings_for(settings.store.address.path.parent, **section)


def restored(settings: Settings, number: int, **asked: Any) -> str:
    target = settings.store.address.path.with_name(f"new-{number}.db")
    return restore(settings, to=sqlite_url(target), **asked).backup


def refused(settings: Settings, match: str, **asked: Any) -> None:
    """See that nothing is restored, verified or tested."""
    new = settings.store.address.path.with_name("refused.db")
    with pytest.raises(BackupError, match=match):
        restore(settings, to=sqlite_url(new), **asked)
    assert not new.exists()
    told = verification.verify(settings, **asked)
    assert not any(each.ok for each in told)
    assert any(re.search(match, str(each.error)) for each in told)
    assert not restore_tests.run_restore_test(settings, **asked).ok


def everywhere(settings: Settings, manifest: Manifest) -> list[Path]:
    """Return the manifest's files in all places."""
    own = manifest_of(settings, manifest)
    return [own, *(Path(place) / own.name for place in settings.backup.places)]


def test_what_the_key_signed_is_believed_in_every_place(settings: Settings) -> None:
    made = creation.create(settings)
    assert (made.signed, len(made.places)) == (True, 2)
    assert made.manifest.counter is not None
    (listed,) = read_catalog(settings).backups
    assert (listed.signed, listed.manifest) == (True, made.manifest)
    assert [each.ok for each in verification.verify(settings)] == [True, True]
    assert restore_tests.run_restore_test(settings).ok
    assert restored(settings, 1) == made.name


def test_without_a_key_nothing_is_signed_and_nothing_is_asked(
    plain: Settings, settings: Settings
) -> None:
    unsigned = creation.create(plain)
    assert (unsigned.signed, unsigned.manifest.signature, unsigned.manifest.counter) == (
        *(None, None, None),
    )
    signed = make(settings)
    assert [each.ok for each in verification.verify(plain, every=True)] == [True] * 4
    assert restored(plain, 1) == signed.name
    assert state.counters(plain) == {signed.store: signed.counter}


def test_what_was_made_before_there_was_a_key_is_refused_unless_told(
    plain: Settings, settings: Settings
) -> None:
    old = make(plain)
    refused(settings, f"Backup {old.name} is not signed, as .* add --accept unsigned")
    refused(settings, "is not signed", name=old.name)
    assert all(each.ok for each in verification.verify(settings, accept=["unsigned"]))
    assert restore_tests.run_restore_test(settings, accept=["unsigned"]).ok
    assert restored(settings, 1, accept=["unsigned"]) == old.name
    # Once there is a signed one it is the newest, and nobody is bothered with the old one.
    new = make(settings)
    assert all(each.ok for each in verification.verify(settings))
    done = restore(settings, to=sqlite_url(settings.state_folder / "x.db"))
    assert (done.backup, done.faults) == (new.name, ())


SAID = {
    "reason": "other",
    "created_at": "2026-01-01T00:00:00Z",
    "store": "f" * 16,
    "digest": "f" * 64,
    "sha256": "f" * 64,
    "tables": {"posting": 1},
    "migrations": ["0001.postings"],
    "database_size": 999_999,
    "counter": 5,
    "signature": "0" * 64,
    "jobstore": "99",
}


@pytest.mark.parametrize("field", SAID)
def test_whatever_is_changed_in_a_manifest_breaks_its_signature(
    plain: Settings, settings: Settings, field: str
) -> None:
    settings = keyed(settings_for(plain.store.address.path.parent), KEY)
    manifest = make(settings)
    rewrite(manifest_of(settings, manifest), **{field: SAID[field]})
    refused(settings, "was signed with another key, or changed since")


def test_a_forged_backup_hides_no_signed_one(settings: Settings, plain: Settings) -> None:
    good = make(settings)
    forged = make(plain)
    repack(plain, forged, "DELETE FROM revision")
    for each in everywhere(settings, forged):
        rewrite(each, store="of somebody", tables={"posting": 1})

    told = verification.verify(settings)
    assert {each.backup for each in told if each.ok} == {good.name}
    assert {each.backup for each in told if not each.ok} <= {forged.name, None}
    done = restore_tests.run_restore_test(settings)
    assert (done.ok, done.backup) == (True, good.name)
    assert restored(settings, 1) == good.name


def test_an_older_state_of_the_places_is_noticed(settings: Settings, tmp_path: Path) -> None:
    old = make(settings)
    kept = tmp_path / "kept"
    shutil.copytree(tmp_path / "far", kept)
    newest = make(settings)
    assert restored(settings, 1) == newest.name
    for each in everywhere(settings, newest):
        each.unlink()

    refused(settings, f"Backup {old.name} is older than the newest .* add --accept older")
    # Whoever asks for it by name or by time knows what it is.
    assert restored(settings, 2, name=old.name) == old.name
    assert restored(settings, 3, at=datetime.now(UTC)) == old.name
    assert restored(settings, 4, accept=["older"]) == old.name
    assert [each.ok for each in verification.verify(settings, name=old.name)] == [True, True]
    # The next one is the newest again.
    following = make(settings)
    assert (following.counter or 0) > (newest.counter or 0)
    assert restored(settings, 5) == following.name


@pytest.mark.parametrize("with_key", [True, False], ids=["signed", "unsigned"])
def test_what_a_restore_replaced_comes_back_by_its_name_only(
    plain: Settings, settings: Settings, with_key: bool
) -> None:
    settings = settings if with_key else plain
    old = make(settings)
    saved = restore(settings, replace=True).saved
    assert saved is not None

    assert restored(settings, 1) == old.name
    assert restored(settings, 2, at=datetime.now(UTC) + timedelta(minutes=1)) == old.name
    assert restore_tests.run_restore_test(settings).backup == old.name
    assert {each.backup for each in verification.verify(settings)} == {old.name}
    assert restored(settings, 3, name=saved) == saved
    # Where there is no other it is better than nothing.
    for each in everywhere(settings, old):
        each.unlink()
    assert restored(settings, 4, accept=["older"]) == saved


def test_where_the_newest_is_not_good_an_older_one_has_to_be_asked_for(settings: Settings) -> None:
    old, newest = make(settings), make(settings)
    flip(data_of(settings, newest))
    flip(Path(settings.backup.places[0]) / newest.file)
    refused(settings, f"checksum differs.*Backup {old.name} is older than the newest|checksum")
    assert restored(settings, 1, accept=["older"]) == old.name


def test_one_place_that_was_put_back_does_not_matter(settings: Settings) -> None:
    make(settings)
    newest = make(settings)
    for file in (newest.file, f"{newest.name}.json"):
        (settings.backups_folder / file).unlink()
    shutil.rmtree(settings.state_folder / "none", ignore_errors=True)
    assert restored(settings, 1) == newest.name


def test_another_machine_learns_the_counter_from_the_places(
    settings: Settings, tmp_path: Path
) -> None:
    make(settings)
    newest = make(settings)
    shutil.rmtree(settings.state_folder)
    assert state.counters(settings) == {}
    assert restored(settings, 1) == newest.name
    assert state.counters(settings) == {newest.store: newest.counter}
    # Also one that made a backup first goes on from where the other was.
    shutil.rmtree(settings.state_folder)
    following = make(settings)
    assert restored(settings, 2) == following.name


def test_a_clock_that_was_wrong_makes_nothing_older(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(days=3000)

    with monkeypatch.context() as wrong:
        wrong.setattr(creation, "datetime", Ahead)
        future = make(settings)
    assert future.created_at > datetime.now(UTC) + timedelta(days=2999)
    newest = make(settings)
    assert newest.counter == (future.counter or 0) + 1
    assert restored(settings, 1) == newest.name
    assert all(each.ok for each in verification.verify(settings) if each.backup)
    section = settings.backup.model_copy(update={"daily": 1, "weekly": 0, "monthly": 0})
    for pruned in retention.prune(settings.model_copy(update={"backup": section})):
        assert newest.name in pruned.kept


def test_keys_are_changed_without_losing_what_the_old_one_signed(settings: Settings) -> None:
    old = make(settings)
    changed = keyed(settings, OTHER)
    refused(changed, "was signed with another key")
    both = keyed(settings, OTHER, KEY)
    assert restored(both, 1) == old.name
    new = make(both)
    assert Trust(changed).signed(new)
    assert not Trust(settings).signed(new)
    assert all(each.ok for each in verification.verify(both, every=True))


def test_pruning_lets_nothing_unsigned_take_the_place_of_what_is_signed(
    settings: Settings, plain: Settings
) -> None:
    settings = settings.model_copy(
        update={
            "backup": settings.backup.model_copy(update={"daily": 1, "weekly": 0, "monthly": 0})
        }
    )
    good = make(settings)
    forged = [make(plain) for _ in range(3)]
    for days, each in enumerate(forged):
        moment = good.created_at + timedelta(seconds=1) - timedelta(days=2 * days)
        for file in everywhere(settings, each):
            rewrite(file, created_at=moment.isoformat())
    for pruned in retention.prune(settings):
        assert good.name in pruned.kept
        assert {*pruned.removed} == {each.name for each in forged[1:]}


def test_a_counter_that_nobody_signed_is_not_remembered(
    settings: Settings, plain: Settings
) -> None:
    good, forged = make(settings), make(plain)
    for each in everywhere(settings, forged):
        rewrite(each, counter=2**62, signature="0" * 64)
    assert restored(settings, 1) == good.name
    assert state.counters(settings)[good.store] == good.counter


def test_what_was_seen_only_grows(settings: Settings) -> None:
    state.record_counters(settings, {"a": 5, "b": 1})
    state.record_counters(settings, {"a": 3, "c": 2})
    assert state.counters(settings) == {"a": 5, "b": 1, "c": 2}
    settings.operations_db.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreUnavailable, match=r"operations\.db is damaged.* old signed backup"):
        restored(settings, 1)


def test_that_nothing_can_be_recorded_stops_no_restore(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(*_: object) -> None:
        raise BackupError("no")

    manifest = make(settings)
    monkeypatch.setattr(trust, "record_counters", stuck)
    assert restored(settings, 1) == manifest.name


def test_signatures_do_not_depend_on_how_a_manifest_is_written(settings: Settings) -> None:
    manifest = make(settings)
    said = json.loads(manifest.to_bytes())
    shuffled = {name: said[name] for name in sorted(said, reverse=True)}
    shuffled["created_at"] = manifest.created_at.astimezone().isoformat()
    again = parse_manifest(json.dumps(shuffled, indent=7).encode(), manifest.name)
    assert Trust(settings).signed(again)


def test_an_unencrypted_backup_is_refused_where_there_are_recipients(
    plain: Settings, tmp_path: Path
) -> None:
    old = make(plain)
    keys = new_keys(tmp_path / "key.txt")
    section = plain.backup.model_dump() | {
        "recipients": [keys.public],
        "identity_file": keys.file,
    }
    settings = settings_for(tmp_path, **section)
    refused(settings, f"Backup {old.name} is not encrypted, although .* add --accept unencrypted")
    refused(settings, "is not encrypted", name=old.name)
    assert restore_tests.run_restore_test(settings, accept=["unencrypted"]).ok
    assert restored(settings, 1, accept=["unencrypted"]) == old.name
    new = make(settings)
    assert restored(settings, 2) == new.name
    # What is said to be encrypted and is not is damaged.
    for file in everywhere(settings, old):
        data = file.with_name(old.file)
        data.rename(f"{data}.age")
        rewrite(file, encryption="age")
    told = verification.verify(settings, name=old.name)
    assert all("is damaged" in str(each.error) for each in told)


# The commands, and where the key may be seen.


@pytest.fixture
def at_work(plain: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Commands that find the settings in their environment, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JOBSTORE_URL", str(plain.store.address))
    return plain


def test_keygen_makes_a_key_for_this_account_alone_and_does_not_show_it(
    at_work: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("backup", "keygen", "my key.txt")
    assert (done.exit_code, done.stdout) == (0, "")
    file = tmp_path / "my key.txt"
    key = file.read_text()
    assert re.fullmatch(r"jobstore-key-[0-9a-f]{64}\n", key)
    assert file.stat().st_mode & 0o777 == 0o600
    assert key.strip() not in done.output
    assert """export JOBSTORE_BACKUP__KEY="$(cat 'my key.txt')\"""" in said(done)
    again = run("backup", "keygen", "my key.txt")
    assert again.exit_code == 1
    assert "my key.txt cannot be made (File exists); name another file" in said(again)
    assert file.read_text() == key
    (tmp_path / "link").symlink_to(tmp_path / "target")
    assert run("backup", "keygen", "link").exit_code == 1
    assert not (tmp_path / "target").exists()

    monkeypatch.setenv("JOBSTORE_BACKUP__KEY", key)
    assert answer("backup", "create")["signed"] is True
    assert answer("backup", "list")["backups"][0]["signed"] is True
    assert "signed" in shown(run("backup", "list"))


def test_commands_say_what_to_accept_and_take_it(
    at_work: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = make(at_work)
    assert answer("backup", "list")["backups"][0]["signed"] is None
    monkeypatch.setenv("JOBSTORE_BACKUP__KEY", KEY)
    assert answer("backup", "list")["backups"][0]["signed"] is False
    for command in (
        ["backup", "verify"],
        ["backup", "verify", "--restore"],
        ["restore", "--to", "new.db"],
    ):
        refusal = run(*command)
        assert refusal.exit_code == 1
        assert f"{manifest.name} is not signed" in said(refusal)
        accepted = run(*command, "--accept", "unsigned", "--accept", "older")
        assert (accepted.exit_code, f"{manifest.name} " in accepted.stdout) == (0, True)
    unknown = run("restore", "--accept", "everything")
    assert unknown.exit_code == 2


def test_passing_over_a_copy_is_told_and_fails_the_command(at_work: Settings) -> None:
    make(at_work)
    newest = make(at_work)
    flip(data_of(at_work, newest))
    flip(Path(at_work.state_folder / "backups") / newest.file)
    rewrite(manifest_of(at_work, newest), sha256="0" * 64)
    done = run("restore", "--to", "new.db")
    assert (done.exit_code, Path("new.db").exists()) == (1, True)
    assert f"{newest.name}" in said(done)
    tested = run("backup", "verify", "--restore")
    assert tested.exit_code == 1
    assert "gives the store back" in shown(tested)
    assert f"{newest.name}" in said(tested)
    assert backup.last_restore_test(at_work, successful=True) is not None


@pytest.mark.parametrize("wrong", ["secret-of-mine", KEY[:-1], f"{KEY}0", f"{KEY} x", "  "])
def test_a_key_that_is_none_is_refused_and_not_repeated(at_work: Settings, wrong: str) -> None:
    with pytest.raises(InvalidSettings, match=r"backup\.key: .* 'jobstore backup keygen'") as told:
        load(environment={"JOBSTORE_BACKUP__KEY": wrong})
    assert wrong.strip() == "" or wrong not in str(told.value)


def test_the_key_is_nowhere_to_be_seen(
    at_work: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JOBSTORE_BACKUP__KEY", f"{KEY} {OTHER}")
    shown = [
        run(*command)
        for command in (
            ["config", "show"],
            ["config", "show", "--json"],
            ["backup", "create"],
            ["backup", "list", "--json"],
            ["backup", "verify"],
            ["backup", "verify", "--restore", "--json"],
            ["restore", "--to", "x.db"],
            ["restore", "--to", "x.db"],
            ["backup", "verify", "none"],
        )
    ]
    texts = [each.stdout + each.stderr for each in shown]
    with Logs(load().settings):
        get("backup").error("failed", note=f"with {KEY}", other=OTHER)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    texts += [file.read_bytes().decode("latin-1") for file in files]
    assert any("a backup was made" in text for text in texts)
    for key in (KEY, OTHER):
        assert not any(key.removeprefix("jobstore-key-") in text for text in texts)
    assert KEY not in repr(load().settings)
