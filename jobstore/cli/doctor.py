"""The command that examines a store."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from jobstore.cli.common import STORE_DEFAULT, JsonOption, QuietOption, StoreOption
from jobstore.cli.output import console, plain, print_json

if TYPE_CHECKING:
    from jobstore.engines.sqlite.inspection import Finding
    from jobstore.settings import StoreURL

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
    store: StoreOption = STORE_DEFAULT,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Examine a store, and change nothing.

    Looks at SQLite's version, the file, its permissions, the disk, the schema and the pages;
    with --full and --verify more thoroughly, which takes time on a large store. The exit code
    is 1 when there is a problem; a warning leaves it at 0.

    JSON: {"ok", "findings": [{"name", "verdict", "detail"}]}.
    """
    from jobstore.engines.sqlite.inspection import Verdict
    from jobstore.errors import StoreUnavailable
    from jobstore.settings import parse_store_url

    url = parse_store_url(store)
    if not url.path.is_file():
        raise StoreUnavailable(f"There is no database file at {url.path}.")
    findings = [
        dataclasses.replace(each, detail=_ADVICE.sub("", each.detail))
        for each in _examine(url, full, verify)
    ]
    bad = any(each.verdict is Verdict.PROBLEM for each in findings)
    if json:
        print_json({"ok": not bad, "findings": findings})
    elif bad or not quiet:
        _show([each for each in findings if not quiet or each.verdict is not Verdict.OK])
    if bad:
        raise typer.Exit(1)


def _examine(url: StoreURL, full: bool, verify: bool) -> Iterator[Finding]:
    from jobstore import migrations
    from jobstore.engines.sqlite import inspection
    from jobstore.engines.sqlite.inspection import Finding, Verdict
    from jobstore.errors import JobStoreError

    yield inspection.inspect_library()
    yield from inspection.inspect_files(url.path)
    try:
        (migrations.verify if full else migrations.check_schema)(url)
        yield Finding("schema", Verdict.OK, "up to date")
        current = True
    except JobStoreError as error:
        yield Finding("schema", Verdict.PROBLEM, str(error))
        current = False
    yield from inspection.inspect_pages(url.path, full=full and current)
    if verify and current:
        yield from inspection.inspect_rows(url.path)


def _show(findings: list[Finding]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for each in findings:
        verdict = Text(each.verdict, style=_STYLES[each.verdict])
        table.add_row(verdict, each.name, Text(plain(each.detail)))
    console().print(table)
