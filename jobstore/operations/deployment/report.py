"""The report of a deployment, as Markdown for people; every figure was measured in that run.

Pure: a deployment goes in, text comes out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobstore.moments import for_people
from jobstore.operations.deployment.gates import shown, wanted
from jobstore.verdicts import Check, Verdict

if TYPE_CHECKING:
    from jobstore.operations.deployment.records import Deployment


def markdown(deployment: Deployment) -> str:
    """Return the report."""
    return "\n".join([*_head(deployment), *_phases(deployment), *_end(deployment)]) + "\n"


def _head(deployment: Deployment) -> Iterator[str]:
    yield f"# {deployment.kind.capitalize()} {deployment.number}: {verdict(deployment)}"
    yield ""
    yield "| | |"
    yield "| --- | --- |"
    facts: dict[str, object] = {
        "environment": deployment.environment,
        "store": deployment.store,
        "began": f"{for_people(deployment.started_at)} UTC",
        "took": deployment.seconds and f"{deployment.seconds:,.1f} s",
        "run": deployment.run_id,
        "versions": ", ".join(f"{name} {each}" for name, each in deployment.versions.items()),
        "settings from": ", ".join(deployment.settings),
        "goes on from": _numbered(deployment.continues, " which was interrupted"),
        "returns to": _numbered(deployment.to),
        "before": deployment.before,
        "after": deployment.after,
        "migrations applied": ", ".join(deployment.applied),
        "sample postings": deployment.samples and f"{deployment.samples:,}",
        "backup before": deployment.backup,
        "to return to this": deployment.go and deployment.snapshot,
        "lost": deployment.loss,
        "what was there is in": deployment.saved,
    }
    for name, told in facts.items():
        if told not in (None, "", 0, False):
            yield f"| {name} | {_cell(f'{told}')} |"


def verdict(deployment: Deployment) -> str:
    """Return ``go``, ``no-go`` or that it has not ended."""
    if deployment.go:
        return "go"
    return "running" if deployment.status == "running" else f"no-go ({deployment.status})"


def _phases(deployment: Deployment) -> Iterator[str]:
    for phase in deployment.phases:
        yield ""
        yield f"## {phase.name.capitalize()}, {phase.seconds:,.2f} s"
        yield ""
        yield "| gate | | measured | target | seconds |"
        yield "| --- | --- | --- | --- | ---: |"
        for check in phase.gates:
            yield _row(check)


def _row(check: Check) -> str:
    told = shown(check)
    if check.advice and check.verdict is not Verdict.PASS:
        told = f"{told}; {check.advice}"
    cells = (check.name, check.verdict.value, told, wanted(check))
    return f"| {' | '.join(_cell(each) for each in cells)} | {check.seconds:.3f} |"


def _end(deployment: Deployment) -> Iterator[str]:
    if deployment.error is not None:
        yield from ("", "## What failed", "", _line(deployment.error))
        if deployment.advice:
            yield from ("", _line(deployment.advice))
    for title, lines in (
        ("What was put back", deployment.undone),
        ("What was not put back", deployment.left),
    ):
        if lines:
            yield from ("", f"## {title}", "", *(f"- {_line(line)}" for line in lines))


def _numbered(number: int | None, more: str = "") -> str:
    return "" if number is None else f"deployment {number},{more}" if more else f"{number}"


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _line(text: str) -> str:
    return " ".join(text.split())
