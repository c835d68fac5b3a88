"""What users import: the names, the signatures, the errors, the words about them."""

from __future__ import annotations

import inspect
import pickle
import re
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib import metadata
from typing import Any

import jobstore
from jobstore import errors
from jobstore.store import JobStore, Transaction
from tests.fixtures.cases import each_case

PUBLIC = [getattr(jobstore, name) for name in jobstore.__all__]
CLASSES = [each for each in PUBLIC if inspect.isclass(each)]
ERRORS = [each for each in CLASSES if issubclass(each, Exception)]


def test_all_is_sorted_complete_and_without_repetition() -> None:
    assert jobstore.__all__ == sorted(set(jobstore.__all__))
    modules = {name for name, each in vars(jobstore).items() if inspect.ismodule(each)}
    given = {name for name in vars(jobstore) if not name.startswith("_")} - modules
    assert given == set(jobstore.__all__)


def test_the_names_of_the_design_are_there() -> None:
    assert set(jobstore.__all__) >= {
        "InvalidPosting",
        "InvalidQuery",
        "Job",
        "JobNotFound",
        "JobPosting",
        "JobStoreError",
        "JobSummary",
        "MigrationError",
        "OutcomeUnknown",
        "Page",
        "SchemaMismatch",
        "SearchQuery",
        "Statistics",
        "StorageFull",
        "StoreBusy",
        "StoreClosed",
        "StoreCorrupt",
        "StoreTimeout",
        "StoreUnavailable",
        "UpsertReport",
        "UpsertResult",
        "VersionConflict",
        "connect",
        "job_id",
    }


def test_the_version_is_the_one_that_is_installed_or_declared() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", jobstore.__version__)
    try:
        installed = metadata.version("jobstore")
    except metadata.PackageNotFoundError:
        return
    assert installed == jobstore.__version__


SIGNATURES = {
    "apply": (
        "(id, *, state=<ApplicationState.APPLIED: 'applied'>, at=None, note=None, contacts=None, "
        "due_at=None, force=False)"
    ),
    "set_application": (
        "(id, *, state=None, at=None, note=None, contacts=None, due_at=<Unset.UNSET: 'unset'>, "
        "force=False)"
    ),
    "applications": "(state=None, *, job_id=None, limit=100, after=None)",
    "closed_applications": "(state=None, *, limit=100)",
    "save_search": "(name, query=None, *, since=None)",
    "saved_searches": "()",
    "remove_search": "(name)",
    "new_matches": "(name, *, limit=100)",
    "acknowledge": "(name, matches)",
    "upsert": "(posting, *, strict=None, seen_at=None)",
    "upsert_many": "(postings, *, strict=None, seen_at=None, progress=None)",
    "get": "(id, *, version=None, at=None)",
    "get_many": "(ids)",
    "find": "(source, source_job_id)",
    "update": "(id, changes, *, expected_version=None)",
    "delete": "(id)",
    "join": "(id, source, source_job_id)",
    "search": "(query=None, *, limit=20, cursor=None, facets=(), snippets=True)",
    "recent": "(days=7, limit=20, *, cursor=None)",
    "count": "(query=None)",
    "statistics": "()",
    "stream": "(query=None)",
    "stream_applications": "()",
    "stream_run": "(run)",
    "undo_application": "(id, *, note=False)",
    "revisions": "(id)",
    "check_duplicates": "()",
    "confirm_duplicate": "(id, other)",
    "duplicate_pairs": "(verdict='maybe')",
    "duplicates": "(id)",
    "find_duplicates": "(*, again=False, ids=None, limit=None, progress=None)",
    "reject_duplicate": "(id, other)",
    "undo_duplicate": "(id, other)",
    "history": "(id, *, limit=None)",
    "prune": "(older_than, *, dry_run=False)",
    "close_expired": "()",
    "gone": "(id, *, http_status=410)",
    "runs": "(source=None, *, scope=None, limit=20)",
    "scrape_run": "(source, scope=None, *, whole=False, seen_at=None)",
    "transaction": "(timeout=30.0)",
    "close": "()",
    "health": "(limits=None, *, more=())",
    "observe": "(observer)",
    "position": "()",
    "at_least": "(position)",
}


def _bare(function: Any) -> str:
    signature = inspect.signature(function)
    parameters = [
        each.replace(annotation=inspect.Parameter.empty)
        for each in signature.parameters.values()
        if each.name != "self"
    ]
    return str(signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty))


