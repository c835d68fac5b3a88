"""Store URLs and settings: understood, or refused with a word on what to write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore.connecting import _resolved
from jobstore.errors import StoreUnavailable
from jobstore.settings import (
    EngineOptions,
    parse_store_url,
    sqlite_url,
)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///jobs.db", Path("jobs.db").absolute()),
        ("sqlite:///a/b.db", Path("a/b.db").absolute()),
        ("sqlite:////srv/jobs.db", Path("/srv/jobs.db")),
        ("SQLite:////srv/jobs.db", Path("/srv/jobs.db")),
        ("sqlite:////srv/my%20jobs.db", Path("/srv/my jobs.db")),
        ("sqlite:////srv/100%25%3F%23.db", Path("/srv/100%?#.db")),
        ("sqlite:////srv/%C3%84.db", Path("/srv/Ä.db")),
        ("sqlite:////srv/求人.db", Path("/srv/求人.db")),
    ],
)
def test_a_url_names_a_file(url: str, path: Path) -> None:
    parsed = parse_store_url(url)
    assert (parsed.engine, parsed.path, str(parsed)) == ("sqlite", path, url)
    assert parse_store_url(parsed) is parsed


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "does not begin with sqlite:///"),
        ("jobs.db", "write sqlite:///jobs.db"),
        ("/srv/jobs.db", "write sqlite:///jobs.db"),
        ("sqlite:", "three slashes"),
        ("sqlite://", "three slashes"),
        ("sqlite:jobs.db", "three slashes"),
        ("sqlite://jobs.db", "three slashes"),
        ("sqlite:///", "names no file"),
        ("sqlite:///folder/", "names no file"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:///jobs.db?mode=ro", "no parameters"),
        ("sqlite:///jobs.db?", "no parameters"),
        ("sqlite:///jobs.db#top", "%23"),
        ("sqlite:///100%.db", "%25"),
        ("sqlite:///a%00b", "NUL"),
        ("sqlite:///a\nb", "control characters"),
        ("http://[::1", "malformed"),
        ("postgresql://localhost/jobs", "cannot open postgresql databases; write sqlite"),
        ("mysql+pymysql://localhost/jobs", "cannot open mysql"),
        ("file:///srv/jobs.db", "cannot open file databases"),
    ],
)
def test_a_url_that_is_no_store_is_refused(url: str, told: str) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        parse_store_url(url)
    assert told in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "sqlite", "mysql", ""])
def test_credentials_are_not_repeated(scheme: str) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        parse_store_url(f"{scheme}://ann:hunter2@host/jobs")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_any_path_survives_its_url(name: str) -> None:
    path = Path("/srv") / f"_{name.rstrip('/')}"
    assert parse_store_url(sqlite_url(path)).path == path


@given(st.text())
def test_any_text_is_understood_or_refused(url: str) -> None:
    for text in (url, f"sqlite:///{url}"):
        try:
            path = parse_store_url(text).path
        except StoreUnavailable:
            continue
        assert path.is_absolute()


def test_a_file_name_that_is_not_utf8_is_refused_however_it_is_written() -> None:
    path = Path(os.fsdecode(b"/srv/\xff.db"))
    assert sqlite_url(path) == "sqlite:////srv/%FF.db"
    for url in ("sqlite:////srv/%FF.db", f"sqlite:///{path}", f"{path}", "sqlite:////\ud800.db"):
        with pytest.raises(StoreUnavailable, match="is not UTF-8; give the file a name that is"):
            parse_store_url(url)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"synchronous": "off"}, "synchronous must be full or normal"),
        ({"readers": 0}, "readers must be"),
        ({"readers": 65}, "readers must be"),
        ({"queue_size": 1_000_001}, "queue_size must be"),
        ({"busy_timeout": 0}, "busy_timeout must be"),
        ({"read_timeout": float("nan")}, "read_timeout must be"),
        ({"read_timeout": float("inf")}, "read_timeout must be"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        EngineOptions(**options)  # type: ignore[arg-type]


def test_what_is_passed_wins_over_what_is_configured_option_by_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.yaml").write_text("store: {readers: 2, busy_timeout: 2}")
    monkeypatch.setenv("JOBSTORE_CONFIG", str(tmp_path / "config.yaml"))
    monkeypatch.setenv("JOBSTORE_READ_TIMEOUT", "7")
    address, options = _resolved("sqlite:////srv/x.db", EngineOptions(readers=3))
    assert str(address) == "sqlite:////srv/x.db"
    assert options == EngineOptions(readers=3, busy_timeout=2, read_timeout=7)
