"""Recognising formats, options, and batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobstore.exchange import IMPORT_FORMATS, BrokenFile, Record, batches, open_records
from jobstore.exchange.recognition import recognise
from tests.fixtures.cases import each_case
from tests.unit.exchange.conftest import Read, posting

OURS = '{"source": "b", "source_job_id": "1", "title": "T", "company": "C"'


@each_case(
    ("head", "format"),
    [
        (OURS + "}", "jsonl"),
        (OURS + ', "attributes": {"@type": "x", "site": 1, "job_url": 2}}', "jsonl"),
        (OURS + ', "description": "cut sho', "jsonl"),
        ("{broken\n" + OURS + "}", "jsonl"),
        ("[\n " + OURS + "}]", "jsonl"),
        ("[ ]\n", "jsonl"),
        ("\n<html>", "schema-org"),
        ('{"@context": "https://schema.org", "@type" : "JobPosting"}', "schema-org"),
        ('[{"site": "x", "job_url": "y"', "jobspy"),
        ('[{"company_slug": "x", "id": 1, "title": "y"', "ats"),
        ('[{"company_name": "x", "active": true, "locations": []', "simplify"),
        ("id;source;source_job_id;title;company", "csv"),
        ('"id","site","job_url","title"', "jobspy"),
        ("job_id,title,formatted_work_type,location\n1,2,3,4", "linkedin"),
    ],
)
def test_a_format_is_known_by_its_content(head: str, format: str) -> None:
    assert recognise(head.encode(), "the file").format == format
    assert format in IMPORT_FORMATS


@each_case(
    ("head", "told"),
    [
        ("", "the file is empty"),
        ('{"name": 1, "other": {}}', "known by its keys (name, other). See what is in it with"),
        ("just,some,columns\n", "(just, some, columns). See what is in it with jobstore inspect"),
        ("[1, 2", "is JSON, but no format"),
        ("a" * 100, "a" * 40 + "..."),
        (",".join(f"c{number}" for number in range(20)), "c7, ...)"),
    ],
)
def test_what_is_not_known_is_told_with_a_way_on(head: str, told: str) -> None:
    with pytest.raises(BrokenFile) as raised:
        recognise(head.encode(), "the file")
    assert told in str(raised.value)


def test_an_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no import format 'xml'; there are jsonl, csv"):
        open_records(tmp_path / "x", "xml")


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("jsonl", {"source": "x"}),
        ("auto", {"source": "x"}),
        ("csv", {"source": "x"}),
        ("schema-org", {"skills": "x"}),
        ("linkedin", {"source": "x"}),
        ("csv", {"columns": {"title": "t"}, "skills": "x"}),
    ],
)
def test_an_option_that_is_of_no_use_is_refused(
    tmp_path: Path, format: str, options: dict[str, Any]
) -> None:
    path = tmp_path / "x"
    path.write_text(OURS + "}\n")
    with pytest.raises(ValueError, match="has no use for the option"):
        open_records(path, format, **options)


def test_columns_change_the_mapping_of_a_format(read: Read) -> None:
    (record,) = read('[{"id": 1, "company_slug": "a", "t": "T"}]', "ats", columns={"title": "t"})
    assert record.posting == {
        "source": "ats",
        "source_job_id": "a/1",
        "title": "T",
        "company": "a",
    }
    assert len(read("t\nx\n", columns={"title": "t"}, source="s")) == 1


def test_an_option_for_a_pipe_is_checked_when_its_format_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(OURS.encode() + b"}\n")))
    with pytest.raises(ValueError, match="no use for the option 'skills'"):
        next(open_records("-", skills="x"))


def test_batches_lead_from_an_index_back_to_its_row() -> None:
    records = [
        Record(line, None, "broken") if line % 3 == 0 else Record(line, {"n": line})
        for line in range(1, 11)
    ]
    cut = list(batches(records, size=4))
    assert [[record.line for record in batch.broken] for batch in cut] == [[3], [6], [9]]
    for batch in cut:
        assert [{"n": record.line} for record in batch.records] == batch.postings
    assert [len(batch.postings) for batch in cut] == [3, 3, 1]
    assert list(batches([])) == []


def test_batches_are_whole_chunks_of_the_store() -> None:
    sizes = [len(batch.postings) for batch in batches(Record(n, {"n": n}) for n in range(5000))]
    assert sizes == [2048, 2048, 904]


@pytest.mark.parametrize(
    "content",
    [
        "{'title': 'Cook', 'company': 'Acme', 'url': 'https://x.example/jobs/1', 'pay': None}\n",
        "[{'title': 'Cook', 'company': 'Acme', 'url': 'https://x.example/jobs/1', 'on': True}]",
        "{title: 'Cook', company: 'Acme', url: 'https://x.example/jobs/1'}",
        '{"jobs": {"1": {"title": "Cook", "company": "Acme", "url": "https://x.example/jobs/1"}}}',
        '{"n": 1, "data": {"jobs": {"1": {"title": "Cook", "company": "Acme"}}}}',
    ],
)
def test_json_as_people_write_it_maps_itself(read: Read, content: str) -> None:
    (record,) = read(content, source="me")
    assert (posting(record)["title"], posting(record)["company"]) == ("Cook", "Acme")
