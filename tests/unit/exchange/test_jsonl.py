"""jobstore's own JSON Lines."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from jobstore.exchange.jsonl import FIELDS, JsonLinesWriter
from jobstore.intake.validation import check_posting
from tests.unit.exchange.conftest import Read, export_with, full_job, make_job, posting

written = partial(export_with, JsonLinesWriter)


def test_a_line_holds_every_field_that_is_stated(read: Read) -> None:
    line = written(full_job())
    assert line.count("\n") == 1
    assert tuple(json.loads(line)) == FIELDS
    assert "version" not in line


def test_an_exported_posting_comes_back_as_it_was(read: Read) -> None:
    job = full_job()
    (record,) = read(written(job))
    checked = check_posting(posting(record))
    for name in FIELDS[1:]:
        # White space around a text is no part of it.
        value = getattr(job, name)
        assert getattr(checked, name) == (value.strip() if name == "description" else value)


def test_a_line_is_one_line_for_every_reader_and_older_ones_are_read(read: Read) -> None:
    job = make_job(description="a\u2028b\u2029c\x85d")
    line = written(job)
    assert line.splitlines(keepends=True) == [line]
    older = json.dumps(json.loads(line), ensure_ascii=False)
    assert "\u2028" in older
    assert [posting(each)["description"] for each in read(f"{line}{older}\n")] == [
        job.description,
        job.description,
    ]


def test_salaries_keep_all_their_digits(read: Read) -> None:
    job = make_job(salary_min=Decimal("123456789012.345678"), salary_max=Decimal("1E+3"))
    line = written(job)
    assert '"salary_min": 123456789012.345678, "salary_max": 1000,' in line
    (record,) = read(line)
    assert posting(record)["salary_min"] == Decimal("123456789012.345678")


def test_what_the_store_makes_itself_is_ignored_and_unknown_names_are_not(read: Read) -> None:
    (record,) = read(
        '{"id": "x", "version": 9, "updated_at": "y", "source": "b", "source_job_id": "1",'
        ' "title": "T", "company": "C", "wage": 1}'
    )
    assert posting(record) == {
        "source": "b",
        "source_job_id": "1",
        "title": "T",
        "company": "C",
        "wage": 1,
    }


def test_numbers_in_attributes_are_plain_json(read: Read) -> None:
    content = '{"source": "b", "attributes": {"a": [1.50, {"b": 1e400}], "c": 2}}'
    (record,) = read(content, "jsonl")
    assert posting(record)["attributes"] == {"a": [1.5, {"b": float("inf")}], "c": 2}
    assert type(posting(record)["attributes"]["a"][0]) is float


def test_a_number_beyond_all_sense_is_left_to_intake(read: Read) -> None:
    (record,) = read('{"salary_min": 1e99999999999999999999}', "jsonl")
    assert posting(record)["salary_min"] == float("inf")


def test_attributes_that_are_nested_too_deeply_are_a_fault(read: Read) -> None:
    nested = "[" * 900 + "]" * 900
    records = read(f'{{"attributes": {nested}}}\n{{"attributes": []}}', "jsonl")
    assert records[0].fault in ("attributes: nested too deeply", None)
    assert posting(records[1]) == {"attributes": []}


def test_broken_lines_are_reported_and_stop_nothing(read: Read) -> None:
    records = read('{"source": "a"}\nrubbish\n[1]\n"text"\n\n{"source": "b"}\n', "jsonl")
    assert [record.line for record in records] == [1, 2, 3, 4, 6]
    assert [record.fault for record in records] == [
        None,
        "is no valid JSON: Expecting value at character 1",
        "is no JSON object but a list; a table of lists is read as CSV",
        "is no JSON object",
        None,
    ]
    assert records[1].raw == "rubbish"


def test_an_array_of_postings_is_read_as_well(read: Read) -> None:
    records = read('[{"source": "a", "source_job_id": "1", "title": "T"}, 5]')
    assert [record.fault for record in records] == [None, "is no JSON object"]
    assert read("[]") == []


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives(text: str) -> None:
    line = written(make_job(title="T" + text, attributes={"k" + text: text}))
    assert line.splitlines(keepends=True) == [line]
    found = json.loads(line)
    assert found["title"] == "T" + text
    assert found["attributes"] == {"k" + text: text}
