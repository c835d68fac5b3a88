"""What goes to terminals and programs: JSON, salaries, hostile text."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from jobstore.cli.output import complain, console, counted, marked, plain, salary, say
from jobstore.json_text import to_json
from jobstore.records import FacetCount, Workplace
from tests.fixtures.cases import each_case


def test_json_keeps_decimals_exact_and_writes_times_in_utc() -> None:
    value = {
        "amount": Decimal("90071992547409931.10"),
        "tiny": Decimal("1E-7"),
        "at": datetime(2025, 10, 1, 12, tzinfo=timezone(timedelta(hours=2))),
        "day": date(2025, 10, 1),
        "id": UUID(int=5),
        "kind": Workplace.REMOTE,
        "facets": [FacetCount("Größe", 2)],
    }
    text = to_json(value)
    assert '"amount": 90071992547409931.10' in text
    assert '"tiny": 0.0000001' in text
    assert json.loads(text) == {
        "amount": 90071992547409931.10,
        "tiny": 1e-7,
        "at": "2025-10-01T10:00:00Z",
        "day": "2025-10-01",
        "id": "00000000-0000-0000-0000-000000000005",
        "kind": "remote",
        "facets": [{"value": "Größe", "count": 2}],
    }


def test_json_writes_keys_that_are_days() -> None:
    assert to_json({date(2025, 1, 2): 3}) == '{"2025-01-02": 3}'


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_any_json_value_survives(value: object) -> None:
    assert json.loads(to_json(value)) == value


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_shown(text: str) -> None:
    shown = plain(text)
    assert len(shown) == len(text)
    assert not set(shown) & {chr(code) for code in (*range(9), *range(11, 32), *range(127, 160))}


def test_direction_overrides_are_not_shown() -> None:
    assert plain("a\u202eb\u2066c") == "a\ufffdb\ufffdc"


def test_tables_show_nothing_to_obey_whoever_made_them(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("\x9bhead", box=None)
    table.add_row(Text("a\x1b[2Jb\u202e"), "[bold]c\x07[/bold]")
    console().print(table, Text("d\x9d"))
    shown = capsys.readouterr().out
    assert "a\ufffd[2J" in shown
    assert plain(shown) == shown


def test_a_complaint_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    complain("first\nsecond\x1b[2J")
    assert capsys.readouterr().err == "Error: first second\ufffd[2J\n"


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    say("hello", quiet=True)
    assert capsys.readouterr() == ("", "")


@each_case(
    ("low", "high", "currency", "period", "text", "shown"),
    [
        (None, None, None, None, None, ""),
        (None, None, None, None, "a lot", "a lot"),
        ("90000", "120000.5", "USD", "year", "x", "USD 90,000-120,000.50 a year"),
        ("20", "20", "EUR", "hour", None, "EUR 20 an hour"),
        ("20", None, None, None, None, "from 20"),
        (None, "20.25", "EUR", None, None, "EUR up to 20.25"),
    ],
)
def test_salaries_read_well(
    low: str | None,
    high: str | None,
    currency: str | None,
    period: str | None,
    text: str | None,
    shown: str,
) -> None:
    posting = SimpleNamespace(
        salary_min=low and Decimal(low),
        salary_max=high and Decimal(high),
        salary_currency=currency,
        salary_period=period,
        salary_text=text,
    )
    assert salary(posting) == shown


def test_a_snippet_shows_the_first_word_that_was_found() -> None:
    text = marked("…" + "word " * 100 + "**needle** " + "word " * 100)
    assert "needle" in text.plain
    assert text.cell_len <= 151
    assert marked("short **one**").plain == "short one"


def test_markup_in_texts_is_no_markup() -> None:
    assert marked("[bold]x[/bold] **[red]**").plain == "[bold]x[/bold] [red]"


def test_counts_are_words() -> None:
    assert [counted(n, "posting") for n in (0, 1, 1234)] == [
        "0 postings",
        "1 posting",
        "1,234 postings",
    ]
