"""The records that go in and come out: plain, slotted dataclasses and enums.

No validation, no I/O and no SQL live here: what comes from outside is checked in
:mod:`jobstore.intake`, so a record can be made in half a microsecond.
"""

from jobstore.records.applications import (
    Application,
    ApplicationState,
    ApplicationStatistics,
    Contact,
    Note,
    Stage,
)
from jobstore.records.duplicates import Compared, Duplicate, Pair
from jobstore.records.history import NOBODY, HistoryEntry, Origin, Pruned
from jobstore.records.identity import JOB_NAMESPACE, WHITE_SPACE, job_id
from jobstore.records.kinds import EmploymentType, ExperienceLevel, SalaryPeriod, Status, Workplace
from jobstore.records.postings import (
    COMPANY_NOT_STATED,
    MAX_ATTRIBUTES,
    AlsoOn,
    Job,
    JobPosting,
    JobSummary,
    Location,
    Revision,
)
from jobstore.records.results import (
    IntakeWarning,
    Outcome,
    Rejection,
    UpsertReport,
    UpsertResult,
)
from jobstore.records.runs import RunReport
from jobstore.records.searches import NewMatches, SavedSearch
from jobstore.records.searching import FacetCount, Page, SearchQuery, Sort
from jobstore.records.statistics import ApplicantStatistics, SalaryQuartiles, Statistics

__all__ = [
    "COMPANY_NOT_STATED",
    "JOB_NAMESPACE",
    "MAX_ATTRIBUTES",
    "NOBODY",
    "WHITE_SPACE",
    "AlsoOn",
    "ApplicantStatistics",
    "Application",
    "ApplicationState",
    "ApplicationStatistics",
    "Compared",
    "Contact",
    "Duplicate",
    "EmploymentType",
    "ExperienceLevel",
    "FacetCount",
    "HistoryEntry",
    "IntakeWarning",
    "Job",
    "JobPosting",
    "JobSummary",
    "Location",
    "NewMatches",
    "Note",
    "Origin",
    "Outcome",
    "Page",
    "Pair",
    "Pruned",
    "Rejection",
    "Revision",
    "RunReport",
    "SalaryPeriod",
    "SalaryQuartiles",
    "SavedSearch",
    "SearchQuery",
    "Sort",
    "Stage",
    "Statistics",
    "Status",
    "UpsertReport",
    "UpsertResult",
    "Workplace",
    "job_id",
]
