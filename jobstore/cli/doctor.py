"""The command that examines a store, and rebuilds what can be rebuilt."""

from __future__ import annotations

import dataclasses
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.common import YesOption, confirm
from jobstore.cli.output import counted, say, table
from jobstore.errors import StoreCorrupt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

    from jobstore.checks import Check
    from jobstore.settings.sections import Settings
    from jobstore.store import JobStore

# Advice of errors that makes no sense here, since this is that command.
_ADVICE = re.compile("run 'jobstore doctor', then |; run 'jobstore doctor'(?!,)")
_STYLES = {"pass": "green", "warn": "yellow", "fail": "bold red"}


@takes_call
def doctor(
    call: Call,
    full: Annotated[
        bool,
        typer.Option("--full", help="Check every page and index, not only the structure."),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Read every posting and recount everything."),
    ] = False,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Rebuild what follows from the postings."),
    ] = False,
    no_copy: Annotated[
        bool,
        typer.Option("--no-copy", help="Keep no copy of the store before a repair."),
    ] = False,
    identities: Annotated[
        bool,
        typer.Option(
            "--identities", help="Look only for postings that are stored under several keys."
        ),
    ] = False,
    yes: YesOption = False,
) -> None:
    """Examine a store's file, and change nothing unless --repair is given.

    Looks at SQLite's version, the file, its permissions, the disk, the schema and the pages;
    with --full and --verify more thoroughly, which takes time on a large store. Use it when you
    doubt the data, and after a crash or a full disk; whether a store in use works and is quick
    enough is what 'jobstore health' tells. The exit code is 1 when there is a problem; a warning
    leaves it at 0.

    --repair does what --full and --verify do, then rebuilds the counters, the full-text index and
    other indexes where they are wrong, and keeps the result only if all is sound then. A copy of
    the store as it was stays beside it. Duplicates that do not hang together are compared anew.

    --identities looks for nothing but postings that are stored under another key than their address
    says, since earlier rules took the host for the source. With --repair each gets its proper key,
    and those that are one become one: what was seen last wins, the others fill in what it lacks,
    and the history of all stays. It may be interrupted and run again.

    JSON: {"ok", "findings": [{"name", "verdict", "detail"}]}; with --repair also {"repaired",
    "copy"}: what was done, and where the copy is. With --identities: {"ok", "looked",
    "elsewhere", "superfluous", "boards": {source: number}, "repaired"}, with numbers.
    """
    if identities:
        _identities(call, repair=repair, yes=yes)
        return
    from jobstore.operations import maintenance

    url = call.settings.store.url
    examined = maintenance.examine(url, full=full or repair, verify=verify or repair)
    found = _adapted(call.settings, examined)
    duplicates = []
    # They follow from the postings, and are looked at where those can be read.
    if (verify or repair) and not any(each.verdict == "fail" for each in found):
        duplicates = call.run(lambda store: store.check_duplicates())
        found.append(_of_duplicates(call.settings, len(duplicates)))
    if not repair:
        bad = any(each.verdict == "fail" for each in found)
        _give(call, {"ok": not bad, "findings": _as_json(found)}, found)
        if bad:
            raise typer.Exit(1)
        return
    if not call.json:
        _give(call, None, found)
    with _hinting(call.settings):
        planned = maintenance.plan(url, found)
    if duplicates:
        confirm(f"Compare {counted(len(duplicates), 'posting')} anew?", yes=yes)
        _compare(call, duplicates, found)
        return
    if planned:
        confirm(f"Rebuild {', '.join(dict.fromkeys(planned.values()))}?", yes=yes)
    _repair(call, [*planned], found, copy=not no_copy)


