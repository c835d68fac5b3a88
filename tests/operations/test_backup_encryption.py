"""Backups that only the holder of a key can open."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pyrage
import pytest
import zstandard

from jobstore import BackupError
from jobstore.operations.backup import restore_tests, verification
from jobstore.operations.backup.catalog import read_catalog
from jobstore.operations.backup.places import FolderPlace
from jobstore.operations.backup.restoring import restore
from jobstore.progress import silent
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings
from tests.operations.backups import (
    Keys,
    content,
    data_of,
    flip,
    leftovers,
    make,
    manifest_of,
    new_keys,
    octets,
    rewrite,
    settings_for,
)
from tests.operations.damaging import fill


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return new_keys(tmp_path / "key.txt")


@pytest.fixture
def settings(migrated_url: str, tmp_path: Path, keys: Keys) -> Settings:
    """The settings of a store with some postings, on a machine that has the public key only."""
    fill(migrated_url)
    return settings_for(tmp_path, recipients=[keys.public])


def with_key(settings: Settings, file: Path) -> Settings:
    """Return the settings of a machine that has a secret key."""
    recipients = list(settings.backup.recipients)
    folder = settings.store.address.path.parent
    return settings_for(folder, recipients=recipients, identity_file=file)


def refused(settings: Settings, match: str) -> None:
    """See that the newest backup is restored nowhere, and that nothing is changed."""
    path = settings.store.address.path
    before = octets(path)
    for to, replace in ((sqlite_url(path.with_name("new.db")), False), (None, True)):
        with pytest.raises(BackupError, match=match):
            restore(settings, to=to, replace=replace)
        assert octets(path) == before
    assert not path.with_name("new.db").exists()
    done = restore_tests.run_restore_test(settings)
    assert not done.ok
    assert leftovers(path.parent, settings.backups_folder) == []


def test_there_and_back_again(settings: Settings, tmp_path: Path, keys: Keys) -> None:
    manifest = make(settings)
    data = data_of(settings, manifest)
    assert data.name.endswith(".db.zst.age")
    assert manifest.encryption == "age"
    assert data.read_bytes().startswith(b"age-encryption.org/v1\n")
    # Other tools open it, and nobody does without the key.
    identity = pyrage.x25519.Identity.from_str(keys.file.read_text().split()[-1])
    packed = pyrage.decrypt(data.read_bytes(), [identity])
    plain = tmp_path / "plain.db"
    plain.write_bytes(zstandard.ZstdDecompressor().decompress(packed))
    assert content(plain) == content(tmp_path / "jobs.db")

    here = with_key(settings, keys.file)
    assert [each.ok for each in verification.verify(here)] == [True]
    assert restore_tests.run_restore_test(here).ok
    restore(here, to=sqlite_url(tmp_path / "new.db"))
    assert content(tmp_path / "new.db") == content(tmp_path / "jobs.db")


def test_no_text_of_a_posting_is_to_be_read_in_it(settings: Settings, keys: Keys) -> None:
    manifest = make(settings)
    stored = data_of(settings, manifest).read_bytes() + manifest_of(settings, manifest).read_bytes()
    assert b"Acme" not in stored
    assert keys.file.read_text().split()[-1].encode() not in stored


def test_a_missing_or_a_wrong_key_is_refused(settings: Settings, tmp_path: Path) -> None:
    make(settings)
    (found,) = verification.verify(settings)
    assert "is encrypted; name the file with the secret key" in str(found.error)
    refused(settings, "is encrypted; name the file with the secret key .* --identity")
    wrong = with_key(settings, new_keys(tmp_path / "wrong.txt").file)
    (found,) = verification.verify(wrong)
    assert "encrypted to another key" in str(found.error)
    refused(wrong, "encrypted to another key; use the identity file")


def test_each_of_several_keys_opens_it(settings: Settings, tmp_path: Path, keys: Keys) -> None:
    other = new_keys(tmp_path / "other.txt")
    make(settings_for(tmp_path, recipients=[keys.public, other.public]))
    both = tmp_path / "both.txt"
    both.write_text(new_keys(tmp_path / "third.txt").file.read_text() + other.file.read_text())
    for number, file in enumerate((keys.file, other.file, both)):
        target = sqlite_url(tmp_path / f"{number}.db")
        assert restore(with_key(settings, file), to=target).postings == 40


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "is no age key file"),
        ("# public key: age1\n", "is no age key file"),
        ("AGE-SECRET-KEY-1NOT\n", "is no age key file"),
        ("age-encryption.org/v1\n-> scrypt\n", "is no age key file"),
    ],
)
def test_a_file_that_is_no_key_is_refused_without_telling_what_it_is(
    settings: Settings, tmp_path: Path, text: str, match: str
) -> None:
    make(settings)
    file = tmp_path / "bad.txt"
    file.write_text(text)
    with pytest.raises(BackupError, match=match) as caught:
        verification.verify(with_key(settings, file))
    assert "1NOT" not in str(caught.value)
    refused(with_key(settings, file), match)
    file.unlink()
    refused(with_key(settings, file), "Cannot work in")


def test_damage_inside_is_told_from_a_wrong_key(settings: Settings, keys: Keys) -> None:
    manifest = make(settings)
    data = data_of(settings, manifest)
    flip(data)
    size, sha256 = FolderPlace(data.parent).measure(data.name, silent)
    rewrite(manifest_of(settings, manifest), size=size, sha256=sha256)
    here = with_key(settings, keys.file)
    refused(here, "is damaged; use another copy")
    data.write_bytes(b"age-encryption.org/v1\nnothing")
    size, sha256 = FolderPlace(data.parent).measure(data.name, silent)
    rewrite(manifest_of(settings, manifest), size=size, sha256=sha256)
    refused(here, "is damaged; use another copy")


def test_a_recipient_that_is_none_is_refused(settings: Settings) -> None:
    section = settings.backup.model_copy(update={"recipients": ("age1nobody",)})
    with pytest.raises(BackupError, match="no age public key"):
        make(settings.model_copy(update={"backup": section}))
    assert read_catalog(settings).backups == ()


def test_the_extra_is_asked_for_where_it_is_not_installed(
    settings: Settings, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(settings)
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "pyrage":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BackupError, match=r"pip install 'jobstore\[encryption\]'"):
        make(settings)
    with pytest.raises(BackupError, match=r"pip install 'jobstore\[encryption\]'"):
        verification.verify(with_key(settings, keys.file))
