"""``jobstore archive``: the log of every write, and how far each place has it.

Talks to people and programs; the work is in :mod:`jobstore.operations.archiving`, which is
imported when a command runs.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.common import YesOption, confirm
from jobstore.cli.interrupts import Interrupts
from jobstore.cli.output import complain, size, table
from jobstore.engines import is_there
from jobstore.errors import StoreUnavailable
from jobstore.moments import for_people

if TYPE_CHECKING:
    from rich.console import RenderableType

    from jobstore.checks import Check
    from jobstore.operations.archiving import PlaceStanding, Standing

app = typer.Typer(no_args_is_help=True)

_GLANCE = 0.5


@app.command()
@takes_call
def status(call: Call) -> None:
    """Show how far each place has the log, and what is wrong; places are not asked.

    The exit code is 1 when health has something against it (the component archive).

    JSON: {"archiving", "process", "generation", "segment", "octets", "limit", "wait", "broken",
    "fault", "second", "faults", "places": [{"place", "seconds_behind", "until", "generation",
    "segment", "fault", "since", "foreign", "warnings"}]}; only "archiving" (false) and "faults"
    where no log is kept. "octets" wait beside the store. "process" archives, "second" stands by.
    """
    from jobstore.operations.archiving import standing
    from jobstore.operations.health import archive_checks

    with call.operating() as settings:
        found, checks = standing(settings), archive_checks(settings)
    faults = [each.explanation for each in checks if each.verdict != "pass"]
    if found is None:
        call.give({"archiving": False, "faults": faults}, "No log of this store is kept.")
    else:
        call.give(_told(found, faults), lambda: _shown(found, checks))
    if faults:
        raise typer.Exit(1)


@app.command()
@takes_call
def run(call: Call) -> None:
    """Archive the store, and nothing else, until Ctrl-C or SIGTERM, as jobstore agent does.

    Where another archiver works on the store already, this one stands by, and says so. What
    happens is told on standard error. The exit code is 1 when archiving is switched off meanwhile.

    JSON: nothing is printed.
    """
    from jobstore.operations.archiving import Archiver
    from jobstore.operations.backup.catalog import open_places

    url = call.settings.store.address
    if not is_there(url):
        raise StoreUnavailable(f"There is no database file at {url.path}; check the store's URL.")
    with call.operating() as settings, Interrupts() as interrupts:
        archiver = Archiver(settings, told=complain)
        places = ", ".join(each.name for each in open_places(settings))
        call.say(f"Archiving to {places}.")
        archiver.start()
        try:
            with interrupts.allowed():
                while not archiver.wait(_GLANCE):
                    pass
        except KeyboardInterrupt:
            call.say("Ending, after what was written until now was brought away.")
        finally:
            ended = archiver.ended
            if not archiver.stop():
                complain("A place does not answer; what it lacks is brought by who comes next.")
    if ended:
        raise typer.Exit(1)


@app.command()
@takes_call
def stop(call: Call, yes: YesOption = False) -> None:
    """Keep no log of the store any more, and remove what waits beside it; asks first.

    What is at the places stays. From then on only backups bring something back. An agent begins
    again when it is started, unless archive.enabled is false.

    JSON: {"stopped"}: whether a log was kept.
    """
    from jobstore.operations.archiving import is_on, switch_off

    with call.operating() as settings:
        found = is_on(settings)
        if found:
            confirm("Stop archiving? Only backups bring something back from then on.", yes=yes)
            switch_off(settings)
    told = "No log of this store is kept any more." if found else "No log of this store is kept."
    call.report({"stopped": found}, told)
    if found and settings.archive.enabled:
        call.say("An agent that is started begins again, unless archive.enabled is false.")


def _told(found: Standing, faults: list[str]) -> dict[str, object]:
    said = dataclasses.asdict(found)
    said["places"] = [
        {"place": each.place, "seconds_behind": each.lag(found.at)} | dataclasses.asdict(each)
        for each in found.places
    ]
    del said["at"], said["started_at"]
    return {"archiving": True, **said, "faults": faults}


def _shown(found: Standing, checks: list[Check]) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    rows = [
        (each.place, _behind(each, found), _moment(each), each.fault or "") for each in found.places
    ]
    who = "no archiver is at work" if found.process is None else f"process {found.process} archives"
    if found.second is not None:
        who += f", process {found.second} stands by"
    waits = f"{size(found.octets)} of at most {size(found.limit)} wait beside the store"
    lines = [f"{who[0].upper()}{who[1:]}; {waits}."]
    if found.wait:
        lines.append("Writes are acknowledged once a place has them (archive.wait).")
    lines += [f"{each.name}: {each.explanation}" for each in checks if each.verdict != "pass"]
    return Group(
        table(["place", "behind", "has all writes until", ""], rows),
        *(Text(each) for each in lines),
    )


def _behind(place: PlaceStanding, found: Standing) -> str:
    lag = place.lag(found.at)
    return "not known" if lag is None else f"{lag:,.0f} s"


def _moment(place: PlaceStanding) -> str:
    if place.until is None:
        return "nothing yet"
    return f"{for_people(datetime.fromtimestamp(place.until, UTC))} UTC"
