"""The spellings of sources, and the codes of currencies and countries."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

from jobstore.errors import InvalidPosting
from jobstore.intake.spellings import COUNTRIES, CURRENCIES, fold_spelling, look_up
from jobstore.intake.validation import check_posting
from jobstore.records import (
    EmploymentType,
    ExperienceLevel,
    JobPosting,
    SalaryPeriod,
    Status,
    Workplace,
)
from tests.fixtures.cases import each_case

BARE: dict[str, Any] = {
    "source": "board",
    "source_job_id": "1",
    "title": "Engineer",
    "company": "Acme",
}
FIELDS: dict[str, type[StrEnum]] = {
    "workplace": Workplace,
    "employment_type": EmploymentType,
    "experience_level": ExperienceLevel,
    "salary_period": SalaryPeriod,
    "status": Status,
}


@each_case(
    ("name", "spelling", "meant"),
    [
        ("workplace", "Remote", "remote"),
        ("workplace", "TELECOMMUTE", "remote"),
        ("workplace", "Work from home", "remote"),
        ("workplace", "On-site", "onsite"),
        ("workplace", "Hybrid", "hybrid"),
        ("employment_type", "Full-time", "full_time"),
        ("employment_type", "FULL_TIME", "full_time"),
        ("employment_type", "fulltime", "full_time"),
        ("employment_type", " full\u00a0time ", "full_time"),
        ("employment_type", "Part-time", "part_time"),
        ("employment_type", "CONTRACTOR", "contract"),
        ("employment_type", "Contract", "contract"),
        ("employment_type", "TEMPORARY", "temporary"),
        ("employment_type", "INTERN", "internship"),
        ("employment_type", "Volunteer", "volunteer"),
        ("employment_type", "PER_DIEM", "per_diem"),
        ("employment_type", "perdiem", "per_diem"),
        ("employment_type", "Other", "other"),
        ("experience_level", "Mid-Senior level", "mid_senior"),
        ("experience_level", "mid-senior level", "mid_senior"),
        ("experience_level", "Entry level", "entry"),
        ("experience_level", "Associate", "associate"),
        ("experience_level", "Internship", "internship"),
        ("experience_level", "Director", "director"),
        ("experience_level", "Executive", "executive"),
        ("experience_level", "Not Applicable", None),
        ("experience_level", "N/A", None),
        ("salary_period", "HOURLY", "hour"),
        ("salary_period", "HOUR", "hour"),
        ("salary_period", "daily", "day"),
        ("salary_period", "WEEKLY", "week"),
        ("salary_period", "monthly", "month"),
        ("salary_period", "yr", "year"),
        ("salary_period", "annually", "year"),
        ("salary_period", "p.a.", "year"),
        ("status", "Active", "open"),
        ("status", "expired", "closed"),
    ],
)
def test_spellings_of_the_sources_are_understood(
    name: str, spelling: str, meant: str | None
) -> None:
    value = getattr(check_posting({**BARE, name: spelling}), name)
    assert value == meant
    assert meant is None or type(value) is FIELDS[name]


@pytest.mark.parametrize(("name", "kind"), FIELDS.items())
def test_our_own_values_mean_themselves_in_any_spelling(name: str, kind: type[StrEnum]) -> None:
    for member in kind:
        for spelling in (member, member.value, member.value.upper().replace("_", " - ")):
            posting = check_posting(JobPosting(**{**BARE, name: spelling}))
            assert getattr(posting, name) is member


@each_case(("name", "kind"), FIELDS.items())
@each_case("unknown", ["sometimes", "-", "x" * 90, "full\u0131time"])
def test_an_unknown_spelling_names_what_is_allowed(
    name: str, kind: type[StrEnum], unknown: str
) -> None:
    with pytest.raises(InvalidPosting) as caught:
        check_posting({**BARE, name: unknown})
    ((field, reason),) = caught.value.faults
    assert field == name
    assert reason.startswith(f"must be one of {', '.join(kind)}, not '{unknown[:37]}")


def test_a_value_of_another_enum_is_read_as_its_text() -> None:
    posting = check_posting({**BARE, "experience_level": EmploymentType.INTERNSHIP})
    assert posting.experience_level is ExperienceLevel.INTERNSHIP


def test_folding_drops_case_space_and_punctuation() -> None:
    assert fold_spelling(" Mid-Senior_Level! ") == "midseniorlevel"
    assert look_up(Workplace, "ON SITE") is Workplace.ONSITE
    with pytest.raises(KeyError):
        look_up(Workplace, "")


def test_the_tables_of_codes_are_complete() -> None:
    assert len(COUNTRIES) == 249
    assert all(len(code) == 2 and code.isascii() and code.isupper() for code in COUNTRIES)
    assert {"AX", "BQ", "CW", "GB", "SS", "TL", "UM", "ZW"} <= COUNTRIES
    assert not {"AN", "CS", "EU", "UK", "XK"} & COUNTRIES
    assert len(CURRENCIES) == 182
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCIES)
    assert {"CHF", "CNY", "EUR", "INR", "JPY", "SGD", "SLE", "USD", "VED", "XCG"} <= CURRENCIES
    assert not {"BTC", "DEM", "RMB", "XTS", "XXX"} & CURRENCIES


@pytest.mark.parametrize("given", ["usd", " USD ", "Usd"])
def test_currencies_are_stored_in_upper_case(given: str) -> None:
    assert check_posting({**BARE, "salary_currency": given}).salary_currency == "USD"


@pytest.mark.parametrize("given", ["gb", " GB", "Gb"])
def test_countries_are_stored_in_upper_case(given: str) -> None:
    assert check_posting({**BARE, "country": given}).country == "GB"


@each_case(
    ("name", "given"),
    [
        ("salary_currency", "$"),
        ("salary_currency", "US"),
        ("salary_currency", "USDX"),
        ("salary_currency", "XXX"),
        ("salary_currency", "u\u017fd"),
        ("country", "UK"),
        ("country", "DEU"),
        ("country", "Germany"),
        ("country", "\u0131t"),
    ],
)
def test_other_codes_are_refused(name: str, given: str) -> None:
    with pytest.raises(InvalidPosting) as caught:
        check_posting({**BARE, name: given})
    ((field, reason),) = caught.value.faults
    assert field == name
    assert reason.endswith(f", not '{given}'")
