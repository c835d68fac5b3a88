"""Files of every format to begin with, the names that they use, and reading one to its end."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path

from jobstore.errors import InvalidPosting
from jobstore.exchange import IMPORT_FORMATS, BrokenFile, open_records
from jobstore.exchange.csv_ import CsvWriter
from jobstore.exchange.jsonl import JsonLinesWriter
from jobstore.intake.validation import check_posting
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


def _own(kind: Callable[[io.StringIO], JsonLinesWriter | CsvWriter]) -> str:
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


ENVELOPE = (
    '{"meta": {"n": [1]}, "jobs": [{"title": "Tü", "company": "A", "url": "https://x.example"}]}'
)
ODD = 'sep=;\nOur jobs\n\nTitle;Title;;"Com\npany"\n\'a\';b;;c;\n1;2\n"x ""y""";"z;";;d\r\n;;;\n'
BROKEN = "{'title': 'x', // y\n 'url': [1,],}\n{\"a\": 1}}{\"b\": NaN},\n[{\"c\": 1},]"

FILES = {
    "envelope": ENVELOPE,
    "odd table": ODD,
    "broken json": BROKEN,
    "jsonl": _own(JsonLinesWriter),
    "csv": _own(CsvWriter),
    "jobspy": JOBSPY,
    "ats": BOARD,
    "simplify": SIMPLIFY,
    "linkedin": LINKEDIN,
    "schema-org": DOCUMENT,
    "page": PAGE,
}
VALUE_NAMES = (
    "@type @value name address addressCountry value minValue maxValue currency unitText"
    " propertyID url sameAs"
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
