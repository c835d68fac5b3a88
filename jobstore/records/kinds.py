"""The values that fields of a posting have, where there are few of them."""

from __future__ import annotations

from enum import StrEnum


class Workplace(StrEnum):
    """Where the work is done; ``None`` on a record means that it was not stated."""

    ONSITE = "onsite"
    HYBRID = "hybrid"
    REMOTE = "remote"


class EmploymentType(StrEnum):
    """The kind of contract."""

    FULL_TIME = "full_time"
    PART_TIME = "part_time"
    CONTRACT = "contract"
    TEMPORARY = "temporary"
    INTERNSHIP = "internship"
    VOLUNTEER = "volunteer"
    PER_DIEM = "per_diem"
    OTHER = "other"


class ExperienceLevel(StrEnum):
    """The seniority asked for, as LinkedIn grades it."""

    INTERNSHIP = "internship"
    ENTRY = "entry"
    ASSOCIATE = "associate"
    MID_SENIOR = "mid_senior"
    DIRECTOR = "director"
    EXECUTIVE = "executive"


class SalaryPeriod(StrEnum):
    """What a salary amount is paid for."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Status(StrEnum):
    """Whether the opening is still advertised."""

    OPEN = "open"
    CLOSED = "closed"
