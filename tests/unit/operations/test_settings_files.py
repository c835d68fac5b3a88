"""Files that are no configuration: refused with the file, the line and what is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jobstore.errors import InvalidSettings
from jobstore.settings.loading import load
from tests.unit.operations.configurations import loaded, refused


def _refused(path: Path) -> str:
    with pytest.raises(InvalidSettings) as caught:
        load(path, environment={}, folder=path.parent)
    (fault,) = caught.value.faults
    return str(fault).removeprefix(str(path))


@pytest.mark.parametrize(
    ("yaml", "told"),
    [
        ("- a", "config.yaml: has a list at the top; it must have sections, such as store:"),
        ("word", "config.yaml: has a single value at the top; it must have sections"),
        ("store:\n\treaders: 3", "config.yaml, line 2: has a tab; YAML is indented with spaces"),
        ("store:\n  readers: 3\n  readers: 4", "line 3: the key readers stands on line 2 already"),
        ("store: {}\nhealth: {}\nstore: {}", "line 3: the key store stands on line 1 already"),
        ("store: &a {}\nhealth: *a", "config.yaml, line 2: has an alias (*name), which is not"),
        ("a: &a [*a]", "config.yaml, line 1: has an alias (*name), which is not allowed"),
        ("store: !!python/object:os.system hunter2", "line 1: has a tag (!name), which is not"),
        ("store: !mine {}", "config.yaml, line 1: has a tag (!name), which is not allowed"),
        ("backup: {places: !mine []}", "config.yaml, line 1: has a tag (!name), which is not"),
        ("store:\n  readers: !!int hunter2", "line 2: has a tag (!name), which is not allowed"),
        ("store:\n  readers: !!bool hunter2", "line 2: has a tag (!name), which is not allowed"),
        ("a: 1\n---\nb: 2", "config.yaml, line 2: is no YAML: expected a single document"),
        ("? [a]\n: b", "config.yaml, line 1: has a key that is no single word"),
        ("store: {readers: 3", "config.yaml, line 1: is no YAML: while parsing a flow mapping"),
        ('store:\n  url: "a\\q"', "config.yaml, line 2: is no YAML: "),
        ("store: {}\x01", "config.yaml: has characters that YAML does not allow"),
        ("[" * 100_000, "config.yaml, line 1: is nested too deeply"),
        ("a: b\n" * 100_000, "config.yaml: is larger than 256 KiB; this is no configuration"),
    ],
)
def test_yaml_that_cannot_be_taken(tmp_path: Path, yaml: str, told: str) -> None:
    (fault,) = refused(tmp_path, yaml)
    assert told in fault
    assert "hunter2" not in fault


def test_scalars_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    yaml = (
        "schedule: {backup_at: 02:30}\n"
        "monitoring: {enabled: off}\n"
        "store: {readers: 010, busy_timeout: 1.5e1}\n"
        "backup: {identity_file: ~, folder: 2024-01-02}\n"
    )
    found = loaded(tmp_path, yaml).settings
    assert found.schedule.backup_at == "02:30"
    assert (found.monitoring.enabled, found.store.readers) == (False, 10)
    assert (found.store.busy_timeout, found.backup.identity_file) == (15.0, None)
    assert str(found.backup.folder) == "2024-01-02"


def test_a_file_that_is_no_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"store:\n  url: \xff\n")
    assert _refused(path) == ", line 2: is not UTF-8"
    path.write_bytes("\ufeffstore: {readers: 2}".encode())
    assert load(path, environment={}, folder=tmp_path).settings.store.readers == 2


def test_what_is_no_file(tmp_path: Path) -> None:
    assert _refused(tmp_path / "none") == ": there is no such file"
    assert _refused(tmp_path) == ": is a folder; name a file"
    assert _refused(Path(os.devnull)) == ": is no regular file"
    # An empty name is not no name.
    with pytest.raises(InvalidSettings, match="is a folder; name a file"):
        load("", environment={}, folder=tmp_path)
    assert _refused(tmp_path / "a\0b") == ": cannot be read: is no name of a file"
    assert _refused(tmp_path / ("x" * 300)) == ": cannot be read: File name too long"
    os.mkfifo(tmp_path / "pipe")
    assert _refused(tmp_path / "pipe") == ": is no regular file"
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert _refused(tmp_path / "loop") == ": cannot be read: Too many levels of symbolic links"


def test_a_file_that_nobody_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("store: {}")
    path.chmod(0)
    if os.geteuid() == 0:
        # Root may read anything; the answer of the system is made up.
        def forbidden(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(os, "open", forbidden)
    assert _refused(path) == ": cannot be read: Permission denied"


@pytest.mark.parametrize(
    ("dotenv", "told"),
    [
        ("JOBSTORE_READERS 4\n", ".env, line 1: must be NAME=value"),
        ("\n\nJOBSTORE_READERS\n", ".env, line 3: JOBSTORE_READERS has no value; write"),
        ('\nJOBSTORE_READERS="4\n', ".env, line 2: must be NAME=value"),
        ("JOBSTORE_READERS=4\n\nexport JOBSTORE_READERS=5", "line 3: JOBSTORE_READERS stands here"),
        ("A=1\n" * 100_000, ".env: is larger than 256 KiB"),
    ],
)
def test_a_dotenv_that_cannot_be_taken(tmp_path: Path, dotenv: str, told: str) -> None:
    (fault,) = refused(tmp_path, dotenv=dotenv)
    assert told in fault


def test_what_a_dotenv_may_look_like(tmp_path: Path) -> None:
    dotenv = (
        "# a comment\n\nexport JOBSTORE_READERS='4'  # another\n"
        'JOBSTORE_BACKUP__IDENTITY_FILE="/srv/$HOME"\nOTHER=1\nOTHER=2\n'
    )
    found = loaded(tmp_path, dotenv=dotenv).settings
    assert found.store.readers == 4
    assert found.backup.identity_file == Path("/srv/$HOME")


def test_lines_of_other_programs_in_a_dotenv_are_theirs(tmp_path: Path) -> None:
    dotenv = 'DJANGO_DEBUG\nsource other.sh\nNAME="not closed\nexport\nJOBSTORE_READERS=4\n'
    assert loaded(tmp_path, dotenv=dotenv).settings.store.readers == 4
    (fault,) = refused(tmp_path, "logging:\n  level: ${DJANGO_DEBUG}\n", dotenv)
    assert "takes DJANGO_DEBUG, which is not set" in fault


def test_a_folder_that_is_called_dotenv_is_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert loaded(tmp_path).files == ()
