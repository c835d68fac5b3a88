"""The command that says how well a store is, to people, to programs and by its exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.output import table

if TYPE_CHECKING:
    from jobstore.checks import Check

_STYLES = {"pass": "green", "warn": "yellow", "fail": "bold red"}
_CODES = {"pass": 0, "warn": 1, "fail": 2}


@takes_call
def health(
    call: Call,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="NAME",
            help="Only this component: store, operations, performance, counters, applications, "
            "queue, server, "
            "disk, wal, schema, library, memory, files, permissions, backup, restore-test, archive "
            "or alerts; may be repeated.",
        ),
    ] = None,
) -> None:
    """Look how well a store in use is: it answers, keeps what is written, is quick, has room.

    Use it for monitoring, as often as you like; it does not read all of the data. To examine
    the store's file, or to repair it, use 'jobstore doctor'.

    Every check has a time limit (health.timeout in the settings), so this ends even when the
    disk hangs. What it writes into the store is taken back at once. The exit code is 0 when
    all is well, 1 when something wants attention, 2 when something fails.

    JSON: health+json: {"status", "version", "releaseId", "description", "checks"}.
    """
    from jobstore.operations.health import examine_apart

    with call.operating() as settings:
        report = examine_apart(settings, only=only or ())
    shown = [each for each in report.checks if not call.quiet or each.verdict != "pass"]
    if shown or call.json:
        rows = [
            ((each.verdict, _STYLES[each.verdict]), each.name, _observed(each), each.explanation)
            for each in shown
        ]
        call.give(report.to_json(), lambda: table(["", "", "", ""], rows))
    raise typer.Exit(_CODES[report.verdict])


def _observed(check: Check) -> str:
    if check.observed is None:
        return ""
    value = check.observed if isinstance(check.observed, str) else f"{check.observed:,}"
    unit = check.unit or ""
    if check.observed == 1 and unit != "ms":
        unit = unit.removesuffix("s")
    return f"{value} {unit}".strip()
