"""Mappings: what they say, how they are refused, and what they make of a row."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from jobstore.exchange import BadMapping, BrokenFile, open_records, parse_columns, postings_from
from jobstore.exchange.catalogue import all_of_them, built_in, names
from jobstore.exchange.converters import CONVERTERS
from jobstore.exchange.mapping import make_mapping, mapping_from_options, read_mapping
from jobstore.intake.given import Translated
from jobstore.intake.lenient import take_in
from tests.fixtures.cases import each_case
from tests.unit.exchange.conftest import Read
from tests.unit.exchange.taking import places, taken, values


def fields(**given: Any) -> dict[str, Any]:
    return {"source": "s", "fields": {"title": "t", "source_job_id": "id", **given}}


def translated(row: dict[str, Any], **given: Any) -> Translated:
    return make_mapping(fields(**given)).translate({"t": "T", "id": "1", **row})


@each_case(
    ("toml", "told"),
    [
        ("", "it maps no field; write [fields]"),
        ("[feilds]\ntitle = 'a'", "'feilds' is not known; did you mean 'fields'?"),
        ("[fields]\ntitel = 'a'", "'fields.titel' is no field of a posting; did you mean 'title'?"),
        ("[fields]\nattributes = 'a'", "'fields.attributes' is no field of a posting"),
        ("[fields]\ntitle = 7", "'fields.title' must be a path or a table"),
        ("[fields]\ntitle = []", "'fields.title' is an empty list"),
        ("[fields]\ntitle = {}", "needs one of 'path', 'paths' and 'each'"),
        ("[fields]\ntitle = {path = 'a', paths = ['b']}", "needs one of 'path'"),
        ("[fields]\ntitle = {pth = 'a'}", "fields.title: 'pth' is not known; did you mean 'path'?"),
        (
            "[fields]\ntitle = {path = 'a', convert = 'epoc'}",
            "'fields.title': there is no converter 'epoc'; did you mean 'epoch'?",
        ),
        ("[fields]\ntitle = 'a[?'", "'fields.title': 'a[?' is no path"),
        ("[fields]\ntitle = 'a || )'", "at character 6, ')' is not expected there"),
        ("[fields]\ntitle = 'a['", "at character 3, it ends too early; a name"),
        ("[fields]\ntitle = 'Pay (USD)'", 'stands in double quotes: "Pay (USD)"'),
        ("[fields]\ntitle = ''", "a path may not be empty"),
        ("[fields]\ntitle = {path = 'a', words = 'x'}", "'fields.title.words' must be a table"),
        ("[fields]\ntitle = {path = 'a', join = 7}", "'fields.title.join' must be text"),
        ("fields = 7", "'fields' must be a table: [fields]"),
        ("name = 7\n[fields]\ntitle = 'a'", "'name' must be text"),
        ("[constants]\ntitel = 'a'\n[fields]\ntitle = 'a'", "'constants.titel' is no field"),
        (
            "[constants]\ncountry = 'Atlantis'\n[fields]\ntitle = 'a'",
            "'constants.country' must be a country's code (ISO 3166-1) or name, not 'Atlantis'",
        ),
        ("[constants]\nsource = ' '\n[fields]\ntitle = 'a'", "'constants.source' is required"),
        (
            "[fields]\nsalary_period = {path = 'a', words = {PA = 'yer'}}",
            "'fields.salary_period.words.PA' must be one of hour, day, week, month",
        ),
        ("[fields]\nworkplace = {value = 'moon'}", "'fields.workplace.value' must be one of"),
        ("[constants]\ntitle = 'a'\n[fields]\ntitle = 'a'", "is in [fields] and in [constants]"),
        ("source = 'a'\n[fields]\ntitle = 'a'\nsource = 'b'", "'source' is in [fields] and at"),
        ("[rows]\nitem = 'a'\n[fields]\ntitle = 'a'", "rows: 'item' is not known; did you mean"),
        ("[rows]\nskip = '||'\n[fields]\ntitle = 'a'", "'rows.skip': '||' is no path"),
        ("[rows]\nprepare = 'x'\n[fields]\ntitle = 'a'", "'rows.prepare': there is no converter"),
        ("recognise = 'a'\n[fields]\ntitle = 'a'", "'recognise' must be a table"),
        ("[recognise]\nkey = ['a']\n[fields]\ntitle = 'a'", "recognise: 'key' is not known"),
        ("[attributes]\na = 'x'\n[fields]\ntitle = 'a'", "'attributes.a': there is no converter"),
    ],
)
def test_what_is_wrong_with_a_mapping_is_told(toml: str, told: str) -> None:
    with pytest.raises(BadMapping) as raised:
        make_mapping(tomllib.loads(toml))
    assert told in str(raised.value)


def test_a_file_that_is_no_mapping_is_named(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    with pytest.raises(BadMapping, match=r"my\.toml cannot be read: No such file"):
        read_mapping(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadMapping, match="it is not UTF-8"):
        read_mapping(path)
    path.write_text("[fields\n")
    with pytest.raises(BadMapping, match=r"my\.toml is no valid TOML: .*line 1"):
        read_mapping(path)
    for deep in ("a = " + "[" * 20_000, f"[fields]\ntitle = 'a{'[]' * 5000}'"):
        path.write_text(deep)
        with pytest.raises(BadMapping, match=r"my\.toml.* nested too deeply"):
            read_mapping(path)
    path.write_text("[fields]\nx = 'a'\n")
    with pytest.raises(BadMapping, match=r"my\.toml: 'fields\.x' is no field"):
        read_mapping(path)
    with pytest.raises(BadMapping, match="There is no mapping 'levr'; name a TOML file, or one of"):
        open_records(path, mapping="levr")


@each_case("name", names())
def test_each_of_ours_is_sound_and_described(name: str) -> None:
    mapping = built_in(name)
    assert mapping.name == name
    assert mapping.description
    assert mapping.signs
    assert all(signs.keys for signs in mapping.signs)
    assert "title" in mapping.rules
    # Rubbish makes no fault but that of the row.
    for value in (None, 1, "x", [], {}, [{}], {"a": []}):
        row = {key: value for signs in mapping.signs for key in signs.keys}
        mapping.translate(row)


def test_no_two_of_ours_have_the_same_signs() -> None:
    signs = [(each.keys, each.envelope) for mapping in all_of_them() for each in mapping.signs]
    assert len(set(signs)) == len(signs)


@each_case(
    ("rule", "row", "value", "attributes"),
    [
        ("a", {"a": "x", "b": 1}, "x", {"b": 1}),
        ("a.b", {"a": {"b": "x", "c": 1}}, "x", {"a": {"c": 1}}),
        ("a.b", {"a": {"b": "x"}}, "x", {}),
        ("a.b", {"a.b": "x"}, "x", {"a.b": "x"}),
        ("a.b", {"a": 7}, None, {"a": 7}),
        ('"a.b"', {"a.b": "x"}, "x", {}),
        ('"Pay (USD)"', {"Pay (USD)": "x"}, "x", {}),
        ("Job Title", {"Job Title": "x"}, "x", {}),
        ("a || b", {"b": "x"}, "x", {"b": "x"}),
        ("length(a)", {"a": 7}, None, {"a": 7}),
        ({"paths": ["a", "b"]}, {"a": "x", "b": "y"}, "x", {"b": "y"}),
        ({"paths": ["a", "b"]}, {"a": "x", "b": "x"}, "x", {}),
        ({"paths": ["a", "b"]}, {"a": " ", "b": "y"}, "y", {}),
        ({"paths": ["a", "b"], "join": ", "}, {"a": "x", "b": "y"}, "x, y", {}),
        ({"paths": ["a", "b"], "join": ", "}, {"a": "x", "b": None}, "x", {}),
        ({"paths": ["a", "b"], "join": ", "}, {"a": "x", "b": "x"}, "x", {}),
        ({"path": "a", "words": {"Nein": "no"}}, {"a": "nein "}, "no", {}),
        ({"path": "a", "words": {"Nein": "no"}}, {"a": "ja"}, "ja", {}),
        ({"path": "a", "value": "z"}, {}, "z", {}),
        ({"path": "a", "value": "z"}, {"a": "x"}, "x", {}),
        ({"value": "z"}, {}, "z", {}),
        (["a", {"path": "b", "words": {"y": "Y"}}], {"b": "y"}, "Y", {}),
        (["a", {"path": "b", "words": {"y": "Y"}}], {"a": "x", "b": "y"}, "x", {"b": "y"}),
    ],
)
def test_rules(rule: Any, row: dict[str, Any], value: Any, attributes: dict[str, Any]) -> None:
    kept = json.dumps(row)
    found = translated(row, industry=rule)
    assert found.get("industry") == value
    assert found.get("attributes", {}) == attributes
    assert json.dumps(row) == kept


@each_case(
    ("convert", "raw", "value", "stays"),
    [
        ("epoch", 1700000000, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), False),
        ("epoch", "1700000000.0", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), False),
        ("epoch_ms", 1700000000000, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), False),
        ("epoch", "soon", "soon", False),
        ("first", ["a", "b"], "a", True),
        ("first", ["a"], "a", False),
        ("first", "a, b", "a", True),
        ("first", [], None, True),
        ("items", "a, b", ["a", "b"], False),
        ("items", "a; b, c", ["a", "b, c"], False),
        ("items", "['a', 'b']", ["a", "b"], False),
        ("items", "[broken", ["[broken"], False),
        ("items", "['a' 'b']", ["a", "b"], False),  # numpy's
        ("items", "[a, b]", ["a", "b"], False),
        ("items", "a (b, c), d", ["a (b, c)", "d"], False),
        ("items", "a • b", ["a", "b"], False),
        ("items", "x" * 50_001, "x" * 50_001, False),
        ("remote_if", "True", "remote", True),
        ("remote_if", 0, None, True),
        ("remote_or_word", "yes", "remote", True),
        ("remote_or_word", "no", None, True),
        ("remote_or_word", "Hybrid", "Hybrid", False),
        ("closed_if", "2026-01-01", "closed", False),
        ("closed_if", "false", None, True),
        ("closed_unless", "true", None, False),
        ("closed_unless", False, "closed", False),
        ("closed_unless", "maybe", None, True),
        ("positive", 0, None, True),
        ("positive", "12.5", 12.5, False),
        ("telling_id", "17", None, True),
        ("telling_id", 123456, 123456, False),
        ("telling_id", "A1", "A1", False),
        ("slug", "https://jobs.lever.co/acme/1", "acme", True),
        ("slug", "https://acme.recruitee.com/o/cook", "acme", True),
        ("slug", "https://www.acme.example/jobs/1", None, True),
        ("slug", "https://jobs.lever.co/", None, True),
        ("slug", "http://[bad", None, True),
        ("slug", 7, None, True),
        ("place", "How, ", "How", False),
        ("place", {"city": "Bonn", "country": "DE"}, "Bonn, DE", True),
        ("remote_everywhere", ["US, TX, Remote", "Remote in EU"], "remote", True),
        ("remote_everywhere", ["Remote", "Bonn"], None, True),
        ("remote_everywhere", "Not remote", None, True),
        ("remote_everywhere", "Hybrid remote", None, True),
        ("workplace", "Fully Remote", "remote", True),
        ("country_at_end", "Paris, A8, FR", "FR", True),
        (["first", "slug"], ["https://jobs.lever.co/acme/1", "x"], "acme", True),
    ],
)
def test_converters(convert: Any, raw: Any, value: Any, stays: bool) -> None:
    found = translated({"a": raw}, industry={"path": "a", "convert": convert})
    assert found.get("industry") == value
    assert ("a" in found.get("attributes", {})) == (stays and raw != [])


@each_case("name", CONVERTERS)
def test_no_value_breaks_a_converter(name: str) -> None:
    odd: list[Any] = [
        "",
        "x",
        "\ud800",
        "[" * 9999,
        10**400,
        1e300,
        -1,
        True,
        [None, [], {}],
        {"a": {}},
    ]
    for raw in odd:
        translated({"a": raw}, industry={"path": "a", "convert": name})


def test_where_a_value_came_from_is_told(read: Read) -> None:
    given = fields(
        posted_at={"paths": ["when", "meta.date"]},
        employment_type={"path": "kind", "convert": "first"},
    )
    found = make_mapping(given).translate(
        {"t": "T", "id": "1", "meta": {"date": "whenever"}, "kind": "gibberish"}
    )
    assert found.origin is not None
    assert found.origin("posted_at") == ("meta.date", "whenever")
    posting, omissions = take_in(found)
    assert [(each.field, each.name) for each in omissions] == [
        ("employment_type", "kind"),
        ("posted_at", "meta.date"),
    ]
    assert posting.attributes == {"kind": "gibberish", "meta.date": "whenever"}


def test_an_exception_in_a_row_costs_that_row(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(value: Any) -> Any:
        raise RuntimeError(value)

    monkeypatch.setattr("jobstore.exchange.translating.CONVERTERS", {**CONVERTERS, "flag": broken})
    mapping = make_mapping(fields(industry={"path": "a", "convert": "flag"}))
    rows = '[{"t": "T", "id": 1}, {"t": "T", "id": 2, "a": "secret"}, {"t": "T", "id": 3}]'
    records = read(rows, mapping=mapping)
    assert [record.fault for record in records] == [
        None,
        "cannot be translated (RuntimeError)",
        None,
    ]


MINE = """
name = "mine"
[rows]
items = ["result.hits"]
skip = "kind == 'advert'"
[fields]
title = "name"
company = "firm.name"
url = "link"
[constants]
country = "AT"
"""


def test_a_mapping_of_ones_own_reads_every_kind_of_file(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(MINE)
    rows = [
        {"name": "Koch", "firm": {"name": "Acme"}, "link": "https://a.example/jobs/1", "x": "1"},
        {"kind": "advert", "name": "Buy"},
    ]
    expected = {"title": "Koch", "company": "Acme", "country": "AT", "source": "a.example"}
    texts = {
        "a.json": json.dumps({"result": {"hits": rows}}),
        "b.json": json.dumps(rows),
        "c.jsonl": "\n".join(map(json.dumps, rows)),
    }
    for file, text in texts.items():
        (tmp_path / file).write_text(text)
        for mapping in (mine, str(mine), tomllib.loads(MINE)):
            (found,) = taken(open_records(tmp_path / file, mapping=mapping))
            assert values(found, *expected) == expected
            assert found.attributes == {"x": "1"}
    table = pd.DataFrame([{"name": "Koch", "firm.name": "Acme", "link": rows[0]["link"], "x": "1"}])
    table.to_csv(tmp_path / "d.csv", index=False)
    table.to_excel(tmp_path / "e.xlsx", index=False)
    table.to_parquet(tmp_path / "f.parquet", index=False)
    for file in ("d.csv", "e.xlsx", "f.parquet"):
        (found,) = taken(open_records(tmp_path / file, mapping=mine))
        assert values(found, *expected) == expected
    # What is in hand is translated the same way.
    (posting,) = postings_from(rows, mapping=mine)
    assert take_in(posting)[0] == taken(open_records(tmp_path / "b.json", mapping=mine))[0]


def test_no_row_is_lost_to_one_with_the_same_key(read: Read) -> None:
    mapping = make_mapping(
        fields(company="c") | {"rows": {"items": ["jobs"], "details": "details", "key": "id"}}
    )
    rows = [{"t": "A", "id": 1}, {"t": "B", "id": 1}, {"t": "C", "id": 2}]
    rows.append({**rows[2]})
    document = json.dumps({"jobs": rows, "details": {"2": {"c": "Acme"}}})
    found = [record.posting for record in read(document, mapping=mapping)]
    assert [(each["title"], each.get("company")) for each in found] == [
        ("A", None),
        ("B", None),
        ("C", "Acme"),
    ]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("title=Job Title,company=Employer", {"title": "Job Title", "company": "Employer"}),
        ("title = a , company = b.c", {"title": "a", "company": "b.c"}),
        ("title=Stelle, Ort,company=b", {"title": "Stelle, Ort", "company": "b"}),
        ("location=join(', ', [a, b]),title=c", {"location": "join(', ', [a, b])", "title": "c"}),
        ("title=Pay (USD)", {"title": "Pay (USD)"}),
    ],
)
def test_options_are_read(text: str, columns: dict[str, str]) -> None:
    assert parse_columns(text) == columns


def test_options_make_a_mapping() -> None:
    mapping = mapping_from_options(
        {"title": "job_title", "location": "categories.location", "salary_text": "Pay (USD)"},
        constants={"country": "GB"},
        source="mine",
    )
    assert mapping.translate(
        {"job_title": "T", "categories": {"location": "Bath"}, "Pay (USD)": "5", "x": 1}
    ) == {
        "source": "mine",
        "country": "GB",
        "title": "T",
        "location": "Bath",
        "salary_text": "5",
        "source_job_id": mapping.translate({"job_title": "t ", "categories": {"location": "bath"}})[
            "source_job_id"
        ],
        "attributes": {"x": 1},
    }
    changed = mapping_from_options(
        {"title": "other"}, constants={"company": "C"}, base=built_in("ats")
    )
    row = {"id": 1, "company_slug": "a", "company": "A", "title": "no", "other": "yes"}
    found = changed.translate(row)
    assert (found["title"], found["company"], found["source"]) == ("yes", "C", "ats")
    for wrong in ({"titel": "a"}, {"attributes": "a"}):
        with pytest.raises(BadMapping, match="is no field of a posting"):
            mapping_from_options(wrong)
    with pytest.raises(BadMapping, match="'contry' is no field of a posting; did you mean"):
        mapping_from_options(constants={"contry": "GB"})
    with pytest.raises(BadMapping, match="'country' must be a country's code .* not 'Atlantis'"):
        mapping_from_options(constants={"country": "Atlantis"})
    # What an amount means is for its row to say.
    mapping_from_options(constants={"country": "Germany", "salary_min": "45.000"})


def test_items_and_constants_of_the_command_line(read: Read) -> None:
    entry = {"job_title": "T", "firm": "C", "link": "https://a.example/1", "place": {"city": "Ulm"}}
    document = json.dumps({"ads": [{"title": "Buy", "id": 1}] * 9, "found": {"list": [entry]}})
    (found,) = taken(
        read(
            document,
            items="found.list",
            columns={"company": "firm", "location": "place.city"},
            constants={"country": "DE", "workplace": "hybrid"},
        )
    )
    shown = ("title", "company", "location", "country", "workplace")
    assert list(values(found, *shown).values()) == ["T", "C", "Ulm", "DE", "hybrid"]
    (found,) = taken(read(document, items="found.list[?firm]", columns={"company": "firm"}))
    assert found.company == "C"
    own = '{"source": "s", "source_job_id": "1", "title": "T", "company": "C"}\n'
    (found,) = taken(read(own, constants={"country": "FR"}))
    assert found.country == "FR"
    with pytest.raises(ValueError, match="has no use for the option 'items'"):
        read("title,company,url\na,b,https://x.example/1\n", items="a")
    with pytest.raises(BrokenFile, match="has no list at 'nowhere'"):
        read(document, items="nowhere", mapping=fields(title="job_title"))
    with pytest.raises(BrokenFile, match=r"has no list at 'found\.lst'; there is one at ads, "):
        read(document, items="found.lst")


def test_source_is_of_rows_that_name_none(read: Read) -> None:
    rows = "title,company,site,id\nA,C,,a-1\nB,C,Board,a-2\n"
    assert [posting.source for posting in taken(read(rows, source="mine"))] == ["mine", "Board"]
    with pytest.raises(ValueError, match="format lever has no use for the option 'source'"):
        read('[{"hostedUrl": "x", "categories": {}, "text": "T"}]', source="mine")


def test_rows_of_a_program(read: Read) -> None:
    entry = {"hostedUrl": "https://jobs.lever.co/acme/1", "text": "T", "categories": {}, "id": "x"}
    notice = {"legal": "x"}
    rok = {"slug": "a", "position": "P", "epoch": 1, "company": "C", "id": "9"}
    (found,) = postings_from([entry])
    assert (found["source"], found["company"], found["title"]) == ("lever", "acme", "T")
    (found,) = postings_from(iter([notice, rok]))
    assert (found["source"], found["title"]) == ("remoteok", "P")
    frame = pd.DataFrame({"Titel": ["Koch"], "Firma": ["Acme"], "Link": ["https://a.example/1"]})
    (found,) = postings_from(frame, constants={"country": "DE"})
    assert found == {
        "title": "Koch",
        "company": "Acme",
        "url": "https://a.example/1",
        "source": "a.example",
        "source_job_id": "https://a.example/1",
        "country": "DE",
    }
    (found,) = postings_from([{"t": "T"}], mapping={"fields": {"title": "t"}}, source="mine")
    assert (found["source"], found["title"]) == ("mine", "T")
    assert list(postings_from([])) == []
    with pytest.raises(BadMapping, match="No mapping is known for rows with these keys"):
        postings_from([{"a": 1}])
    own = {"source": "s", "source_job_id": "77", "title": "T", "company": "C", "skills": ["a", "b"]}
    (found,) = postings_from([own])
    assert found == own


def test_places_come_as_texts_and_objects() -> None:
    found = translated(
        {"a": ["Bonn", {"name": "Köln", "state": "NRW"}, {"address": {"addressCountry": "DE"}}, 7]},
        locations={"path": "a", "convert": "places"},
    )
    posting, _ = take_in(found)
    assert places(posting) == ["Bonn", ("Köln", None, "NRW", None), ("DE", None, None, "DE")]
