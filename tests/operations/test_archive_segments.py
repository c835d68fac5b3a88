"""Objects of the log: what they say, and that nothing is believed that was tampered with."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from jobstore import BackupError
from jobstore.engines.log import Segment
from jobstore.operations.archiving import segments
from jobstore.operations.archiving.segments import Shipped, listing, pack, unpack
from jobstore.operations.backup.packing import identities_in
from jobstore.operations.backup.places import FolderPlace
from jobstore.operations.backup.trust import new_key
from jobstore.settings.sections import BackupSection
from tests.operations.backups import Keys, new_keys

GENERATION = "0123456789abcdef"
STORE = "aaaabbbbccccdddd"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return new_keys(tmp_path / "age.key")


@pytest.fixture
def section(keys: Keys) -> BackupSection:
    return BackupSection.model_validate({"recipients": [keys.public], "key": new_key()})


class Shelf:
    """Pieces, and a place to put them."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self.folder = folder / "place"
        self.folder.mkdir()
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        self.place = FolderPlace(self.folder)
        self.identities = identities_in(keys.file)
        self.pieces = [self._piece(folder, number) for number in range(1, 7)]

    @staticmethod
    def _piece(folder: Path, number: int) -> Segment:
        path = folder / f"piece-{number}"
        path.write_bytes(b"frames of %d " % number + secrets.token_bytes(5000))
        return Segment(GENERATION, number, path, path.stat().st_size, 1000.0 + number, number)

    def put(
        self, first: int, last: int, section: BackupSection, store: str = STORE, **more: Any
    ) -> Path:
        file = self.folder / segments.name_of("jobs", GENERATION, first, last)
        pack(self.pieces[first - 1 : last], file, section=section, store=store, **more)
        return file

    def take(self, file: Path, section: BackupSection, **more: Any) -> bytes:
        name = segments.parse_name(file.name, file.stat().st_size)
        assert name is not None
        given = {"store": STORE, "identities": self.identities, **more}
        found = unpack(self.place, name, self.scratch, section=section, **given)
        return b"".join(each.read_bytes() for each in found)

    def octets(self, first: int, last: int) -> bytes:
        return b"".join(each.path.read_bytes() for each in self.pieces[first - 1 : last])


@pytest.fixture
def shelf(tmp_path: Path, keys: Keys) -> Shelf:
    return Shelf(tmp_path, keys)


def test_pieces_come_back_as_they_were(shelf: Shelf, section: BackupSection) -> None:
    file = shelf.put(1, 3, section)
    assert shelf.take(file, section) == shelf.octets(1, 3)
    assert b"frames of" not in file.read_bytes()
    assert [each.name for each in shelf.folder.iterdir()] == [file.name]
    assert not [*shelf.scratch.glob("downloaded")]


def test_a_header_says_what_is_in_it(shelf: Shelf, section: BackupSection) -> None:
    file = shelf.put(2, 3, section, since=1001.0, previous="ab" * 32)
    shipped, start = segments.parse_header(file.read_bytes())
    assert (shipped.store, shipped.generation) == (STORE, GENERATION)
    assert (shipped.first, shipped.last, shipped.stamp) == (2, 3, 3)
    assert (shipped.since, shipped.captured_at) == (1001.0, 1003.0)
    assert shipped.previous == "ab" * 32
    assert shipped.digest == segments.digest_of(shelf.pieces[2].path)
    assert shipped.octets == len(shelf.octets(2, 3))
    assert start + shipped.size == file.stat().st_size


def test_objects_that_are_written_end_to_end_are_one(shelf: Shelf, section: BackupSection) -> None:
    parts = [shelf.put(1, 2, section), shelf.put(3, 3, section), shelf.put(4, 6, section)]
    joined = shelf.folder / segments.name_of("jobs", GENERATION, 1, 6)
    joined.write_bytes(b"".join(each.read_bytes() for each in parts))
    assert shelf.take(joined, section) == shelf.octets(1, 6)


def test_parts_that_do_not_follow_each_other_are_refused(
    shelf: Shelf, section: BackupSection
) -> None:
    parts = [shelf.put(1, 2, section), shelf.put(4, 6, section)]
    joined = shelf.folder / segments.name_of("jobs", GENERATION, 1, 6)
    joined.write_bytes(b"".join(each.read_bytes() for each in parts))
    with pytest.raises(BackupError, match="do not follow each other"):
        shelf.take(joined, section)


def test_a_part_after_another_one_than_that_before_it_is_refused(
    shelf: Shelf, section: BackupSection
) -> None:
    parts = [shelf.put(1, 2, section), shelf.put(3, 3, section, previous="ab" * 32)]
    joined = shelf.folder / segments.name_of("jobs", GENERATION, 1, 3)
    joined.write_bytes(b"".join(each.read_bytes() for each in parts))
    with pytest.raises(BackupError, match="do not follow each other"):
        shelf.take(joined, section)


def test_what_was_put_under_another_name_is_refused(shelf: Shelf, section: BackupSection) -> None:
    file = shelf.put(1, 1, section)
    for other in (
        segments.name_of("jobs", GENERATION, 2, 2),
        segments.name_of("jobs", GENERATION, 1, 2),
        segments.name_of("jobs", "f" * 16, 1, 1),
    ):
        moved = shelf.folder / other
        moved.write_bytes(file.read_bytes())
        with pytest.raises(BackupError, match="something else than its name says"):
            shelf.take(moved, section)


def changed(file: Path, **changes: Any) -> None:
    line, _, payload = file.read_bytes().partition(b"\n")
    file.write_bytes(json.dumps(json.loads(line) | changes).encode() + b"\n" + payload)


