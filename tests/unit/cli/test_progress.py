"""Progress on a terminal, and the sizes that it is measured by."""

from __future__ import annotations

import gzip
import io
import lzma
from pathlib import Path

import pytest
from rich.console import Console

from jobstore.cli import progress
from jobstore.cli.progress import Progress, octets_of


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal of 80 columns would get."""
    out = io.StringIO()
    terminal = Console(file=out, width=80, force_terminal=True)
    monkeypatch.setattr(progress, "console", lambda _: terminal)
    return out


def test_a_terminal_shows_rows_and_their_rate(screen: io.StringIO) -> None:
    with Progress("file.jsonl", 1000, quiet=False) as bar:
        bar.advance(0, 0)
        bar.advance(1234, 400)
    assert "file.jsonl" in screen.getvalue()
    assert "1,234" in screen.getvalue()
    assert "/s" in screen.getvalue()


def test_an_input_without_an_end_has_a_rate_all_the_same(screen: io.StringIO) -> None:
    with Progress("stdin", None, quiet=False) as bar:
        bar.advance(5, 100)
    assert "stdin" in screen.getvalue()
    assert "5 " in screen.getvalue()


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_cannot_move_its_cursor_gets_nothing(
    monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    monkeypatch.setenv("TERM", term)
    out = io.StringIO()
    monkeypatch.setattr(progress, "console", lambda _: Console(file=out, force_terminal=True))
    with Progress("file.jsonl", 1000, quiet=False) as bar:
        bar.advance(1, 1)
    assert out.getvalue() == ""


def test_quiet_shows_nothing(screen: io.StringIO) -> None:
    with Progress("file.jsonl", 1000, quiet=True) as bar:
        bar.advance(1, 1)
    assert screen.getvalue() == ""


def test_a_title_is_neither_obeyed_nor_read_as_markup(screen: io.StringIO) -> None:
    with Progress("a\x1b]0;pwn\x07\n[b].jsonl", 1000, quiet=False) as bar:
        bar.advance(1, 1)
    assert "\x1b]0" not in screen.getvalue()
    assert "\x07" not in screen.getvalue()
    assert "a\ufffd]0;pwn\ufffd [b].jsonl" in screen.getvalue()


def test_the_size_of_a_packed_file_is_what_it_unpacks_to(tmp_path: Path) -> None:
    data = b"x" * 100_000
    (tmp_path / "plain").write_bytes(data)
    (tmp_path / "packed").write_bytes(gzip.compress(data))
    (tmp_path / "stump").write_bytes(b"\x1f\x8b")
    assert octets_of(str(tmp_path / "plain")) == octets_of(str(tmp_path / "packed")) == 100_000
    assert octets_of(str(tmp_path / "stump")) == 2
    # It does not say; the bar has no end then.
    (tmp_path / "other").write_bytes(lzma.compress(data))
    assert octets_of(str(tmp_path / "other")) is None
    assert octets_of("-") is octets_of(str(tmp_path)) is None
