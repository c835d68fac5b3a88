"""The command that examines a store, and mends what can be rebuilt."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Annotated

import typer

from jobstore.cli.common import (
    ConfigOption,
    JsonOption,
    QuietOption,
    StoreOption,
    confirm,
    load_settings,
)
from jobstore.cli.output import console, folded, print_json, say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobstore.engines.backend import Finding

# What errors advise elsewhere; here it is being done.
_ADVICE = re.compile("run 'jobstore doctor', then |; run 'jobstore doctor'(?!,)")
_STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}


def doctor(
    full: Annotated[
        bool,
        typer.Option(
            "--full", metavar="", help="Check every page and index, not only the structure."
        ),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", metavar="", help="Read every posting and recount everything."),
    ] = False,
    repair: Annotated[
        bool,
        typer.Option("--repair", metavar="", help="Rebuild what follows from the postings."),
    ] = False,
    no_copy: Annotated[
        bool,
        typer.Option("--no-copy", metavar="", help="Keep no copy of the store before a repair."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", metavar="", help="Do not ask.")] = False,
    store: StoreOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Examine a store, and change nothing unless --repair is given.

    Looks at SQLite's version, the file, its permissions, the disk, the schema and the pages;
    with --full and --verify more thoroughly, which takes time on a large store. The exit code
    is 1 when there is a problem; a warning leaves it at 0.

    --repair does both, then rebuilds the counters, the full-text index and other indexes where
    they are wrong, and keeps the result only if all is sound then. A copy of the store as it
    was stays beside it.

    JSON: {"ok", "findings": [{"name", "verdict", "detail"}]}; with --repair also {"repaired",
    "copy"}: what was done, and where the copy is.
    """
    from jobstore.operations import maintenance

    settings = load_settings(store, config, quiet=quiet or json)
    url = settings.store.url
    found = _adapted(maintenance.examine(url, full=full or repair, verify=verify or repair))
    if not repair:
        return _report(found, json, quiet)
    if not json:
        _show(found, quiet)
    planned = maintenance.plan(url, found)
    if planned:
        confirm(f"Rebuild {', '.join(dict.fromkeys(planned.values()))}?", yes=yes)
    return _repair(url, [*planned], found, copy=not no_copy, json=json, quiet=quiet)


def _repair(
    store: str, names: list[str], found: list[Finding], *, copy: bool, json: bool, quiet: bool
) -> None:
    from jobstore.cli.progress import Progress
    from jobstore.engines import backend_of
    from jobstore.settings import parse_store_url

    if not names:
        if json:
            return print_json({"ok": True, "findings": found, "repaired": [], "copy": None})
        return say("Nothing to repair.", quiet=quiet)
    with Progress("Indexing", None, quiet=quiet) as bar:
        url = parse_store_url(store)
        repaired = backend_of(url).upkeep.repair(
            url, names, copy=copy, progress=lambda rows: bar.advance(rows, rows)
        )
    kept = None if repaired.copy is None else str(repaired.copy)
    if json:
        findings = _adapted(repaired.findings)
        return print_json(
            {"ok": True, "findings": findings, "repaired": repaired.done, "copy": kept}
        )
    for each in repaired.done:
        say(f"{each[0].upper()}{each[1:]}.", quiet=quiet)
    if kept:
        say(f"The store as it was is in {kept}; remove it when it is no longer needed.")
    return say("The store is sound now.", quiet=quiet)


def _report(found: list[Finding], json: bool, quiet: bool) -> None:
    bad = any(each.verdict == "problem" for each in found)
    if json:
        print_json({"ok": not bad, "findings": found})
    elif bad or not quiet:
        _show(found, quiet)
    if bad:
        raise typer.Exit(1)


def _adapted(found: Iterable[Finding]) -> list[Finding]:
    return [dataclasses.replace(each, detail=_ADVICE.sub("", each.detail)) for each in found]


def _show(found: list[Finding], quiet: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for each in found:
        if not quiet or each.verdict != "ok":
            verdict = Text(each.verdict, style=_STYLES[each.verdict])
            table.add_row(verdict, each.name, folded(each.detail))
    if table.row_count:
        console().print(table)
