"""The spellings that sources use for our enums, and the ISO codes of currencies and countries.

Only tables and the look-up of one text in them live here; no other rule about input does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar, cast

from jobstore.records import EmploymentType, ExperienceLevel, SalaryPeriod, Status, Workplace

E = TypeVar("E", bound=StrEnum)

# Active codes of ISO 4217 (tables A.1 and A.2, with funds and metals), without XTS (for tests)
# and XXX (no currency), in which nothing can be paid.
_ACTIVE_CURRENCIES = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN
    BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR
    FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY
    KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU
    MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON
    RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP
    TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB
    XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XUA YER ZAR ZMW ZWG
"""
# Withdrawn since 2020 (table A.3); postings from before then are still taken in.
_RECENT_CURRENCIES = "ANG BGN CUC HRK SLL ZWL"

CURRENCIES = frozenset((_ACTIVE_CURRENCIES + _RECENT_CURRENCIES).split())
"""Currency codes that a salary may carry (ISO 4217), upper case."""

_COUNTRIES = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR
    BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ
    EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW
    GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY
    KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV
    MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY
    QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG
    TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM
    ZW
"""

COUNTRIES = frozenset(_COUNTRIES.split())
"""Country codes (ISO 3166-1 alpha-2), upper case."""

# What boards write where they state nothing, folded.
_NOT_STATED = "notapplicable notspecified notstated unspecified unknown na none null"

# Folded spellings beside each enum's own: of LinkedIn, Indeed, JobSpy, schema.org/JobPosting
# and the QuantitativeValue.unitText that Google for Jobs asks for.
_SPELLINGS: dict[StrEnum, str] = {
    Workplace.ONSITE: "office inoffice inperson",
    Workplace.HYBRID: "hybridremote remotehybrid partlyremote partiallyremote",
    Workplace.REMOTE: "fullyremote fullremote telecommute telecommuting telework workfromhome wfh"
    " homeoffice",
    EmploymentType.FULL_TIME: "fulltimeemployee",
    EmploymentType.PART_TIME: "parttimeemployee",
    EmploymentType.CONTRACT: "contractor independentcontractor freelance freelancer",
    EmploymentType.TEMPORARY: "temp seasonal summer",
    EmploymentType.INTERNSHIP: "intern internships",
    EmploymentType.VOLUNTEER: "volunteering",
    EmploymentType.PER_DIEM: "",
    EmploymentType.OTHER: "",
    ExperienceLevel.INTERNSHIP: "intern internshiplevel",
    ExperienceLevel.ENTRY: "entrylevel junior juniorlevel",
    ExperienceLevel.ASSOCIATE: "associatelevel",
    ExperienceLevel.MID_SENIOR: "midseniorlevel mid midlevel senior seniorlevel",
    ExperienceLevel.DIRECTOR: "directorlevel",
    ExperienceLevel.EXECUTIVE: "executivelevel",
    SalaryPeriod.HOUR: "hourly hours hr anhour perhour",
    SalaryPeriod.DAY: "daily days aday perday",
    SalaryPeriod.WEEK: "weekly weeks wk aweek perweek",
    SalaryPeriod.MONTH: "monthly months mo amonth permonth",
    SalaryPeriod.YEAR: "yearly years yr ayear peryear annual annually annum perannum pa",
    Status.OPEN: "active",
    Status.CLOSED: "inactive expired",
}

_EITHER = re.compile(r"[^\W\d]\s*[/,|]\s*[^\W\d]")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")


def fold_spelling(text: str) -> str:
    """Return ``text`` without case, white space and punctuation: the key of all spellings."""
    return _NOT_ALPHANUMERIC.sub("", text.casefold())


def says_either(text: str) -> bool:
    """Tell whether a text names one thing or another, as ``Remote/Hybrid`` does."""
    return _EITHER.search(text) is not None


def _table(kind: Iterable[StrEnum]) -> dict[str, StrEnum | None]:
    table: dict[str, StrEnum | None] = dict.fromkeys(_NOT_STATED.split())
    for member in kind:
        for spelling in (member.value, fold_spelling(member.value), *_SPELLINGS[member].split()):
            table[spelling] = member
    return table


_TABLES: dict[type[StrEnum], dict[str, StrEnum | None]] = {
    kind: _table(kind)
    for kind in (Workplace, EmploymentType, ExperienceLevel, SalaryPeriod, Status)
}


def look_up(kind: type[E], text: str) -> E | None:
    """Return the member of ``kind`` that a source spells ``text``.

    Case, white space and punctuation do not matter. ``None`` for spellings of "not stated",
    such as ``Not Applicable``. Raises KeyError for any other text.
    """
    table = _TABLES[kind]
    found = table[text] if text in table else table[fold_spelling(text)]
    if found is Workplace.HYBRID and says_either(text):
        raise KeyError(text)
    return cast("E | None", found)
