"""The command that tells how well a store is, to people, to monitors and to exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobstore.cli.common import (
    ConfigOption,
    JsonOption,
    QuietOption,
    StoreOption,
    operating,
)
from jobstore.cli.output import console, folded, plain, print_json

if TYPE_CHECKING:
    from jobstore.checks import Check, HealthReport

_STYLES = {"pass": "green", "warn": "yellow", "fail": "bold red"}
_CODES = {"pass": 0, "warn": 1, "fail": 2}


def health(
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="NAME",
            help="Only this component: store, operations, performance, counters, queue, disk, wal, "
            "schema, library, memory, files, backup, restore-test or alerts; may be repeated.",
        ),
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Look how well a store is: it answers, keeps what is written, is quick, and has room.

    Every check has a time limit (health.timeout in the settings), so this ends even when the
    disk hangs. What it writes into the store is taken back at once. The exit code is 0 when
    all is well, 1 when something wants attention, 2 when something fails.

    JSON: health+json: {"status", "version", "releaseId", "description", "checks"}.
    """
    from jobstore.operations.health import examine_apart

    with operating(store, config, quiet=quiet or json) as settings:
        report = examine_apart(settings, only=only or ())
    if json:
        print_json(report.to_json())
    else:
        _show(report, quiet)
    raise typer.Exit(_CODES[report.verdict])


def _show(report: HealthReport, quiet: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for each in report.checks:
        if not quiet or each.verdict != "pass":
            verdict = Text(each.verdict, style=_STYLES[each.verdict])
            table.add_row(verdict, each.name, _observed(each), folded(each.output))
    if table.row_count:
        console().print(table)


def _observed(check: Check) -> str:
    if check.observed is None:
        return ""
    value = check.observed if isinstance(check.observed, str) else f"{check.observed:,}"
    unit = check.unit or ""
    if check.observed == 1 and unit != "ms":
        unit = unit.removesuffix("s")
    return plain(f"{value} {unit}".strip())
