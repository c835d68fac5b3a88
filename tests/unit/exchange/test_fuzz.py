"""Whatever a file holds, reading it gives records or BrokenFile, and nothing else."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jobstore.errors import InvalidPosting
from jobstore.exchange import IMPORT_FORMATS, BrokenFile, open_records
from jobstore.exchange.csv_ import Writer as CsvWriter
from jobstore.exchange.jsonl import Writer
from jobstore.intake import check_posting
from tests.unit.exchange.conftest import full_job, make_job

FORMATS = ("auto", *IMPORT_FORMATS)

JOBSPY = (
    '[{"id": "in-1", "site": "x", "job_url": "https://x.example", "title": "T", "skills": "a"}]'
)
BOARD = '[{"id": 1, "company_slug": "a", "title": "T", "url": "https://x.example"}, {"id": 2}]'
SIMPLIFY = '[{"company_name": "A", "locations": ["B"], "active": false, "date_posted": 1}]'
LINKEDIN = (
    "job_id,title,formatted_work_type,min_salary,pay_period,listed_time\n"
    '1,"T\nU",Full-time,5.0,HOURLY,1713397508000.0\n'
)
DOCUMENT = json.dumps(
    {
        "@graph": [
            {"@type": "JobPosting", "title": "Tü", "jobLocation": [{"address": {"x": 1}}]},
            {"@type": "JobPosting", "baseSalary": {"value": "$5"}, "skills": [{}, "a"]},
        ]
    },
    ensure_ascii=False,
)
PAGE = f'<html><!-- x --><script type="application/ld+json">{DOCUMENT}</script></html>'


def _own(kind: Callable[[io.StringIO], Writer | CsvWriter]) -> str:
    stream = io.StringIO()
    writer = kind(stream)
    writer.write(make_job())
    writer.write(full_job())
    return stream.getvalue()


def survive(path: Path, content: bytes, format: str) -> None:
    path.write_bytes(content)
    with contextlib.suppress(BrokenFile):
        for record in open_records(path, format):
            assert (record.posting is None) != (record.fault is None)
            if record.posting is not None:
                with contextlib.suppress(InvalidPosting):
                    check_posting(record.posting)


@pytest.mark.parametrize(
    "content",
    [_own(Writer), _own(CsvWriter), JOBSPY, BOARD, SIMPLIFY, LINKEDIN, DOCUMENT, PAGE],
    ids=["jsonl", "csv", "jobspy", "ats", "simplify", "linkedin", "schema-org", "page"],
)
def test_a_file_may_end_anywhere(tmp_path: Path, content: str) -> None:
    data = content.encode()
    packed = gzip.compress(data)
    for end in range(len(data)):
        survive(tmp_path / "input", data[:end], "auto")
    for end in range(len(packed)):
        survive(tmp_path / "input", packed[:end], "auto")
    for format in FORMATS:
        survive(tmp_path / "input", data, format)
        for end in range(0, len(data), 7):
            survive(tmp_path / "input", data[:end], format)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.sampled_from(FORMATS), st.booleans())
@example(b"\x1f\x8b", "auto", False)
@example(b"[{}" + b"\0" * 20, "ats", False)
def test_any_bytes(tmp_path: Path, content: bytes, format: str, packed: bool) -> None:
    survive(tmp_path / "input", gzip.compress(content) if packed else content, format)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(
        [_own(Writer), _own(CsvWriter), JOBSPY, BOARD, SIMPLIFY, LINKEDIN, DOCUMENT, PAGE]
    ),
    st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=5)), min_size=1, max_size=4),
    st.sampled_from(FORMATS),
)
def test_any_damage(
    tmp_path: Path, content: str, damage: list[tuple[int, bytes]], format: str
) -> None:
    data = bytearray(content.encode())
    for place, bytes_ in damage:
        at = place % len(data)
        data[at : at + len(bytes_)] = bytes_
    survive(tmp_path / "input", bytes(data), format)


VALUE_NAMES = (
    "@type @value name address addressCountry value minValue maxValue currency unitText"
    " propertyID url sameAs"
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["JobPosting", "2025-01-01", "$5 an hour", "https://x.example", "a,b", "1e999"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(VALUE_NAMES.split()),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
NAMES = {
    "schema-org": "@id title name hiringOrganization jobLocation url identifier datePosted"
    " baseSalary validThrough employmentType industry skills jobLocationType salaryCurrency"
    " description",
    "jobspy": "id site job_url job_url_direct title company location date_posted job_type skills"
    " interval min_amount is_remote work_from_home_type vacancy_count applications_count",
    "ats": "id company company_slug title location url absolute_url departments updated_at",
    "simplify": "id company_name title active date_posted locations url company_url source",
    "jsonl": "id source source_job_id title skills salary_min attributes posted_at url",
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(NAMES)), st.data())
def test_any_values_of_the_right_names(tmp_path: Path, format: str, data: st.DataObject) -> None:
    names = st.sampled_from(NAMES[format].split())
    row = data.draw(st.dictionaries(names, json_values))
    row["@type"] = "JobPosting"
    survive(tmp_path / "input", json.dumps([row]).encode("utf-8", "surrogatepass"), format)
