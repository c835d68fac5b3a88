"""Making files and folders: modes, owners, links."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobstore import files


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    usual = os.umask(request.param)
    yield request.param
    os.umask(usual)


@pytest.fixture
def chowned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[int, int]]:
    """What root gives away in a folder of another account, whoever runs the tests."""
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _file, user, group: given.append((user, group)))
    monkeypatch.setattr(
        os, "chown", lambda _file, user, group, follow_symlinks: given.append((user, group))
    )
    return given


def test_new_files_and_folders_are_their_owners_alone(tmp_path: Path, umask: int) -> None:
    files.make_folder(tmp_path / "a" / "b")
    os.close(files.open_or_create(tmp_path / "a" / "b" / "lock", os.O_RDWR))
    with files.create(tmp_path / "a" / "made") as made:
        made.write(b"made")
    with files.replacing(tmp_path / "a" / "export") as export:
        export.write(b"export")
    with files.overwriting(tmp_path / "a" / "rejects") as rejects:
        rejects.write(b"rejects")

    made_here = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert {each.name: mode(each) for each in made_here} == dict.fromkeys(
        ("lock", "made", "export", "rejects"), 0o600
    )
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o700, 0o700)


def test_what_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder").chmod(0o755)
    (tmp_path / "file").write_bytes(b"kept")
    (tmp_path / "file").chmod(0o640)

    files.make_folder(tmp_path / "folder")
    os.close(files.open_or_create(tmp_path / "file", os.O_WRONLY))

    assert (mode(tmp_path / "folder"), mode(tmp_path / "file")) == (0o755, 0o640)
    assert (tmp_path / "file").read_bytes() == b"kept"


@pytest.mark.parametrize("kept", [0o600, 0o640, 0o664, 0o444])
def test_a_file_that_is_replaced_gives_its_mode_to_what_replaces_it(
    tmp_path: Path, kept: int
) -> None:
    target = tmp_path / "export.csv"
    target.write_bytes(b"old")
    target.chmod(kept)
    with files.replacing(target) as stream:
        stream.write(b"new")
    assert (target.read_bytes(), mode(target)) == (b"new", kept)


def test_a_group_that_cannot_be_kept_gets_no_rights_by_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_file: int, _user: int, _group: int) -> None:
        raise PermissionError

    target = tmp_path / "export.csv"
    target.write_bytes(b"old")
    target.chmod(0o660)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "fchown", refused)
    with files.replacing(target) as stream:
        stream.write(b"new")
    assert mode(target) == 0o600


def test_a_failed_export_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "export.csv"
    target.write_bytes(b"old")

    def fail() -> None:
        with files.replacing(target) as stream:
            stream.write(b"half")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    assert [each.name for each in tmp_path.iterdir()] == ["export.csv"]
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize("there", [True, False])
def test_files_of_our_own_are_not_made_through_links(tmp_path: Path, there: bool) -> None:
    victim = tmp_path / "victim"
    if there:
        victim.write_bytes(b"precious")
    (tmp_path / "link").symlink_to(victim)

    with pytest.raises(OSError, match="symbolic links"):
        files.open_or_create(tmp_path / "link", os.O_WRONLY | os.O_TRUNC)
    with pytest.raises(FileExistsError):
        files.create(tmp_path / "link")
    with pytest.raises(OSError):
        files.make_folder(tmp_path / "link" / "folder")

    assert victim.exists() is there
    assert not there or victim.read_bytes() == b"precious"


@pytest.mark.parametrize("there", [True, False])
def test_a_link_of_another_account_is_refused_for_what_somebody_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    victim, link = tmp_path / "victim", tmp_path / "link"
    if there:
        victim.write_bytes(b"precious")
    link.symlink_to(victim)
    monkeypatch.setattr(os, "geteuid", lambda: link.lstat().st_uid + 1)
    if link.lstat().st_uid == 0:
        # Links of root are trusted; so this one has to be somebody else's.
        os.chown(link, 12345, 12345, follow_symlinks=False)

    with pytest.raises(OSError, match="another account"), files.replacing(link):
        raise AssertionError("opened")
    with pytest.raises(OSError, match="another account"):
        files.overwriting(link)

    assert victim.exists() is there
    assert not there or victim.read_bytes() == b"precious"


def test_a_link_of_ones_own_leads_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with files.overwriting(tmp_path / "link") as stream:
        stream.write(b"rejects")
    assert (tmp_path / "real").read_bytes() == b"rejects"
    with files.replacing(tmp_path / "link") as stream:
        stream.write(b"export")
    assert (tmp_path / "real").read_bytes() == b"export"
    assert (tmp_path / "link").is_symlink()


def test_what_root_makes_belongs_to_the_owner_of_its_folder(
    tmp_path: Path, chowned: list[tuple[int, int]]
) -> None:
    folder = tmp_path.stat()
    owner = (folder.st_uid, folder.st_gid)

    files.make_folder(tmp_path / "state")
    os.close(files.open_or_create(tmp_path / "lock", os.O_RDWR))
    files.create(tmp_path / "made").close()

    assert chowned == [owner, owner, owner]


def test_whoever_is_not_root_gives_nothing_away(
    tmp_path: Path, chowned: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    files.make_folder(tmp_path / "state")
    files.create(tmp_path / "made").close()
    assert chowned == []


@pytest.mark.parametrize(
    ("bits", "told"),
    [
        (0o600, None),
        (0o644, None),
        (0o620, None),
        (0o602, "mode 0602 lets others write"),
        (0o1777, "mode 1777 lets others write"),
    ],
)
def test_what_others_may_write_is_told(
    tmp_path: Path, bits: int, told: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pwd, "getpwall", list)
    monkeypatch.setattr(grp, "getgrgid", {}.__getitem__)
    path = tmp_path / "file"
    path.touch()
    path.chmod(bits)
    assert files.exposure(path, path.stat().st_uid) == told


@pytest.mark.parametrize(
    ("name", "primary", "members", "others"),
    [
        ("me", ["me"], [], False),
        ("me", ["me"], ["me", "root"], False),
        ("root", ["root"], [], False),
        ("me", ["me", "other"], [], True),
        ("me", ["me"], ["other"], True),
        ("root", ["root"], ["me", "other"], True),
        # Of one with a name of its own nobody can say who is in it.
        ("users", ["me"], [], True),
        ("me", [], ["me"], True),
    ],
)
def test_a_group_counts_when_it_has_others_in_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    primary: list[str],
    members: list[str],
    others: bool,
) -> None:
    path = tmp_path / "file"
    path.touch()
    path.chmod(0o660)
    ids = {"root": 0, "me": 4711, "other": 4712}
    users = {
        id: pwd.struct_passwd((each, "", id, 5 if each in primary else 99999, "", "", ""))
        for each, id in ids.items()
    }
    real = path.stat()
    state = os.stat_result((real.st_mode, 0, 0, 1, 4711, 5, 0, 0, 0, 0))
    monkeypatch.setattr(Path, "stat", lambda _: state)
    monkeypatch.setattr(pwd, "getpwall", lambda: [*users.values()])
    monkeypatch.setattr(pwd, "getpwuid", users.__getitem__)
    monkeypatch.setattr(grp, "getgrgid", {5: grp.struct_group((name, "", 5, members))}.__getitem__)
    expected = "mode 0660 lets others write" if others else None
    assert files.exposure(path, 4711) == expected
    assert files.others_may_write(state, 4711, nameless=True) is others


def test_a_group_without_a_name_is_what_the_caller_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grp, "getgrgid", {}.__getitem__)
    state = os.stat_result((0o660, 0, 0, 1, 9, 9, 0, 0, 0, 0))
    assert files.others_may_write(state, 9, nameless=True)
    assert not files.others_may_write(state, 9, nameless=False)


def test_only_a_file_is_opened_as_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"text")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    for follow in (True, False):
        with files.open_plain(tmp_path / "file", follow=follow) as stream:
            assert stream.read() == b"text"
        for other in (tmp_path, tmp_path / "pipe", Path(os.devnull)):
            with pytest.raises(files.NoPlainFile):
                files.open_plain(other, follow=follow)
        with pytest.raises(FileNotFoundError):
            files.open_plain(tmp_path / "absent", follow=follow)
    with files.open_plain(tmp_path / "link", follow=True) as stream:
        assert stream.read() == b"text"
    with pytest.raises(files.NoPlainFile):
        files.open_plain(tmp_path / "link")


def test_the_owner_of_a_file_may_write_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.touch(0o600)
    state = path.stat()
    monkeypatch.setattr(
        Path, "stat", lambda _: os.stat_result((state.st_mode, 0, 0, 1, 4711, 4711, 0, 0, 0, 0))
    )
    assert files.exposure(path, 1000) == "belongs to another account"
    assert files.exposure(path, 4711) is None


def test_what_is_not_there_is_not_exposed(tmp_path: Path) -> None:
    assert files.exposure(tmp_path / "absent", 0) is None
    (tmp_path / "file").touch()
    assert files.exposure(tmp_path / "file" / "below", 0) is None
