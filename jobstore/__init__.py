"""jobstore: an async, raw-SQL data access layer for job postings.

::

    async with jobstore.connect("sqlite:///jobs.db", migrate=True) as store:
        await store.upsert(jobstore.JobPosting(source="board", source_job_id="1",
                                               title="Data Engineer", company="Acme"))
        page = await store.search(jobstore.SearchQuery(text="data"))

Everything that users import is named here, and nothing else is public but
:mod:`jobstore.exchange`.
"""

from jobstore.checks import Check, HealthLimits, HealthReport, Verdict
from jobstore.connecting import connect
from jobstore.errors import (
    BackupError,
    CopyError,
    Fault,
    InvalidPosting,
    InvalidQuery,
    InvalidSettings,
    JobNotFound,
    JobStoreError,
    MigrationError,
    OutcomeUnknown,
    SchemaMismatch,
    StorageFull,
    StoreBusy,
    StoreClosed,
    StoreCorrupt,
    StoreTimeout,
    StoreUnavailable,
    VersionConflict,
)
from jobstore.events import Event, Observer
from jobstore.lifecycle.runs import ScrapeRun
from jobstore.postings import Transaction
from jobstore.records import (
    AlsoOn,
    ApplicantStatistics,
    Compared,
    Duplicate,
    EmploymentType,
    ExperienceLevel,
    FacetCount,
    HistoryEntry,
    IntakeWarning,
    Job,
    JobPosting,
    JobSummary,
    Location,
    Outcome,
    Page,
    Pair,
    Pruned,
    Rejection,
    Revision,
    RunReport,
    SalaryPeriod,
    SalaryQuartiles,
    SearchQuery,
    Sort,
    Statistics,
    Status,
    UpsertReport,
    UpsertResult,
    Workplace,
    job_id,
)
from jobstore.settings import EngineOptions, SourceRules
from jobstore.store import JobStore
from jobstore.version import __version__ as __version__

__all__ = [
    "AlsoOn",
    "ApplicantStatistics",
    "BackupError",
    "Check",
    "Compared",
    "CopyError",
    "Duplicate",
    "EmploymentType",
    "EngineOptions",
    "Event",
    "ExperienceLevel",
    "FacetCount",
    "Fault",
    "HealthLimits",
    "HealthReport",
    "HistoryEntry",
    "IntakeWarning",
    "InvalidPosting",
    "InvalidQuery",
    "InvalidSettings",
    "Job",
    "JobNotFound",
    "JobPosting",
    "JobStore",
    "JobStoreError",
    "JobSummary",
    "Location",
    "MigrationError",
    "Observer",
    "Outcome",
    "OutcomeUnknown",
    "Page",
    "Pair",
    "Pruned",
    "Rejection",
    "Revision",
    "RunReport",
    "SalaryPeriod",
    "SalaryQuartiles",
    "SchemaMismatch",
    "ScrapeRun",
    "SearchQuery",
    "Sort",
    "SourceRules",
    "Statistics",
    "Status",
    "StorageFull",
    "StoreBusy",
    "StoreClosed",
    "StoreCorrupt",
    "StoreTimeout",
    "StoreUnavailable",
    "Transaction",
    "UpsertReport",
    "UpsertResult",
    "Verdict",
    "VersionConflict",
    "Workplace",
    "connect",
    "job_id",
]
