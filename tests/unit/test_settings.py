"""Store URLs and settings: understood, or refused with a word on what to write."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import jobstore
from jobstore import connecting
from jobstore.engines.backend import Capability
from jobstore.errors import InvalidSettings, StoreUnavailable
from jobstore.settings import EngineOptions, StoreURL, parse_store_url, sqlite_url
from tests.fixtures.cases import each_case

Opened = Callable[..., Any]


@each_case(
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


@pytest.mark.parametrize("kind", [Path, str])
async def test_a_store_is_opened_by_its_path(
    kind: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "100% #?.db", Path("near.db")):
        async with jobstore.connect(kind(path), migrate=True) as store:
            assert await store.count() == 0
        assert path.is_file()


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (Path(":memory:"), "in memory"),
        (":memory:", "in memory"),
        ("\ud800.db", "not UTF-8"),
        (Path("\ud800.db"), "not UTF-8"),
        ("folder/", "names no file"),
        ("", "does not begin with sqlite:///"),
        ("a\0b", "NUL"),
        (b"jobs.db", "must be text"),
    ],
)
async def test_a_path_that_is_no_store_is_refused(path: Any, told: str) -> None:
    with pytest.raises(StoreUnavailable, match=told):
        await jobstore.connect(path)


@each_case(
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
        ("mysql+pymysql://localhost/jobs", "cannot open mysql"),
        ("jobs.db", "or postgresql://user@host/jobs"),
        ("mysql://localhost/jobs", "or postgresql://user@host/jobs"),
        ("file:///srv/jobs.db", "cannot open file databases"),
    ],
)
def test_a_url_that_is_no_store_is_refused(url: str, told: str) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        parse_store_url(url)
    assert told in str(caught.value)


@pytest.mark.parametrize("scheme", ["oracle", "sqlite", "mysql", ""])
def test_credentials_are_not_repeated(scheme: str) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        parse_store_url(f"{scheme}://ann:hunter2@host:port/jobs")
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


@each_case(
    ("options", "told"),
    [
        ({"synchronous": "off"}, "synchronous must be full or normal"),
        ({"readers": 0}, "readers must be"),
        ({"readers": 65}, "readers must be"),
        ({"queue_size": 1_000_001}, "queue_size must be"),
        ({"busy_timeout": 0}, "busy_timeout must be"),
        ({"read_timeout": float("nan")}, "read_timeout must be"),
        ({"read_timeout": float("inf")}, "read_timeout must be"),
        ({"switch_interval": -0.001}, "switch_interval must be 0 to 1"),
        ({"switch_interval": float("nan")}, "switch_interval must be 0 to 1"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        EngineOptions(**options)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, with no variable of ours."""
    for name in [name for name in os.environ if name.startswith("JOBSTORE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def opened(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Connect, and return which store an engine was asked to open, and how to drive it."""

    class Asked(Exception):
        """Ends the opening; says what was asked for."""

    class Backend:
        capabilities = frozenset[Capability]()

        async def open(self, address: StoreURL, options: EngineOptions, now: Any, fits: Any) -> Any:
            raise Asked(str(address), options)

    async def asked(*arguments: Any, **options: Any) -> None:
        await jobstore.connect(*arguments, **options)

    def opened(url: str | None = None, options: EngineOptions | None = None) -> Any:
        with pytest.raises(Asked) as caught:
            asyncio.run(asked(url, options=options))
        return caught.value.args

    monkeypatch.setattr(connecting, "backend_of", lambda address: Backend())
    return opened


def test_nothing_said_is_the_default_store_with_the_defaults(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opened() == ("sqlite:///jobs.db", EngineOptions())
    monkeypatch.setenv("JOBSTORE_URL", "")
    monkeypatch.setenv("JOBSTORE_READERS", "")
    assert opened() == ("sqlite:///jobs.db", EngineOptions())
    assert opened("sqlite:///a.db") == ("sqlite:///a.db", EngineOptions())


SAID = {
    "URL": "sqlite:////srv/jobs.db",
    "SYNCHRONOUS": "normal",
    "READERS": "4",
    "QUEUE_SIZE": "500",
    "BUSY_TIMEOUT": "2.5",
    "READ_TIMEOUT": "10",
}
AS_SAID = ("sqlite:////srv/jobs.db", EngineOptions("normal", 4, 500, 2.5, 10.0))


def test_the_environment_says_which_store_and_how_it_is_driven(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**SAID, "TEST_DATA": "anything"}.items():
        monkeypatch.setenv(f"JOBSTORE_{name}", value)
    assert opened() == AS_SAID
    assert opened("sqlite:///a.db") == ("sqlite:///a.db", AS_SAID[1])


def test_so_do_a_dotenv_and_the_file_that_jobstore_config_names(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".env").write_text("".join(f"JOBSTORE_{name}={text}\n" for name, text in SAID.items()))
    assert opened() == AS_SAID
    assert opened("sqlite:///a.db") == ("sqlite:///a.db", AS_SAID[1])
    Path(".env").unlink()
    lines = [f"  {name.lower()}: {text}\n" for name, text in SAID.items()]
    Path("c.yaml").write_text("store:\n" + "".join(lines))
    monkeypatch.setenv("JOBSTORE_CONFIG", "c.yaml")
    assert opened() == AS_SAID
    assert opened("sqlite:///a.db") == ("sqlite:///a.db", AS_SAID[1])


def test_what_is_passed_wins_over_what_is_configured_option_by_option(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("c.yaml").write_text("store: {readers: 2, busy_timeout: 2}")
    monkeypatch.setenv("JOBSTORE_CONFIG", "c.yaml")
    monkeypatch.setenv("JOBSTORE_READ_TIMEOUT", "7")
    # What is passed wins where it is the default, too.
    assert opened("sqlite:///x.db", EngineOptions(readers=3)) == (
        "sqlite:///x.db",
        EngineOptions(readers=3, busy_timeout=2, read_timeout=7),
    )
    assert opened(None, EngineOptions("full", 5))[1] == EngineOptions(
        readers=5, busy_timeout=2, read_timeout=7
    )


def refused(url: str | None = None) -> str:
    """Connect with wrong settings; return what is said of them."""

    async def connected() -> None:
        await jobstore.connect(url)

    with pytest.raises(InvalidSettings) as caught:
        asyncio.run(connected())
    return str(caught.value)


@pytest.mark.parametrize("url", [None, "sqlite:///a.db"])
def test_every_wrong_variable_is_named_and_no_value_is_repeated(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, url: str | None
) -> None:
    monkeypatch.setenv("JOBSTORE_READERS", "hunter2")
    monkeypatch.setenv("JOBSTORE_SYNCHRONOUS", "off")
    monkeypatch.setenv("JOBSTORE_QUEUE_SIZE", "0")
    monkeypatch.setenv("JOBSTORE_ULR", "sqlite:///b.db")
    said = refused(url)
    for told in (
        "store.readers: must be a whole number, 1 to 64 (JOBSTORE_READERS)",
        "store.synchronous: must be full or normal (JOBSTORE_SYNCHRONOUS)",
        "store.queue_size: must be a whole number, 1 to 1,000,000 (JOBSTORE_QUEUE_SIZE)",
        "JOBSTORE_ULR: is no setting; did you mean JOBSTORE_URL?",
    ):
        assert told in said
    assert "hunter2" not in said
    assert list(nowhere.iterdir()) == []


def test_a_url_that_is_none_is_told_as_such_before_settings_are_read(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBSTORE_READERS", "hunter2")

    async def connected() -> None:
        await jobstore.connect("sqlite:jobs.db")

    with pytest.raises(StoreUnavailable, match="write sqlite:///jobs.db"):
        asyncio.run(connected())


def test_a_store_that_is_named_is_opened_without_what_reads_settings(
    nowhere: Path, repository: Path
) -> None:
    program = (
        "import asyncio, sys, jobstore\n"
        "async def main():\n"
        "    await (await jobstore.connect('sqlite:///a.db', migrate=True)).close()\n"
        "asyncio.run(main())\n"
        "print([name for name in ('yaml', 'dotenv', 'pydantic_settings') if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "[]\n"