@pytest.mark.parametrize(
    "changes",
    [{"stamp": 1}, {"captured_at": 5.0}, {"digest": "0" * 64}, {"store": STORE[::-1]}],
)
def test_a_header_that_was_changed_is_refused(
    shelf: Shelf, section: BackupSection, changes: dict[str, Any]
) -> None:
    file = shelf.put(1, 2, section)
    changed(file, **changes)
    with pytest.raises(BackupError, match="signed with another key, or changed"):
        shelf.take(file, section)


def test_what_another_key_signed_or_none_is_refused_unless_accepted(
    shelf: Shelf, section: BackupSection
) -> None:
    other = section.model_copy(update={"key": BackupSection.model_validate({"key": new_key()}).key})
    none = section.model_copy(update={"key": None})
    for made_with, told in ((other, "another key"), (none, "not signed")):
        file = shelf.put(1, 1, made_with)
        with pytest.raises(BackupError, match=told):
            shelf.take(file, section)
        assert shelf.take(file, section, accept=["unsigned"]) == shelf.octets(1, 1)
        file.unlink()


def test_what_is_not_encrypted_is_refused_where_it_should_be(
    shelf: Shelf, section: BackupSection
) -> None:
    file = shelf.put(1, 1, section.model_copy(update={"recipients": ()}))
    with pytest.raises(BackupError, match="not encrypted"):
        shelf.take(file, section)
    assert shelf.take(file, section, accept=["unencrypted"]) == shelf.octets(1, 1)


def test_what_cannot_be_opened_says_what_it_takes(
    shelf: Shelf, section: BackupSection, tmp_path: Path
) -> None:
    file = shelf.put(1, 1, section)
    with pytest.raises(BackupError, match="encrypted; name the file with the secret key"):
        shelf.take(file, section, identities=[])
    others = identities_in(new_keys(tmp_path / "other.key").file)
    with pytest.raises(BackupError, match="encrypted to another key"):
        shelf.take(file, section, identities=others)


def test_the_log_of_another_store_is_refused(shelf: Shelf, section: BackupSection) -> None:
    file = shelf.put(1, 1, section, store="0" * 16)
    with pytest.raises(BackupError, match="another store"):
        shelf.take(file, section)
    assert shelf.take(file, section, store=None) == shelf.octets(1, 1)


@pytest.mark.parametrize("where", [0.0, 0.2, 0.6, 0.999])
def test_a_byte_that_was_changed_is_noticed(
    shelf: Shelf, section: BackupSection, where: float
) -> None:
    file = shelf.put(1, 3, section)
    data = bytearray(file.read_bytes())
    data[int(len(data) * where)] ^= 0x41
    file.write_bytes(data)
    with pytest.raises(BackupError):
        shelf.take(file, section)
    assert not [*shelf.scratch.iterdir()]


@pytest.mark.parametrize("kept", [0, 10, 300, -1])
def test_an_object_that_was_cut_off_is_noticed(
    shelf: Shelf, section: BackupSection, kept: int
) -> None:
    file = shelf.put(1, 3, section)
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(BackupError):
        shelf.take(file, section)


def test_what_stands_behind_an_object_is_noticed(shelf: Shelf, section: BackupSection) -> None:
    file = shelf.put(1, 3, section)
    file.write_bytes(file.read_bytes() + b"more")
    with pytest.raises(BackupError, match="header of a part of the log is damaged"):
        shelf.take(file, section)


HEADER: dict[str, Any] = {
    "format": 1, "store": STORE, "generation": GENERATION, "first": 1, "last": 1, "since": 1.0,
    "captured_at": 2.0, "stamp": None, "previous": None, "digest": "0" * 64, "octets": 10,
    "compression": "zstd", "encryption": None, "size": 10, "sha256": "0" * 64, "signature": None,
}  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"x" * 5000,
        b"[1]\n",
        b"null\n",
        b'{"format": 1}\n',
        b'{"format": 1, "format": 1}\n',
        b"[" * 4000 + b"\n",
        *(
            json.dumps(HEADER | change).encode() + b"\n"
            for change in (
                {"last": 0}, {"first": 2}, {"octets": 2**40}, {"size": 2**40}, {"stamp": "1"},
                {"generation": "../../../etc/abc"}, {"since": float("nan")}, {"more": 1},
                {"captured_at": 1e300},
            )
        ),
    ],
)  # fmt: skip
def test_rubbish_is_no_header(data: bytes) -> None:
    with pytest.raises(BackupError, match="damaged"):
        segments.parse_header(data)


def test_a_header_of_a_newer_jobstore_says_so() -> None:
    assert Shipped.model_validate(HEADER).first == 1
    with pytest.raises(BackupError, match="upgrade jobstore"):
        segments.parse_header(json.dumps(HEADER | {"format": 2}).encode() + b"\n")


def test_a_listing_has_what_looks_like_the_log_and_tells_what_does_not(
    shelf: Shelf, section: BackupSection
) -> None:
    file = shelf.put(1, 2, section)
    for name in ("x.log", "notes.txt", segments.name_of("jobs", GENERATION, 3, 3)):
        (shelf.folder / name).touch()
    (shelf.folder / f"jobs-{GENERATION}-0000000009-0000000003.log").write_text("upside down")
    (shelf.folder / segments.name_of("jobs", GENERATION, 7, 7)).mkdir()
    names, faults = listing(shelf.place)
    assert [each.file for each in names] == [file.name]
    assert names[0].size == file.stat().st_size
    assert len(faults) == 3
    assert all("is no part of a log" in each for each in faults)
