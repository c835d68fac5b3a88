"""Copies in object stores: made, listed, checked, pruned, and restored when all else is gone."""

from __future__ import annotations

import builtins
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobstore import BackupError
from jobstore.operations.backup import (
    creation,
    object_places,
    restore_tests,
    retention,
    verification,
)
from jobstore.operations.backup.catalog import read_catalog
from jobstore.operations.backup.manifest import Manifest
from jobstore.operations.backup.restoring import restore
from jobstore.operations.backup.trust import new_key
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings
from tests.operations.backups import (
    content,
    leftovers,
    manifest_of,
    new_keys,
    settings_for,
)
from tests.operations.buckets import REGIONS, ObjectServer, answering, object_server
from tests.operations.damaging import fill


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectServer]:
    with object_server() as running:
        yield running


@pytest.fixture
def buckets(server: ObjectServer) -> list[str]:
    """Two buckets, and the prefixes in them where backups go."""
    names = [f"backups-{secrets.token_hex(4)}" for _ in REGIONS]
    for name in names:
        server.make(name)
    return names


@pytest.fixture
def places(buckets: list[str]) -> list[str]:
    return [f"s3://{buckets[0]}", f"s3://{buckets[1]}/deep/er"]


@pytest.fixture
def settings(
    migrated_url: str, tmp_path: Path, server: ObjectServer, places: list[str]
) -> Settings:
    """The settings of a store with some postings, and copies in two regions."""
    fill(migrated_url)
    options = {place: server.options(region) for place, region in zip(places, REGIONS, strict=True)}
    return settings_for(tmp_path, places=places, place_options=options)


def make(settings: Settings) -> Manifest:
    """Back up, to every place."""
    made = creation.create(settings)
    assert made.failures == {}
    return made.manifest


def test_copies_stand_in_every_bucket_and_are_good(
    settings: Settings, server: ObjectServer, buckets: list[str], places: list[str]
) -> None:
    server.put(f"{buckets[0]}/of/somebody.json", b"{}")
    made = creation.create(settings)

    assert made.places == (str(settings.backups_folder), *places)
    files = {f"{made.name}.json", made.manifest.file}
    assert {*server.keys(buckets[0])} == {*files, "of/somebody.json"}
    assert {*server.keys(buckets[1])} == {f"deep/er/{file}" for file in files}
    stored = server.get(f"{buckets[1]}/deep/er/{made.manifest.file}")
    assert stored == (settings.backups_folder / made.manifest.file).read_bytes()
    (listed,) = read_catalog(settings).backups
    assert (listed.manifest, listed.places) == (made.manifest, made.places)
    assert [(each.place, each.error) for each in verification.verify(settings)] == [
        (place, None) for place in made.places
    ]


