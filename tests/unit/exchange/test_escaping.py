"""Exports on a terminal, in a page, in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from jobstore.exchange import Writer, csv_, jsonl, open_records, open_writer, schema_org
from tests.unit.exchange.conftest import export_with, make_job


@pytest.mark.parametrize(
    "kind", [csv_.CsvWriter, jsonl.JsonLinesWriter, schema_org.SchemaOrgWriter]
)
def test_json_holds_no_controls_that_a_terminal_obeys(
    kind: Callable[[io.TextIOBase], Writer],
) -> None:
    nasty = "a\x7f\x9b31m"
    description = None if kind is csv_.CsvWriter else nasty
    job = make_job(skills=[nasty], attributes={nasty: [nasty]}, description=description)
    written = export_with(kind, job)
    assert not re.search("[\x7f-\x9f]", written)
    assert r"a\u007f\u009b31m" in written


class _Page(HTMLParser):
    """Keeps what stands in script elements, and the names of all elements."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.elements: list[str] = []
        self.script = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.elements.append(tag)

    def handle_data(self, data: str) -> None:
        if self.elements[-1:] == ["script"]:
            self.script += data


@pytest.mark.parametrize(
    "text", ["</script><img src=x onerror=alert(1)>", "<!--<script>", "]]>", "&lt;/script&gt;"]
)
def test_a_schema_org_export_stands_in_a_page_as_it_is(text: str) -> None:
    job = make_job(title=text, description=f"<p>{text}</p>", skills=[text])
    written = export_with(schema_org.SchemaOrgWriter, job)
    assert not {*"<>&"} & {*written}
    page = _Page()
    page.feed(f'<script type="application/ld+json">{written}</script>')
    assert page.elements == ["script"]
    (found,) = json.loads(page.script)
    assert (found["title"], found["description"]) == (text, f"<p>{text}</p>")


def test_a_line_end_of_any_kind_in_a_cell_is_no_end_of_its_row() -> None:
    job = make_job(description="one\r=two\r\nthree\nfour")
    written = export_with(csv_.CsvWriter, job)
    header, row = csv.reader(io.StringIO(written, newline=""))
    assert row[header.index("description")] == job.description
    assert written.endswith("\n")
    assert not written.endswith("\r\n")


COMPUTED = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "=cmd|' /C calc'!A0"]


@pytest.mark.parametrize("text", COMPUTED)
def test_a_spreadsheet_computes_nothing_where_that_was_asked_for(text: str, tmp_path: Path) -> None:
    job = make_job(title=text, company=text, description=text, salary_text=text)
    path = tmp_path / "x.csv"
    with open_writer(path, "csv", spreadsheet_safe=True) as writer:
        writer.write(job)
    with path.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["title"] == row["company"] == row["description"] == f"'{text}"
    assert not any(cell.startswith(tuple("=+-@\t\r\n\uff1d")) for cell in row.values())
    # What needs no apostrophe has none, and an import takes none away.
    assert row["source"] == job.source
    (record,) = open_records(path)
    assert record.posting is not None
    assert record.posting["title"] == f"'{text}"


def test_texts_stay_as_they_are_where_nobody_asked() -> None:
    (_, row) = csv.reader(io.StringIO(export_with(csv_.CsvWriter, make_job(title="=1+1"))))
    assert "=1+1" in row


@pytest.mark.parametrize("format", ["jsonl", "schema-org"])
def test_other_formats_need_no_apostrophes(format: str, tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="no use for the option 'spreadsheet_safe'"),
        open_writer(tmp_path / "x", format, spreadsheet_safe=True),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