def _methods(kind: type) -> dict[str, Any]:
    return {
        name: each
        for name, each in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def test_the_store_has_the_methods_of_the_design() -> None:
    assert {name: _bare(each) for name, each in _methods(JobStore).items()} == SIGNATURES


def test_a_transaction_has_the_operations_on_single_postings() -> None:
    names = ("upsert", "update", "delete", "join", "get", "find", "get_many")
    assert {name: _bare(each) for name, each in _methods(Transaction).items()} == {
        name: "(id)" if name == "get" else SIGNATURES[name] for name in names
    }


def test_functions_have_the_signatures_of_the_design() -> None:
    assert _bare(jobstore.job_id) == "(source, source_job_id)"
    assert _bare(jobstore.connect) == (
        "(url=None, *, migrate=False, options=None, observers=(), clock=None, actor=None,"
        " sources=None)"
    )


def test_records_have_the_fields_of_the_design() -> None:
    posting = (
        "source source_job_id title company location locations country workplace employment_type"
        " experience_level industry description skills salary_min salary_max salary_currency"
        " salary_period salary_text url apply_url company_url company_size applicant_count"
        " posted_at expires_at attributes"
    )
    sighting = "status first_seen_at last_seen_at closed_at"
    query = (
        "text source company location country workplace employment_type experience_level"
        " industry status skills salary_min salary_max salary_currency posted_since"
        " posted_until applicants_min applicants_max expired application sort"
        " collapse_duplicates"
    )

    def names(kind: type) -> str:
        return " ".join(field.name for field in fields(kind))

    known = f"{posting} {sighting}"
    assert names(jobstore.JobPosting) == known
    stored = {"id", "version", "updated_at", "description_text"}
    assert set(names(jobstore.Job).split()) == {*known.split(), *stored}
    assert names(jobstore.SearchQuery) == query
    assert names(jobstore.Page) == "items next_cursor total total_capped facets notes"
    assert names(jobstore.UpsertResult) == "id outcome version warnings reopened"
    assert names(jobstore.UpsertReport) == "inserted updated unchanged rejected warnings"
    assert names(jobstore.Rejection) == "index source_job_id reasons"
    assert "description" not in names(jobstore.JobSummary).split()


def test_enums_have_the_values_of_the_design() -> None:
    values = {kind.__name__: " ".join(kind) for kind in CLASSES if issubclass(kind, Enum)}
    assert values == {
        "ApplicationState": "saved applied interviewing offered accepted rejected withdrawn"
        " declined no_response",
        "EmploymentType": "full_time part_time contract temporary internship volunteer"
        " per_diem other",
        "ExperienceLevel": "internship entry associate mid_senior director executive",
        "Outcome": "inserted updated unchanged",
        "SalaryPeriod": "hour day week month year",
        "Sort": "newest relevance salary applicants expires",
        "Verdict": "pass warn fail",
        "Status": "open closed",
        "Workplace": "onsite hybrid remote",
    }


def test_records_are_slotted_dataclasses() -> None:
    records = [each for each in CLASSES if is_dataclass(each)]

    assert len(records) >= 12
    assert [each.__name__ for each in records if "__slots__" not in vars(each)] == []


@each_case("name", jobstore.__all__)
def test_everything_public_is_documented(name: str) -> None:
    each = getattr(jobstore, name)
    if name == "Observer":  # a type alias; its module documents it
        return
    assert inspect.getdoc(each)
    assert not str(each.__doc__).startswith(f"{name}(")  # what dataclass writes by itself
    if inspect.isclass(each):
        undocumented = [
            method for method, function in _methods(each).items() if not inspect.getdoc(function)
        ]
        assert undocumented == []


def _drawn() -> dict[str, str]:
    """Return each error of the tree in the docstring, with the one above it."""
    parents: dict[str, str] = {}
    stack: list[str] = []
    for line in str(errors.__doc__).splitlines():
        found = re.fullmatch(r"    ([│ ]*)(?:[├└]── )?([A-Z]\w+)(?: .*)?", line)
        if found is None:
            continue
        depth = (len(found[1]) // 4 + 1) if "──" in line else 0
        stack[depth:] = [found[2]]
        parents[found[2]] = stack[depth - 1] if depth else "Exception"
    return parents


def test_the_tree_of_errors_is_as_it_is_drawn() -> None:
    def parent(kind: type) -> str:
        return next(each.__name__ for each in kind.__mro__[1:] if not each.__name__.startswith("_"))

    assert _drawn() == {kind.__name__: parent(kind) for kind in ERRORS}
    assert sorted(errors.__all__) == errors.__all__
    assert {kind.__name__ for kind in ERRORS} == set(errors.__all__) - {"Fault"}


@each_case("kind", ERRORS)
def test_an_error_says_its_docstring_and_survives_pickling(kind: type[Exception]) -> None:
    faulty = issubclass(
        kind, (jobstore.InvalidPosting, jobstore.InvalidQuery, jobstore.InvalidSettings)
    )
    error = kind([]) if faulty else kind()
    assert str(error) == str(kind.__doc__).splitlines()[0]

    told = kind([jobstore.Fault("title", "is required")] if faulty else "Do this.")
    again = pickle.loads(pickle.dumps(told))
    assert (type(again), str(again)) == (kind, str(told))
    if faulty:
        assert again.faults == told.faults


def test_faults_read_as_sentences() -> None:
    error = jobstore.InvalidPosting(
        [jobstore.Fault("title", "is required"), jobstore.Fault("", "is odd")]
    )
    assert str(error) == "title: is required; is odd"
    assert jobstore.InvalidQuery("is odd").faults == (jobstore.Fault("", "is odd"),)