def test_the_environment_tells_keys_and_region_as_well(
    settings: Settings,
    server: ObjectServer,
    places: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    make(settings_for(tmp_path, places=places))
    assert len(read_catalog(settings).backups[0].places) == 3


def test_a_machine_that_lost_everything_gets_its_store_back(
    settings: Settings, tmp_path: Path
) -> None:
    key = new_keys(tmp_path / "key.txt")
    secured = {"recipients": [key.public], "identity_file": key.file}
    section = settings.backup.model_dump() | secured
    made = make(settings_for(tmp_path, **section))
    expected = content(tmp_path / "jobs.db")
    (tmp_path / "elsewhere").mkdir()
    for file in tmp_path.glob("jobs.db*"):
        file.unlink()
    shutil.rmtree(settings.state_folder)
    there = settings_for(tmp_path / "elsewhere", **section)

    done = restore(there)

    assert (done.backup, done.place) == (made.name, settings.backup.places[0])
    assert content(tmp_path / "elsewhere" / "jobs.db") == expected
    assert leftovers(tmp_path / "elsewhere") == []
    tested = restore_tests.run_restore_test(there)
    assert (tested.ok, tested.place) == (True, settings.backup.places[0])
    assert leftovers(there.backups_folder) == []


def test_a_copy_that_was_tampered_with_is_passed_over(
    settings: Settings,
    server: ObjectServer,
    buckets: list[str],
    places: list[str],
    tmp_path: Path,
) -> None:
    made = make(settings)
    shutil.rmtree(settings.backups_folder)
    data = bytearray(server.get(f"{buckets[0]}/{made.file}"))
    data[len(data) // 2] ^= 1
    server.put(f"{buckets[0]}/{made.file}", bytes(data))

    found = {each.place: each for each in verification.verify(settings)}

    assert "checksum differs" in str(found[places[0]].error)
    assert found[places[1]].ok
    assert restore(settings, to=sqlite_url(tmp_path / "1.db")).place == places[1]
    server.put(f"{buckets[1]}/deep/er/{made.file}", b"short")
    with pytest.raises(BackupError, match="checksum differs"):
        restore(settings, to=sqlite_url(tmp_path / "2.db"))
    server.put(f"{buckets[0]}/{made.name}.json", b"")
    with pytest.raises(BackupError, match=r"manifest of backup .* is damaged.* has the wrong size"):
        restore(settings, to=sqlite_url(tmp_path / "2.db"))
    assert not (tmp_path / "2.db").exists()


def test_large_files_go_in_parts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # As small as S3 allows; the server does not mind.
    monkeypatch.setattr(object_places, "_PART", 5 * 1024 * 1024)
    place = object_places.ObjectPlace(
        settings.backup.places[0],
        {
            key: each.get_secret_value()
            for key, each in settings.backup.place_options[settings.backup.places[0]].items()
        },
    )
    file = tmp_path / "large"
    file.write_bytes(secrets.token_bytes(11 * 1024 * 1024 + 1))
    steps: list[tuple[str, int, int]] = []

    place.upload("large", file, lambda *step: steps.append(step))
    downloaded, packed = place.download(
        "large", tmp_path, lambda *step: steps.append(step), file.stat().st_size
    )

    assert downloaded.read_bytes() == file.read_bytes()
    assert packed == place.measure("large", lambda *step: None)
    size = file.stat().st_size
    assert steps[0] == ("upload", 1024 * 1024, size)
    assert ("upload", size, size) in steps
    assert [each for each in steps if each[0] == "download"] == [
        ("download", 5 * 1024 * 1024, size),
        ("download", 10 * 1024 * 1024, size),
        ("download", size, size),
    ]
    place.delete("large")
    place.delete("large")
    assert place.sizes() == {}


def test_an_upload_that_is_given_up_leaves_nothing(
    settings: Settings, server: ObjectServer, buckets: list[str]
) -> None:
    class GivenUp(Exception):
        pass

    def progress(step: str, done: int, total: int) -> None:
        if step == "upload":
            raise GivenUp

    with pytest.raises(GivenUp):
        creation.create(settings, progress)
    assert server.keys(buckets[0]) == []
    # What is in the folder is whole.
    assert [each.places for each in read_catalog(settings).backups] == [
        (str(settings.backups_folder),)
    ]


def test_what_a_killed_process_left_in_a_bucket_is_removed(
    settings: Settings, server: ObjectServer, buckets: list[str]
) -> None:
    made = make(settings)
    half = made.model_copy(update={"name": "half"})
    server.put(f"{buckets[0]}/half.unfinished", half.to_bytes())
    server.put(f"{buckets[0]}/{half.file}", b"half of it")
    assert [each.name for each in read_catalog(settings).backups] == [made.name]
    make(settings)
    assert not [key for key in server.keys(buckets[0]) if key.startswith("half")]


def test_buckets_are_pruned_too(
    settings: Settings, server: ObjectServer, buckets: list[str]
) -> None:
    old = make(settings)
    aged = old.model_copy(update={"created_at": old.created_at.replace(year=2020)})
    for key in (f"{buckets[0]}/{old.name}.json", f"{buckets[1]}/deep/er/{old.name}.json"):
        server.put(key, aged.to_bytes())
    manifest_of(settings, old).write_bytes(aged.to_bytes())
    new = make(settings)
    section = settings.backup.model_copy(update={"daily": 1, "weekly": 0, "monthly": 0})

    pruned = retention.prune(settings.model_copy(update={"backup": section}))

    assert [(each.removed, each.kept, each.error) for each in pruned] == [
        ((old.name,), (new.name,), None)
    ] * 3
    assert len(server.keys(buckets[0])) == len(server.keys(buckets[1])) == 2


def faulty(settings: Settings, place: str, **options: str) -> Settings:
    """Return the settings with one place more, which does not work."""
    first = settings.backup.places[0]
    known = settings.backup.place_options
    return settings_for(
        settings.store.address.path.parent,
        places=[place, first],
        place_options={first: known[first], place: options},
    )


def told(settings: Settings, place: str) -> str:
    """See that one place fails and the others do not; return what is said of it."""
    made = creation.create(settings)
    assert [*made.failures] == [place]
    assert len(made.places) == 2
    catalog = read_catalog(settings)
    assert catalog.backups[0].places == made.places
    assert [*catalog.faults] == [place]
    verified = verification.verify(settings)
    assert [each.place for each in verified if not each.ok] == [place]
    return made.failures[place]


def test_a_bucket_that_is_not_there_costs_the_others_nothing(
    settings: Settings, server: ObjectServer
) -> None:
    place = "s3://not-there/prefix"
    said = told(faulty(settings, place, **server.options()), place)
    assert said.startswith(f"{place}: ")
    assert "NoSuchBucket" in said or "no such bucket" in said


def test_a_server_that_is_down_costs_the_others_nothing(settings: Settings) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    place = "s3://bucket"
    options = {
        "endpoint": f"http://127.0.0.1:{port}",
        "allow_http": "true",
        "access_key_id": "x",
        "secret_access_key": "y",
        "region": "z",
    }
    said = told(faulty(settings, place, **options), place)
    assert said == (
        f"{place}: it cannot be reached; check the network, its address and its region."
    )


@pytest.mark.parametrize(
    ("status", "body", "match"),
    [
        (403, b"<Error><Code>AccessDenied</Code></Error>", "access was denied; check its keys"),
        (401, b"", "access was denied; check its keys"),
        (400, b"<Error><Code>InvalidToken</Code></Error>", "it answered InvalidToken; check"),
        (405, b"<html>no</html>", "it answered 405; check"),
    ],
)
def test_a_server_that_refuses_is_told_without_what_it_says(
    settings: Settings, server: ObjectServer, status: int, body: bytes, match: str
) -> None:
    place = "s3://bucket"
    with answering(status, body + b"https://signed.example/?X-Amz-Signature=0123") as address:
        said = told(faulty(settings, place, **server.options() | {"endpoint": address}), place)
    assert match in said
    assert "Signature" not in said
    assert "127.0.0.1" not in said
    assert "secret" not in said


@pytest.mark.parametrize("place", ["gs://bucket/x", "az://container/x"])
def test_other_clouds_are_told_apart_by_their_addresses(
    settings: Settings, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    wrong = {"gs://bucket/x": {"google_service_account_key": "{"}, "az://container/x": {}}[place]
    said = told(faulty(settings, place, **wrong), place)
    assert said.startswith(f"{place} cannot be set up")


def test_options_that_nobody_knows_are_told_and_not_repeated(settings: Settings) -> None:
    place = "s3://bucket"
    said = told(faulty(settings, place, nonsense="a secret"), place)
    assert said.startswith("s3://bucket cannot be set up")
    assert "a secret" not in said


def test_the_extra_is_asked_for_where_it_is_not_installed(
    settings: Settings, places: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("obstore"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    failures = creation.create(settings).failures
    assert [*failures] == places
    assert "pip install 'jobstore[cloud]'" in failures[places[0]]


def test_what_the_key_did_not_sign_is_refused_from_a_bucket_too(
    settings: Settings, server: ObjectServer, buckets: list[str], tmp_path: Path
) -> None:
    section = settings.backup.model_dump() | {"key": new_key()}
    keyed = settings_for(tmp_path, **section)
    signed, forged = make(keyed), make(settings)
    shutil.rmtree(settings.state_folder)

    done = restore(keyed, to=sqlite_url(tmp_path / "new.db"))

    assert (done.backup, done.place) == (signed.name, settings.backup.places[0])
    assert any(f"Backup {forged.name} is not signed" in fault for fault in done.faults)
    # Somebody puts the bucket back to what it was, and this machine has seen more.
    newest = make(keyed)
    for bucket, prefix in zip(buckets, ("", "deep/er/"), strict=True):
        server.put(f"{bucket}/{prefix}{newest.name}.json", b"{}")
    shutil.rmtree(keyed.backups_folder)
    with pytest.raises(BackupError, match=f"Backup {signed.name} is older than the newest"):
        restore(keyed, to=sqlite_url(tmp_path / "other.db"))


def test_an_absurd_manifest_in_a_bucket_hides_no_other(
    settings: Settings, server: ObjectServer, buckets: list[str], tmp_path: Path
) -> None:
    good, bad = make(settings), make(settings)
    shutil.rmtree(settings.state_folder)
    absurd = bad.model_copy(update={"database_size": 2**62}).to_bytes()
    server.put(f"{buckets[0]}/{bad.name}.json", absurd)
    server.put(f"{buckets[1]}/deep/er/{bad.name}.json", b"x" * 500_000)
    done = restore(settings, to=sqlite_url(tmp_path / "new.db"))
    assert done.backup == good.name
    assert "MiB free and this needs" in " ".join(done.faults)
    assert restore_tests.run_restore_test(settings).backup == good.name
    assert {each.backup for each in verification.verify(settings) if each.ok} == {good.name}