def _identities(call: Call, *, repair: bool, yes: bool) -> None:
    from jobstore.cli.common import with_store
    from jobstore.cli.progress import Progress
    from jobstore.operations.identities import Misplaced, examine

    def run(*, repair: bool) -> Misplaced:
        async def work(store: JobStore) -> Misplaced:
            total = await store.count()
            title = "Joining" if repair else "Looking"
            with Progress(title, total, quiet=call.quiet) as bar:
                return await examine(
                    store, repair=repair, progress=lambda rows: bar.advance(rows, rows)
                )

        return with_store(call.settings, work)

    found = run(repair=False)
    told = (
        f"{counted(found.elsewhere, 'posting')} of {found.looked:,} stored under another key than "
        f"the address says, {found.superfluous:,} of them beside another one of the same posting"
    )
    if found.elsewhere and repair:
        say(f"{told}.", quiet=call.json)
        confirm("Give each its proper key, and join those that are one?", yes=yes)
        found = run(repair=True)
        gone = f"{found.superfluous:,} of them joined to another one"
        told = f"{counted(found.elsewhere, 'posting')} got the proper key, {gone}"
    elif found.elsewhere:
        told += "; 'jobstore doctor --identities --repair' joins them"
    else:
        told = f"All {found.looked:,} postings are stored under the keys that their addresses say"
    done = dataclasses.asdict(found) | {"ok": True, "repaired": repair and bool(found.elsewhere)}
    call.report(done, call.settings.hint(f"{told}."))


def _of_duplicates(settings: Settings, number: int) -> Check:
    from jobstore.checks import Verdict
    from jobstore.verdicts import finding

    if not number:
        told = "what was found of duplicates hangs together"
        return finding("duplicates", Verdict.PASS, told)
    told = (
        f"of {counted(number, 'posting')} something is lost or contradicts itself; 'jobstore "
        "doctor --repair' compares them anew"
    )
    return finding("duplicates", Verdict.WARN, settings.hint(told))


def _compare(call: Call, ids: list[UUID], found: list[Check]) -> None:
    """Compare postings anew of which what was found of duplicates does not hang together."""

    async def work(store: JobStore) -> int:
        await store.find_duplicates(ids=ids)
        return len(await store.check_duplicates())

    left = call.run(work)
    told = f"compared {counted(len(ids), 'posting')} anew"
    checks = [*found[:-1], _of_duplicates(call.settings, left)]
    done = {"ok": True, "findings": _as_json(checks), "repaired": [told], "copy": None}
    call.report(done, f"{told[0].upper()}{told[1:]}.")


def _repair(call: Call, names: list[str], found: list[Check], *, copy: bool) -> None:
    from jobstore.cli.progress import Progress
    from jobstore.engines import upkeep_of

    done: dict[str, Any] = {"ok": True, "findings": _as_json(found), "repaired": [], "copy": None}
    if not names:
        return call.report(done, "Nothing to repair.")
    with _hinting(call.settings), Progress("Indexing", None, quiet=call.quiet) as bar:
        url = call.settings.store.address
        repaired = upkeep_of(url).repair(
            url, names, copy=copy, progress=lambda rows: bar.advance(rows, rows)
        )
    findings = _as_json(_adapted(call.settings, repaired.findings))
    done |= {"findings": findings, "repaired": repaired.done}
    lines = [f"{each[0].upper()}{each[1:]}." for each in repaired.done]
    if repaired.copy is not None:
        done["copy"] = str(repaired.copy)
        kept = f"The store as it was is in {repaired.copy}; remove it when it is no longer needed."
        say(kept, quiet=call.json)
    return call.report(done, "\n".join([*lines, "The store is sound now."]))


def _adapted(settings: Settings, found: Iterable[Check]) -> list[Check]:
    return [
        dataclasses.replace(each, output=settings.hint(_ADVICE.sub("", each.output)))
        for each in found
    ]


@contextmanager
def _hinting(settings: Settings) -> Iterator[None]:
    """Make messages about damage name the commands as they have to be typed."""
    try:
        yield
    except StoreCorrupt as error:
        raise StoreCorrupt(settings.hint(str(error))) from error


def _as_json(found: Iterable[Check]) -> list[dict[str, str]]:
    return [{"name": each.name, "verdict": each.verdict, "detail": each.output} for each in found]


def _give(call: Call, answer: Any, found: list[Check]) -> None:
    shown = [each for each in found if not call.quiet or each.verdict != "pass"]

    if shown or call.json:
        rows = [((each.verdict, _STYLES[each.verdict]), each.name, each.output) for each in shown]
        call.give(answer, lambda: table(["", "", ""], rows))
