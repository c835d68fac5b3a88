"""The fields of a posting as they may come from outside, and the rule of each.

pydantic is imported here and nowhere else on the way of a posting. It takes as long to load
as all the rest, so :mod:`jobstore.intake` imports this module when it is first needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainValidator, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from jobstore.errors import Fault
from jobstore.intake import coercion, places
from jobstore.intake.coercion import choice, line, required
from jobstore.records import (
    MAX_ATTRIBUTES,
    EmploymentType,
    ExperienceLevel,
    Location,
    SalaryPeriod,
    Status,
    Workplace,
)

MAX_SOURCE = 64
MAX_SOURCE_JOB_ID = 255
MAX_TITLE = 500
MAX_COMPANY = 300
MAX_INDUSTRY = 300
MAX_COMPANY_SIZE = 100
MAX_SALARY_TEXT = 300
MAX_URL = 2_048
MAX_DESCRIPTION = 200_000
MAX_SKILLS = 200
MAX_SKILL = 200

_Url = Annotated[str | None, PlainValidator(coercion.url(MAX_URL))]
_Amount = Annotated[Decimal | None, PlainValidator(coercion.amount)]
_Time = Annotated[datetime | None, PlainValidator(coercion.moment)]
_Skill = Annotated[str | None, PlainValidator(line(MAX_SKILL))]


class _Posting(TypedDict, total=False):
    # Keys are not rewritten: job_id() has to give the same id before a posting is stored.
    source: Annotated[str, PlainValidator(required(line(MAX_SOURCE, exact=True)))]
    source_job_id: Annotated[str, PlainValidator(required(line(MAX_SOURCE_JOB_ID, exact=True)))]
    title: Annotated[str, PlainValidator(required(line(MAX_TITLE)))]
    company: Annotated[str, PlainValidator(required(line(MAX_COMPANY)))]
    location: Annotated[str | None, PlainValidator(line(places.MAX_LOCATION))]
    locations: Annotated[list[Location], PlainValidator(places.locations)]
    country: Annotated[str | None, PlainValidator(coercion.country)]
    workplace: Annotated[Workplace | None, PlainValidator(choice(Workplace))]
    employment_type: Annotated[EmploymentType | None, PlainValidator(choice(EmploymentType))]
    experience_level: Annotated[ExperienceLevel | None, PlainValidator(choice(ExperienceLevel))]
    industry: Annotated[str | None, PlainValidator(line(MAX_INDUSTRY))]
    description: Annotated[str | None, PlainValidator(coercion.document(MAX_DESCRIPTION))]
    skills: Annotated[
        list[_Skill],
        BeforeValidator(coercion.listed(MAX_SKILLS)),
        AfterValidator(coercion.distinct),
    ]
    salary_min: _Amount
    salary_max: _Amount
    salary_currency: Annotated[str | None, PlainValidator(coercion.currency)]
    salary_period: Annotated[SalaryPeriod | None, PlainValidator(choice(SalaryPeriod))]
    salary_text: Annotated[str | None, PlainValidator(line(MAX_SALARY_TEXT))]
    url: _Url
    apply_url: _Url
    company_url: _Url
    company_size: Annotated[str | None, PlainValidator(line(MAX_COMPANY_SIZE))]
    applicant_count: Annotated[int | None, PlainValidator(coercion.count)]
    posted_at: _Time
    expires_at: Annotated[datetime | None, PlainValidator(coercion.end)]
    attributes: Annotated[dict[str, Any], PlainValidator(coercion.json_object(MAX_ATTRIBUTES))]
    status: Annotated[Status | None, PlainValidator(choice(Status))]
    first_seen_at: _Time
    last_seen_at: _Time
    closed_at: _Time


_POSTING = TypeAdapter(_Posting)


def read_fields(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """Return the normalised values of those fields that are sound, and the faults of the rest.

    Fields that a posting does not have are passed over.
    """
    try:
        return {**_POSTING.validate_python(given)}, []
    except ValidationError as error:
        faults = [_fault(details) for details in error.errors(include_url=False)]
    wrong = {fault.field for fault in faults}
    sound = {name: value for name, value in given.items() if name not in wrong}
    return {**_POSTING.validate_python(sound)}, faults


def _fault(details: Any) -> Fault:
    field, *item = details["loc"]
    reason = str(details["ctx"]["error"])
    return Fault(field, f"item {item[0] + 1} {reason}" if item else reason)
