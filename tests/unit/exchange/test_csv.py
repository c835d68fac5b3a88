"""CSV with columns of our own, and with columns that are mapped."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

import pytest

from jobstore.errors import InvalidPosting
from jobstore.exchange import BrokenFile, parse_columns
from jobstore.exchange.csv_ import CsvWriter
from jobstore.exchange.jsonl import FIELDS
from jobstore.intake.lenient import take_in
from jobstore.intake.validation import check_posting
from tests.unit.exchange.conftest import Read, export_with, full_job, make_job, posting

OWN = "source,source_job_id,title,company"


written = partial(export_with, CsvWriter)


def test_an_exported_posting_comes_back_as_it_was(read: Read) -> None:
    job = full_job()
    bare, full = read(written(make_job(), job))
    checked = check_posting(posting(full))
    for name in FIELDS[1:]:
        value = getattr(job, name)
        assert getattr(checked, name) == (value.strip() if name == "description" else value)
    assert set(posting(bare)) == {
        "source",
        "source_job_id",
        "title",
        "company",
        "status",
        "first_seen_at",
        "last_seen_at",
    }


@pytest.mark.parametrize("amount", ["1.125", "999.999", "0.125", "1234.567", "45", "45.5"])
def test_an_amount_of_three_decimals_comes_back_as_it_was(read: Read, amount: str) -> None:
    job = make_job(salary_min=Decimal(amount))
    (record,) = read(written(job))
    assert check_posting(posting(record)).salary_min == Decimal(amount)
    assert take_in(posting(record))[0].salary_min == Decimal(amount)


def test_cells_are_exported_exactly_also_if_they_look_like_formulas() -> None:
    assert "\nboard" not in written(make_job(title="=1+1"))
    assert ",=1+1,Acme," in written(make_job(title="=1+1"))


def test_other_columns_go_into_attributes(read: Read) -> None:
    (record,) = read(f'{OWN},team,attributes\nb,1,t,c,blue,"{{""a"": 1}}"\n')
    assert posting(record)["attributes"] == {"a": 1, "team": "blue"}


def test_skills_may_be_json_or_a_plain_list(read: Read) -> None:
    records = read(f'{OWN},skills\nb,1,t,c,"[""C++"", ""a, b""]"\nb,2,t,c,"SQL, Rust"\n')
    assert posting(records[0])["skills"] == ["C++", "a, b"]
    assert posting(records[1])["skills"] == ["SQL", "Rust"]


def test_cells_that_are_no_json_cost_no_posting(read: Read) -> None:
    rows = read(
        f"{OWN},skills,locations,attributes,team\n"
        "b,1,t,c,\"['SQL', 'Go']\",[Rome],{x,blue\n"
        "b,2,t,c,['SQL' 'Go'],Rome; Bonn,[1],blue\n"
        'b,3,t,c,[SQL,"[{""text"": ""Rome""}]",x,\n'
        "b,4,t,c,,,,,x\n"
    )
    assert "cells" in (rows[3].fault or "")
    (one, left), (two, also_left), (three, still_left) = (take_in(posting(row)) for row in rows[:3])
    assert (one.skills, two.skills, three.skills) == (["SQL", "Go"], ["SQL", "Go"], ["[SQL"])
    assert [[place.text for place in each.locations] for each in (one, two, three)] == [
        ["Rome"],
        ["Rome", "Bonn"],
        ["Rome"],
    ]
    assert one.attributes == {"attributes": "{x", "team": "blue"}
    assert two.attributes == {"attributes": [1], "team": "blue"}
    assert three.attributes == {"attributes": "x"}
    fields = [{omission.field for omission in each} for each in (left, also_left, still_left)]
    assert fields == [{"attributes", "team"}, {"attributes", "team"}, {"attributes"}]
    with pytest.raises(InvalidPosting, match="skills"):
        check_posting(posting(rows[0]))


def test_counts_may_be_written_as_floats(read: Read) -> None:
    (record,) = read(f"{OWN},applicant_count,id\nb,1,t,c,12.0,ignored\n")
    assert posting(record)["applicant_count"] == 12
    assert "id" not in posting(record)


MAP = "title=Job Title,company=Employer,location=Where,salary_text=Pay,url=Link,posted_at=Date"
HEADER = ",Job Title,Employer,Where,Pay,Link,Date,Extra\n"


def test_a_foreign_table_is_mapped(read: Read) -> None:
    (record,) = read(
        HEADER + "0,Engineer,Acme,Berlin,$40k-$50k,www.linkedin.com/jobs/view/x-12?trk=a,"
        "2026-01-01,more\n",
        columns=parse_columns(MAP),
    )
    assert posting(record) == {
        "source": "linkedin",  # the board, whatever its host
        "source_job_id": "12",
        "title": "Engineer",
        "company": "Acme",
        "location": "Berlin",
        "salary_text": "$40k-$50k",
        "url": "https://www.linkedin.com/jobs/view/x-12?trk=a",
        "posted_at": "2026-01-01",
        "attributes": {"Extra": "more"},
    }


def test_rows_without_an_id_get_the_same_one_wherever_they_are(read: Read) -> None:
    rows = "0,Engineer,Acme,Berlin,,,,\n1,Engineer,Acme,Bonn,,,,\n"
    rows += "7,engineer,ACME ,Berlin,,,,x\n"
    records = read(HEADER + rows, "csv", columns=parse_columns(MAP), source="board")
    keys = [posting(record)["source_job_id"] for record in records]
    assert keys[0] == keys[2] != keys[1]
    assert posting(records[0]) == {
        "source": "board",
        "source_job_id": keys[0],
        "title": "Engineer",
        "company": "Acme",
        "location": "Berlin",
    }


def test_all_kinds_of_fields_can_be_mapped(read: Read) -> None:
    columns = parse_columns(
        "source=S,source_job_id=I,title=T,company=C,skills=K,applicant_count=A,"
        "salary_min=P,salary_text=Q,expires_at=E"
    )
    rows = 'S,I,T,C,K,A,P,Q,E\nb,1,t,c,"x, y",3.0,5,$9 an hour,2026-01-31\nfew\n'
    good, bad = read(rows, columns=columns)
    assert bad.fault == "has 1 cell where the header has 9"
    assert posting(good) == {
        "source": "b",
        "source_job_id": "1",
        "title": "t",
        "company": "c",
        "skills": "x, y",
        "applicant_count": "3.0",
        "salary_min": "5",
        "salary_text": "$9 an hour",
        "expires_at": "2026-01-31",
    }


def test_a_column_that_is_not_there_breaks_the_file(read: Read) -> None:
    with pytest.raises(BrokenFile, match="has no column 'Job Title'; it has a, b"):
        read("a,b\n1,2\n", columns=parse_columns(MAP))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title", "not of the form"),
        ("title=", "not of the form"),
        ("name=Name", "no field of a posting"),
        ("attributes=Rest", "no field of a posting"),
        ("title=a, title=b", "'title' is given twice"),
    ],
)
def test_a_mapping_that_cannot_be_read_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_columns(text)
