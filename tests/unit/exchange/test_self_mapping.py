"""Tables and JSON whose columns bear usual names map themselves, and nothing is guessed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jobstore.exchange import BrokenFile, open_records, postings_from
from jobstore.exchange.self_mapping import _synonyms, fold, self_mapping
from jobstore.records import JobPosting
from tests.fixtures.cases import each_case
from tests.unit.exchange.conftest import Read
from tests.unit.exchange.taking import places, taken, values

SHOWN = ("title", "company", "location", "url", "description", "posted_at", "country")


def found(read: Read, header: str, row: str, **options: Any) -> JobPosting:
    (posting,) = taken(read(f"{header}\n{row}\n", **options))
    return posting


@each_case(
    "header",
    [
        "title,company,location,url",
        "Job Title,Company Name,Job Location,Job URL",
        "job_title,company_name,job_location,job_link",
        "jobTitle,companyName,jobLocation,jobUrl",
        "POSITION TITLE,EMPLOYER,PLACE,LINK",
        "Position,Employer Name,Where,Posting URL",
        "position_name,hiring-company,work.location,Listing Link",
        "Role,Organisation,Office Location,href",
        "vacancy title,Hiring Organization,City,permalink",
        "Titel,Firma,Ort,Link",
        "Stellenbezeichnung,Unternehmen,Standort,Stellenlink",
        "Jobtitel,Arbeitgeber,Einsatzort,Anzeige",
        "Intitulé du poste,Entreprise,Lieu,Lien",
        "titre,société,Lieu de travail,url",
        "Puesto,Empresa,Ubicación,Enlace",
        "título,empleador,lugar,vínculo",
        "Cargo,Nome da Empresa,Localização,Link da vaga",
        "Titolo,Azienda,Sede di lavoro,Collegamento",
        "Functie,Werkgever,Plaats,link",
        "Stanowisko,Pracodawca,Lokalizacja,Link",
        "Должность,Компания,Место работы,Ссылка",
        "職種,会社名,勤務地,リンク",
        "职位名称,公司名称,工作地点,链接",
        "직무,회사명,근무지,링크",
        '"Job Title ",  Company ,"Location:",URL',
        "Vacancy,Organization Name,Area,Source URL",
    ],
)
def test_columns_in_many_words_and_languages(read: Read, header: str) -> None:
    posting = found(read, header, "Cook,Acme,Ulm,https://acme.example/jobs/12")
    assert values(posting, *SHOWN) == {
        "title": "Cook",
        "company": "Acme",
        "location": "Ulm",
        "url": "https://acme.example/jobs/12",
    }
    assert posting.attributes == {}
    assert (posting.source, posting.source_job_id) == ("acme.example", posting.url)


@each_case(
    ("column", "cell", "field", "value"),
    [
        ("Date Posted", "2026-03-04", "posted_at", datetime(2026, 3, 4, tzinfo=UTC)),
        ("Date", "2026-03-04", "posted_at", datetime(2026, 3, 4, tzinfo=UTC)),
        ("Veröffentlicht am", "2026-03-04", "posted_at", datetime(2026, 3, 4, tzinfo=UTC)),
        ("publication_date", "2026-03-04", "posted_at", datetime(2026, 3, 4, tzinfo=UTC)),
        ("scraped_at", "2026-03-04T05:00:00Z", "last_seen_at", datetime(2026, 3, 4, 5, tzinfo=UTC)),
        ("First Seen", "2026-03-04", "first_seen_at", datetime(2026, 3, 4, tzinfo=UTC)),
        ("gone_date", "2026-03-04", "closed_at", datetime(2026, 3, 4, tzinfo=UTC)),
        ("gone_date", "2026-03-04", "status", "closed"),
        ("is_active", "false", "status", "closed"),
        ("Expired", "true", "status", "closed"),
        ("Status", "closed", "status", "closed"),
        ("Remote", "yes", "workplace", "remote"),
        ("Remote", "no", "workplace", None),
        ("Remote", "Hybrid", "workplace", "hybrid"),
        ("Work Mode", "On-site", "workplace", "onsite"),
        ("Homeoffice", "true", "workplace", "remote"),
        ("Job Type", "Full Time", "employment_type", "full_time"),
        ("Vertragsart", "Vollzeit", "employment_type", "full_time"),
        ("Type de contrat", "Temps partiel", "employment_type", "part_time"),
        ("Seniority Level", "Entry level", "experience_level", "entry"),
        ("Job Description", "<p>Cook</p>", "description", "<p>Cook</p>"),
        ("Stellenbeschreibung", "Kochen", "description", "Kochen"),
        ("Skills", "['a', 'b']", "skills", ["a", "b"]),
        ("Tags", "a; b", "skills", ["a", "b"]),
        ("Country", "Germany", "country", "DE"),
        ("Branche", "Gastronomie", "industry", "Gastronomie"),
        ("Applicants", "17", "applicant_count", 17),
        ("Company Size", "11-50", "company_size", "11-50"),
        ("Apply Link", "https://acme.example/apply", "apply_url", "https://acme.example/apply"),
        ("Pay", "$20 - $25 an hour", "salary_text", "$20 - $25 an hour"),
        ("Gehalt", "3.000 € pro Monat", "salary_period", "month"),
        ("Deadline", "2026-05-06", "expires_at", None),
    ],
)
def test_columns_of_every_field(read: Read, column: str, cell: str, field: str, value: Any) -> None:
    quoted = '"' + cell.replace('"', '""') + '"'
    posting = found(read, f"Title,Link,{column}", f"Cook,https://acme.example/12,{quoted}")
    if field == "expires_at":
        assert posting.expires_at is not None
        assert posting.expires_at.date().isoformat() == "2026-05-06"
    elif field in ("status", "workplace") and value is None:
        assert (getattr(posting, field), posting.attributes) == (None, {column: cell})
    else:
        assert getattr(posting, field) == value


def test_pay_in_columns_and_places_in_pieces(read: Read) -> None:
    posting = found(
        read,
        "Title,Min,Max,Currency,Pay Period,City,State,Country,Url",
        "Cook,50000,60000,EUR,year,Ulm,BW,Germany,https://a.example/1",
    )
    pay = ("salary_min", "salary_max", "salary_currency", "salary_period", "location", "country")
    assert list(values(posting, *pay).values()) == [
        50000, 60000, "EUR", "year", "Ulm, BW, Germany", "DE",
    ]  # fmt: skip
    posting = found(read, "Title,City,Country,Url", "Cook,Singapore,Singapore,https://a.example/1")
    assert posting.location == "Singapore"


def test_several_places_in_a_cell(read: Read) -> None:
    posting = found(read, "Title,Location,Url", "Cook,Ulm; Bonn | Kiel,https://a.example/1")
    assert places(posting) == ["Ulm", "Bonn", "Kiel"]
    posting = found(read, "Title,Location,Url", '"Cook","Ulm, BW",https://a.example/1')
    assert (posting.location, posting.locations) == ("Ulm, BW", [])


def test_of_two_columns_for_a_field_the_first_name_is_used(read: Read) -> None:
    posting = found(
        read,
        "Role,Job Title,Date,Date Posted,Title,Url",
        "a,b,2020-01-01,2026-01-01,Cook,https://a.example/1",
    )
    assert posting.title == "Cook"
    assert posting.posted_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert posting.attributes == {"Role": "a", "Job Title": "b", "Date": "2020-01-01"}


@pytest.mark.parametrize(
    "header",
    [
        "Name,Company,Url",
        "a,b,c",
        "Company,Location,Url",
        "text,url",
        "Titles,Url",
        "id,description",
    ],
)
def test_a_table_without_a_title_is_refused_with_a_way_on(read: Read, header: str) -> None:
    with pytest.raises(BrokenFile) as raised:
        read(f"{header}\n{'x,' * header.count(',')}y\n")
    assert "no column of it is surely the title of a posting" in str(raised.value)
    assert "jobstore inspect " in str(raised.value)
    assert '--map "title=...,company=..."' in str(raised.value)


def test_a_table_that_says_nothing_of_where_it_is_from_needs_a_source(read: Read) -> None:
    rows = "Titel,Firma\nKoch,Acme\n"
    with pytest.raises(BrokenFile, match="name it with --source NAME"):
        read(rows)
    (posting,) = taken(read(rows, source="mine"))
    assert (posting.source, posting.title, posting.company) == ("mine", "Koch", "Acme")


def test_what_is_mapped_by_hand_is_added_to_what_maps_itself(read: Read) -> None:
    header = "Name,Company,Place,Url,Rating,Wage"
    row = "Cook,Acme,Ulm,https://a.example/1,4.5,high"
    posting = found(read, header, row, columns={"title": "Name"})
    assert values(posting, *SHOWN) == {
        "title": "Cook",
        "company": "Acme",
        "location": "Ulm",
        "url": "https://a.example/1",
    }
    assert posting.attributes == {"Rating": "4.5"}
    # A column that is mapped by hand is not used for anything else.
    posting = found(read, header, row, columns={"title": "Name", "industry": "Place"})
    assert (posting.industry, posting.location) == ("Ulm", None)


@pytest.mark.parametrize(
    ("row", "key"),
    [
        # The board's own id, whatever the table calls it.
        (("https://www.indeed.com/viewjob?jk=0123456789abcdef", "", "x1"),
         ("indeed", "0123456789abcdef")),
        (("https://boards.greenhouse.io/acme/jobs/4012345", "LinkedIn", "x1"),
         ("greenhouse", "4012345")),
        # A source with an id of its own.
        (("https://acme.example/jobs/1", "Board", "x-123"), ("Board", "x-123")),
        (("", "Board", "x-123"), ("Board", "x-123")),
        # What may be the number of a row is no id.
        (("https://acme.example/jobs/1", "Board", "17"), ("Board", "https://acme.example/jobs/1")),
        # Source and id are of one place.
        (("https://acme.example/jobs/1", "", "x-123"),
         ("acme.example", "https://acme.example/jobs/1")),
    ],
)  # fmt: skip
def test_identity(read: Read, row: tuple[str, ...], key: tuple[str, str]) -> None:
    posting = found(read, "title,url,site,id", ",".join(("Cook", *row)))
    assert (posting.source, posting.source_job_id) == key


def test_objects_in_json_are_looked_into(read: Read) -> None:
    entry = {
        "jobTitle": "Cook",
        "employer": {"name": "Acme", "id": 7},
        "location": {"city": "Ulm", "country": "Germany", "zip": "89073"},
        "salary": {"min": 10, "max": 12, "currency": "EUR"},
        "tags": ["a", "b"],
        "link": "https://a.example/1",
    }
    (posting,) = taken(read(json.dumps({"page": 1, "results": [entry]})))
    shown = ("title", "company", "location", "salary_min", "salary_max", "salary_currency")
    assert list(values(posting, *shown).values())[:3] == ["Cook", "Acme", "Ulm, Germany"]
    assert (posting.salary_currency, posting.skills) == ("EUR", ["a", "b"])
    assert posting.attributes["employer"] == {"id": 7}
    assert posting.attributes["location"]["zip"] == "89073"
    entry["location"] = [{"name": "Ulm"}, {"name": "Bonn", "country": "DE"}]
    (posting,) = taken(read(json.dumps([entry])))
    assert places(posting) == ["Ulm", ("Bonn", None, None, "DE")]


@pytest.mark.parametrize("first", [True, False])
def test_an_object_that_one_row_lacks_is_no_text(read: Read, first: bool) -> None:
    rows = [
        {"title": "Cook", "link": "https://a.example/1", "salary": None, "employer": None},
        {
            "title": "Chef",
            "link": "https://a.example/2",
            "salary": {"min": 30000, "max": 32000, "currency": "EUR", "period": "annum"},
            "employer": {"name": "Acme"},
        },
    ]
    postings = taken(read(json.dumps(rows if first else rows[::-1])))
    posting = min(postings, key=lambda each: each.title)
    paid = values(posting, "salary_min", "salary_max", "salary_currency", "salary_period")
    assert list(paid.values()) == [30000, 32000, "EUR", "year"]
    assert (posting.company, posting.salary_text, posting.attributes) == ("Acme", None, {})


def test_odd_names_of_columns_are_no_fault(read: Read) -> None:
    header = 'title,"a ""b""","c\\d",,e[0],f.g,"title "'
    posting = found(read, header + ",url", "Cook,1,2,3,4,5,6,https://a.example/1")
    assert posting.title == "Cook"
    kept = {str(value) for value in posting.attributes.values()}
    assert {"1", "2", "4", "5"} <= kept


