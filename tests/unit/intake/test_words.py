"""What texts say of workplace, employment, level, period and status; every word is understood."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from jobstore.intake.lenient import take_in
from jobstore.intake.validation import check_posting
from jobstore.intake.words import KINDS, read_words
from jobstore.records import JobPosting
from tests.fixtures.cases import each_case

BARE: dict[str, Any] = {
    "source": "board",
    "source_job_id": "1",
    "title": "Engineer",
    "company": "Acme",
}


def taken(name: str, text: Any) -> tuple[str | None, JobPosting, list[str]]:
    posting, omissions = take_in({**BARE, name: text})
    return getattr(posting, name), posting, [each.reason for each in omissions]


READ = {
    "employment_type": {
        "full_time": "Vollzeit, FullTime, full time employee, Temps plein, à temps plein, "
        "Tiempo completo, tempo pieno, voltijds, pełny etat, heltid, полная занятость, 正社員, "
        "全职, 정규직, https://schema.org/FULL_TIME, http://schema.org/FULL_TIME, "
        "Full-time (40h/week), "
        "Vollzeit (38.5 Std/Woche), Permanent Full-Time, Festanstellung Vollzeit, CDI temps plein",
        "part_time": "Teilzeit, Temps partiel, media jornada, Deeltijd, アルバイト, "
        "パート・アルバイト, 兼职, Part time job, niepełny etat",
        "contract": "C2C, 1099, Contract to hire, Freelance, Freiberuflich, 業務委託, Contract W2, "
        "Contract - 6 months, independent contractor, zzp",
        "temporary": "Fixed term, Befristet, CDD, Seasonal, temp-to-perm, tijdelijk, 契約社員, "
        "a tempo determinato",
        "internship": "Co-op, Praktikum, Stagiaire, Prácticas, Tirocinio, 实习, インターン, staż",
        "per_diem": "PRN, Per Diem, per-diem",
        "volunteer": "Ehrenamt, bénévolat, voluntary",
        "other": "Sonstiges, autre",
    },
    "workplace": {
        "remote": "Remote (US), Remote (Texas), remote within Germany, Remote in Canada only, "
        "Remote - EMEA, Fully remote (worldwide), 100% Remote, Work from home, WFH, Télétravail, "
        "Teletrabajo, En remoto, 100% télétravail, praca zdalna, удаленно, 远程, リモート, "
        "재택근무, "
        "TELECOMMUTE, FULLY_REMOTE, true, yes, Remote Germany",
        "hybrid": "Hybrid work, Hybride, híbrido, Teilweise Home Office, Télétravail partiel, "
        "ハイブリッド, Hybrid - Full time, Hybrid (Germany)",
        "onsite": "On-site, In office, In-Office, vor Ort, presencial, Sur site, op locatie, 出社, "
        "Onsite - Full Time, no remote",
    },
    "experience_level": {
        "entry": "Junior (m/w/d), Graduate, New Grad, Jr., Junior, Berufseinsteiger, Débutant, "
        "新卒, 初级, младший",
        "mid_senior": "INTERMEDIATE, EXPERT, Midweight, Medior, Senior, Sr., Lead, Principal, "
        "Semi-Senior, Sénior, シニア, 高级, старший, Mid/Senior",
        "director": "Director (10+ years), Senior Director, directeur, Direktor",
        "executive": "C-level, VP, Vorstand, CXO",
        "internship": "Praktikant, stagiaire, Becario",
    },
    "salary_period": {
        "hour": "per hour, /hr, Stunde, pro Stunde, par heure, por hora, all'ora, 時給, an hour",
        "day": "per day, Tagessatz, par jour, por día, 日給",
        "week": "wöchentlich, par semaine, por semana, per week",
        "month": "monatlich, pro Monat, par mois, mensual, al mes, per maand, 月薪, pcm, p.m.",
        "year": "annum, p.a., jährlich, par an, al año, per jaar, 年収, Annual Salary, /year, "
        "в год",
    },
    "status": {"open": "Published, live, offen", "closed": "filled, Archived, cerrada"},
}
TEXTS = [
    (name, text.strip(), kind)
    for name, kinds in READ.items()
    for kind, texts in kinds.items()
    for text in texts.split(", ")
]


@each_case(("name", "text", "kind"), TEXTS)
def test_words_of_large_languages_are_read(name: str, text: str, kind: str) -> None:
    value, _, reasons = taken(name, text)
    assert value == kind
    assert reasons == []


LEFT_OUT = {
    "employment_type": "Permanent; CDI; Regular; Direct Hire; W2; Festanstellung; Casual; "
    "Zero hours; "
    "Apprenticeship; Employee; not full time; no contract; full time?maybe; Vollzeitnah; "
    "any; Casual/Part-time; flexible hours; 40 hours; Trade; non-permanent; "
    "Permanent contract; Contract of employment; Contract (permanent); permanent/temp; "
    "B2B, umowa o pracę; CDI / CDD; befristet oder unbefristet",
    "workplace": "Temporarily remote; Flexible; Remote-friendly; Telework eligible; "
    "Home office möglich; "
    "Remote: No; REMOTE: NO; optional remote; Remote (not US); Remote-first; remote or onsite; "
    "télétravail possible; Hybrid (3 days); Germany; not remote; partly; false; no; remote?no; "
    "Remote 2 days",
    "experience_level": "5+ years; Staff; Manager; Trainee; Senior Manager; Senior Associate; "
    "Head of; "
    "Junior to Senior; experienced; 3; non-senior; not senior",
    "salary_period": "BIWEEKLY; bi-weekly; semi-monthly; per quarter; per project; once; "
    "hour or day; "
    "fortnight; twice a month; per hour per day",
    "status": "draft; whatever; true; paused; unlisted",
}
DOUBTFUL = [(name, text.strip()) for name, texts in LEFT_OUT.items() for text in texts.split(";")]


@each_case(("name", "text"), DOUBTFUL)
def test_words_that_leave_a_doubt_are_left_out_and_kept(name: str, text: str) -> None:
    value, posting, reasons = taken(name, text)
    assert value is None
    assert posting.attributes == {name: text}
    assert len(reasons) == 1


@each_case(
    "text",
    [
        *(
            "FULL_TIME,PART_TIME",
            "Full-time/Part-time",
            "Full Time or Part Time",
            "full_time; contract",
        ),
        *("Vollzeit oder Teilzeit", "Full-time and Part-time", "Temps plein ou temps partiel"),
        *(["FULL_TIME", "PART_TIME"], '["FULL_TIME", "CONTRACTOR"]', "['Full-time', 'Part-time']"),
        *("Full time contract", ["https://schema.org/FULL_TIME", "https://schema.org/TEMPORARY"]),
    ],
)
def test_of_several_kinds_of_employment_the_first_is_taken_with_a_warning(text: Any) -> None:
    value, posting, (reason,) = taken("employment_type", text)
    assert value == "full_time"
    assert reason.startswith("says several, full_time, ")
    assert posting.attributes == {"employment_type": text}


@pytest.mark.parametrize(
    "text", [["FULL_TIME"], "['Full-time']", ["Full-time", None, "nan"], ["Full-time"] * 3]
)
def test_a_list_of_one_kind_is_that_kind(text: Any) -> None:
    assert taken("employment_type", text)[0] == "full_time"


def test_a_list_with_an_unknown_kind_takes_the_known_one_and_warns() -> None:
    value, posting, reasons = taken("employment_type", ["Permanent", "Full-time"])
    assert value == "full_time"
    assert reasons == []
    value, posting, (reason,) = taken("employment_type", ["Zero hours", "Part-time"])
    assert value == "part_time"
    assert reason == "says more than part_time: 'Zero hours' is not understood"
    assert posting.attributes == {"employment_type": ["Zero hours", "Part-time"]}


def test_a_workplace_with_an_employment_gives_both() -> None:
    _, posting, reasons = taken("workplace", "Onsite - Full Time")
    assert (posting.workplace, posting.employment_type, reasons) == ("onsite", "full_time", [])
    _, posting, _ = taken("employment_type", "Part-time, remote")
    assert (posting.workplace, posting.employment_type) == ("remote", "part_time")
    posting, _ = take_in({**BARE, "workplace": "Onsite - Full Time", "employment_type": "Contract"})
    assert (posting.workplace, posting.employment_type) == ("onsite", "contract")


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_our_own_values_are_read_as_they_are(name: str, kind: Any) -> None:
    for member in kind:
        said = read_words(name, member.value)
        assert said is not None
        assert said.kinds == [member]


def test_long_texts_are_not_read() -> None:
    assert read_words("workplace", "remote " * 100) is None


# The column of the file, what is stored for each of its spellings, and whether it warns.
FIELD_CASES = {
    "employment_type": {
        "Permanent": None,
        "Full-time/Part-time": "full_time",
        "Vollzeit": "full_time",
        "CDI": None,
        "Casual": None,
        "Fixed term": "temporary",
        "Apprenticeship": None,
        "Zero hours": None,
        "Full Time or Part Time": "full_time",
        "W2": None,
        "C2C": "contract",
        "1099": "contract",
        "Direct Hire": None,
        "Regular": None,
        "Co-op": "internship",
        "PRN": "per_diem",
        "Contract to hire": "contract",
        "Festanstellung": None,
        "正社員": "full_time",
    },
    "workplace": {
        "Remote (US)": "remote",
        "Work from home": "remote",
        "Temporarily remote": None,
        "Hybrid work": "hybrid",
        "On-site": "onsite",
        "In office": "onsite",
        "true": "remote",
        "Flexible": None,
        "Remote-friendly": None,
        "Telework eligible": None,
        "remote within Germany": "remote",
        "Home office möglich": None,
    },
    "experience_level": {
        "Senior": "mid_senior",
        "Sr.": "mid_senior",
        "Lead": "mid_senior",
        "Principal": "mid_senior",
        "Staff": None,
        "Mid-Senior level": "mid_senior",
        "Entry Level": "entry",
        "Graduate": "entry",
        "Trainee": None,
        "Manager": None,
        "VP": "executive",
        "C-level": "executive",
        "5+ years": None,
    },
}


def test_each_word_of_the_field_cases_has_its_value(real_data: Path) -> None:
    path = real_data / "field_cases" / "csv_employment_workplace_level_words.csv"
    found: dict[str, dict[str, str | None]] = {name: {} for name in FIELD_CASES}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            posting, omissions = take_in(row)
            (name,) = [name for name in FIELD_CASES if row[name]]
            found[name][row[name]] = getattr(posting, name)
            if getattr(posting, name) is None:
                assert posting.attributes == {name: row[name]}
                assert [each.field for each in omissions] == [name]
    assert found == FIELD_CASES


@each_case(
    "text",
    [
        "Permanent contract",
        "Contract: Permanent",
        "contract_permanent",
        "Employment contract",
        "Contract of employment",
        "Open-ended contract",
        "Indefinite contract",
    ],
)
def test_the_contract_of_an_employee_is_no_contract_work(text: str) -> None:
    kind, posting, reasons = taken("employment_type", text)
    assert (kind, posting.attributes["employment_type"], len(reasons)) == (None, text, 1)


@pytest.mark.parametrize("text", ["Remote/Hybrid", "Hybrid / Remote", "hybrid, remote"])
def test_one_workplace_or_the_other_is_none_that_is_certain(text: str) -> None:
    assert taken("workplace", text)[0] is None
    assert taken("workplace", text.replace("/", " ").replace(",", " "))[0] == "hybrid"


def test_na_with_a_slash_still_says_nothing() -> None:
    assert check_posting(JobPosting(**BARE, workplace="N/A")).workplace is None
