"""What health says: the worst verdict, the form of health+json, and through a pipe."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from multiprocessing import Pipe

import pytest
from hypothesis import given
from hypothesis import strategies as st

import jobstore
from jobstore.checks import Check, HealthReport, Verdict
from jobstore.verdicts import at_least, at_most

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)

names = st.from_regex(r"[a-z]{1,8}:[a-z]{1,8}", fullmatch=True)
observed = st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
checks = st.builds(
    Check,
    name=names,
    verdict=st.sampled_from(Verdict),
    time=st.datetimes(timezones=st.just(UTC)),
    kind=st.sampled_from(["datastore", "system", "component"]),
    observed=observed,
    unit=st.none() | st.text(),
    output=st.text(),
    advice=st.text(),
)


def check(name: str, verdict: Verdict) -> Check:
    return Check(name=name, verdict=verdict, time=AT)


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ([], "pass"),
        (["pass", "pass"], "pass"),
        (["warn", "pass"], "warn"),
        (["warn", "fail", "pass"], "fail"),
    ],
)
def test_the_worst_check_is_the_verdict(verdicts: list[str], worst: str) -> None:
    report = HealthReport([check(f"c:{n}", Verdict(each)) for n, each in enumerate(verdicts)])
    assert report.verdict == worst


def test_those_that_fail_are_named() -> None:
    verdicts = {"disk:free": Verdict.FAIL, "wal:size": Verdict.WARN, "store:a": Verdict.FAIL}
    report = HealthReport([check(name, verdict) for name, verdict in verdicts.items()])
    assert report.failing() == ("disk:free", "store:a")


def test_the_form_is_that_of_health_json() -> None:
    east = timezone(timedelta(hours=2))
    measured = Check(
        name="disk:free",
        verdict=Verdict.WARN,
        time=datetime(2026, 3, 1, 14, tzinfo=east),
        kind="system",
        observed=15.5,
        unit="percent",
        output="46 MiB are free",
        advice="free some space",
    )
    report = HealthReport([measured, check("store:responseTime", Verdict.PASS)]).to_json()
    assert report == {
        "status": "warn",
        "version": jobstore.__version__.rpartition(".")[0],
        "releaseId": jobstore.__version__,
        "description": "jobstore",
        "checks": {
            "disk:free": [
                {
                    "componentType": "system",
                    "observedValue": 15.5,
                    "observedUnit": "percent",
                    "status": "warn",
                    "time": "2026-03-01T12:00:00Z",
                    "output": "46 MiB are free",
                    "advice": "free some space",
                }
            ],
            "store:responseTime": [
                {"componentType": "datastore", "status": "pass", "time": "2026-03-01T12:00:00Z"}
            ],
        },
    }


@given(st.lists(checks, unique_by=lambda each: each.name))
def test_a_report_is_json_and_comes_whole_from_another_process(found: list[Check]) -> None:
    report = HealthReport(found)
    told = json.loads(json.dumps(report.to_json()))["checks"]
    assert [(name, each["status"]) for name, (each,) in told.items()] == [
        (each.name, each.verdict) for each in found
    ]
    reading, writing = Pipe(duplex=False)
    with reading, writing:
        writing.send(report)
        assert reading.recv() == report


@pytest.mark.parametrize(
    ("value", "verdict", "limit"),
    [(1, "pass", 5), (5, "pass", 5), (5.1, "warn", 5), (9, "warn", 5), (9.1, "fail", 9)],
)
def test_a_value_at_its_limit_is_within_it(value: float, verdict: str, limit: float) -> None:
    high = at_most(value, "ms", 5, 9)
    assert (high.verdict, high.observed, high.limit) == (verdict, value, limit)
    assert high.output == ("" if verdict == "pass" else f"is above {limit} ms")
    low = at_least(-value, "percent", -5, -9, told="too low", advice="add some")
    assert (low.verdict, low.observed, low.limit) == (verdict, -value, -limit)
    assert low.explanation == ("" if verdict == "pass" else "too low; add some")


def test_without_a_limit_to_fail_nothing_fails() -> None:
    assert at_most(1e300, "ms", 1).verdict == "warn"
    assert at_least(-1e300, "ms", 1, told="too low").verdict == "warn"