def test_no_name_means_two_fields() -> None:
    seen: dict[str, str] = {}
    for field, names in _synonyms().items():
        for name in names:
            assert name, field
            assert seen.setdefault(name, field) == field, (name, field, seen[name])


@each_case(
    ("name", "folded"),
    [
        ("Job_Title", "jobtitle"),
        ("jobTitle", "jobtitle"),
        ("Veröffentlicht", "veroffentlicht"),
        (" Société: ", "societe"),
        ("employer.name", "employer.name"),
        ("会社名", "会社名"),
    ],
)
def test_names_are_compared_without_signs(name: str, folded: str) -> None:
    assert fold(name) == folded


def test_many_columns_take_no_time() -> None:
    rows = [{f"column {number}": "x" for number in range(10_000)} | {"title": "T"}]
    mapping = self_mapping(rows)
    assert mapping is not None
    assert list(mapping.rules) == ["title"]


def test_what_google_shows_has_the_id_that_stands_behind_the_address(read: Read) -> None:
    link = "https://www.google.com/search?q=cook&udm=8#fpstate=tldetail&htidocid={}%3D%3D"
    rows = "\n".join(f"Cook,Acme,{link.format(key)},No" for key in ("AbCdEf12", "GhIjKl34"))
    found = taken(read(f"title,company_name,share_link,has_expired\n{rows}\n"))
    assert [(each.source, each.source_job_id, each.status) for each in found] == [
        ("google", "AbCdEf12==", None),
        ("google", "GhIjKl34==", None),
    ]


def test_a_key_that_only_later_rows_have_gives_a_field(tmp_path: Path) -> None:
    first = {"title": "Cook", "company": "Inn", "url": "https://a.example/jobs/1"}
    later = {**first, "Job Location": "Kiel", "description": "Soup", "salary": {"min": 1}}
    rows = [{**first, "url": f"https://a.example/jobs/{number}"} for number in range(60)]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in [*rows, later, rows[0]]))
    read = [record.posting for record in open_records(path)]
    from_program = list(postings_from([*rows, later, rows[0]]))
    for found in (read, from_program):
        assert [each and each.get("location") for each in found[-3:]] == [None, "Kiel", None]
        assert found[-2] is not None
        assert found[-2]["description"] == "Soup"
        assert found[-1] == found[0]


def test_keys_without_end_are_not_learnt_from() -> None:
    rows = [{"title": "Cook", "company": "Inn", f"id {number}": 1} for number in range(3_000)]
    found = list(postings_from(rows, source="s"))
    assert found[-1]["attributes"] == {"id 2999": 1}
