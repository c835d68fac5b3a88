"""What tests of backups share: settings, a store to lose, and what a store holds."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pyrage

from jobstore.operations.backup import creation
from jobstore.operations.backup.manifest import Manifest
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings

LEFTOVERS = (".jobstore-scratch-*", "*.unfinished")


def settings_for(beside: Path, **section: Any) -> Settings:
    """Return the settings of a store ``jobs.db`` in a folder, with what ``backup`` says."""
    return Settings.model_validate(
        {"store": {"url": sqlite_url(beside / "jobs.db")}, "backup": section}
    )


def content(path: Path) -> list[tuple[Any, ...]]:
    """Return what people see of a store, and its history."""
    with closing(sqlite3.connect(path)) as conn:
        postings = conn.execute("SELECT * FROM postings ORDER BY id").fetchall()
        return [*postings, *conn.execute("SELECT * FROM revision ORDER BY id, version")]


def octets(path: Path) -> dict[str, bytes]:
    """Return the bytes of a store's files, to see that nothing touched them.

    An empty WAL is left by whoever only reads, and means nothing.
    """
    files = {end: Path(f"{path}{end}") for end in ("", "-wal", "-journal")}
    read = {end: file.read_bytes() for end, file in files.items() if file.exists()}
    return {end: data for end, data in read.items() if data}


def make(settings: Settings, reason: str = "manual") -> Manifest:
    """Back a store up."""
    return creation.create(settings, reason=reason).manifest


def data_of(settings: Settings, manifest: Manifest) -> Path:
    """Return the file of a backup in the store's own folder."""
    return settings.backups_folder / manifest.file


def leftovers(*folders: Path) -> list[Path]:
    """Return what unfinished work left behind."""
    return [file for folder in folders for end in LEFTOVERS for file in folder.glob(end)]


class Keys(NamedTuple):
    """A pair of age keys: the public one, and the file that holds the secret one."""

    public: str
    file: Path


def new_keys(file: Path) -> Keys:
    """Make a pair of keys, the secret one in a file as age-keygen writes it."""
    identity = pyrage.x25519.Identity.generate()
    public = str(identity.to_public())
    file.write_text(f"# created: today\n# public key: {public}\n{identity}\n")
    return Keys(public, file)
