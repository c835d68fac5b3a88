"""What tests of backups share: settings, a store to lose, and what a store holds."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pyrage
import zstandard

from jobstore.operations.backup import creation
from jobstore.operations.backup.manifest import Manifest
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings
from tests.operations.damaging import tamper

LEFTOVERS = (".jobstore-scratch-*", "*.unfinished")


def settings_for(beside: Path, **section: Any) -> Settings:
    """Return the settings of a store ``jobs.db`` in a folder, with what ``backup`` says."""
    return Settings.model_validate(
        {"store": {"url": sqlite_url(beside / "jobs.db")}, "backup": section}
    )


def content(path: Path, *, mode: str = "rw") -> list[tuple[Any, ...]]:
    """Return what people see of a store, and its history.

    Who opens it with ``ro`` writes nothing back when he closes, and leaves files beside it.
    """
    with closing(sqlite3.connect(f"file:{path}?mode={mode}", uri=True)) as conn:
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


def manifest_of(settings: Settings, manifest: Manifest) -> Path:
    """Return the file of a manifest in the store's own folder."""
    return settings.backups_folder / f"{manifest.name}.json"


def flip(file: Path) -> None:
    """Change one byte in the middle of a file."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x55
    file.write_bytes(data)


def rewrite(file: Path, **changes: Any) -> None:
    """Change what a manifest says."""
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@contextmanager
def opened(settings: Settings, manifest: Manifest) -> Iterator[Path]:
    """Give the database in a backup; what is done to it goes back, and its manifest is made fit.

    What the manifest says of the content stays as it was.
    """
    data = data_of(settings, manifest)
    plain = data.with_name("plain.db")
    plain.write_bytes(zstandard.ZstdDecompressor().decompress(data.read_bytes()))
    yield plain
    packed = zstandard.ZstdCompressor().compress(plain.read_bytes())
    data.write_bytes(packed)
    rewrite(
        manifest_of(settings, manifest),
        size=len(packed),
        sha256=hashlib.sha256(packed).hexdigest(),
        database_size=plain.stat().st_size,
    )
    plain.unlink()


def repack(settings: Settings, manifest: Manifest, *statements: str) -> None:
    """Change what is in a backup, and make its manifest fit."""
    with opened(settings, manifest) as plain:
        tamper(plain, *statements)


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
