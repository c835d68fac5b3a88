"""``jobstore duplicates``: find postings that are one opening, show why, and decide."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.output import counted
from jobstore.cli.searching import read_id

if TYPE_CHECKING:
    from jobstore.records import Compared, Job
    from jobstore.store import JobStore

app = typer.Typer(no_args_is_help=True)

_One = Annotated[str, typer.Argument(metavar="ID", help="A posting's id (a UUID).")]
_Other = Annotated[str, typer.Argument(metavar="OTHER", help="The other posting's id.")]


@app.command()
@takes_call
def find(
    call: Call,
    again: Annotated[
        bool,
        typer.Option("--again", help="Compare all postings anew, such as after damage."),
    ] = False,
) -> None:
    """Compare the postings that are new or have changed with all others.

    Others may write meanwhile. Interrupting it keeps what was found; the same again goes on.

    JSON: {"looked_at", "total", "compared", "same", "maybe"}, of pairs that were found now, and
    "waiting": how many pairs wait for a person in all.
    """
    with call.steps() as steps:

        def told(done: Compared) -> None:
            steps("compare", done.looked_at, done.total)

        async def work(store: JobStore) -> tuple[Compared, int]:
            done = await store.find_duplicates(again=again, progress=told)
            return done, sum([1 async for _ in store.duplicate_pairs()])

        done, waiting = call.run(work)
    pairs = f"{counted(done.same, 'pair')} the same, {done.maybe:,} for a person"
    text = f"Compared {counted(done.compared, 'posting')}: {pairs}."
    if waiting:
        text += f"\nFor a person in all: {counted(waiting, 'pair')}; see jobstore duplicates list"
    call.report(asdict(done) | {"waiting": waiting}, text)


@app.command("list")
@takes_call
def list_(
    call: Call,
    verdict: Annotated[
        str, typer.Option("--verdict", metavar="maybe|same", help="What the rules say.")
    ] = "maybe",
    limit: Annotated[
        int,
        typer.Option(
            "--limit", "-n", metavar="N", min=1, max=1_000, help="The most pairs to show."
        ),
    ] = 20,
) -> None:
    """Show pairs that nobody has decided: by default those that the rules leave to a person.

    JSON: {"pairs"}, a list of {"verdict", "at", "postings", "reasons"}; each posting has
    "id", "source", "title", "company", "location" and "url".
    """
    if verdict not in ("maybe", "same"):
        raise typer.BadParameter("must be maybe or same", param_hint="--verdict")

    async def work(store: JobStore) -> list[tuple[Any, list[Job | None]]]:
        pairs = []
        async for pair in store.duplicate_pairs(verdict):
            pairs.append((pair, await store.get_many(pair.ids)))
            if len(pairs) == limit:
                break
        return pairs

    found = [
        {
            "verdict": pair.verdict,
            "at": pair.at,
            "postings": [_brief(job) for job in jobs if job is not None],
            "reasons": pair.reasons,
        }
        for pair, jobs in call.run(work)
    ]

    def view() -> Any:
        from jobstore.cli.duplicates_view import pairs_view

        return pairs_view(found, verdict, limit)

    call.give({"pairs": found}, view)
    if found:
        call.say("To decide: jobstore duplicates confirm ID OTHER, or reject.")


@app.command()
@takes_call
def show(call: Call, key: _One) -> None:
    """Show what is, or may be, the same opening as a posting, with what speaks for and against it.

    JSON: {"duplicates"}, a list of {"posting", "verdict", "at", "actor", "rules", "together",
    "reasons"}: "actor" is who decided, "rules" what the rules say, "together" whether both are in
    one group.
    """
    id = read_id(key)

    async def work(store: JobStore) -> list[dict[str, Any]]:
        every = await store.duplicates(id)
        jobs = await store.get_many([each.id for each in every])
        return [
            {
                "posting": _brief(job),
                "verdict": each.verdict,
                "at": each.at,
                "actor": each.actor,
                "rules": each.rules,
                "together": each.together,
                "reasons": each.reasons,
            }
            for each, job in zip(every, jobs, strict=True)
            if job is not None
        ]

    found = call.run(work)

    def view() -> Any:
        from jobstore.cli.duplicates_view import duplicates_view

        return duplicates_view(found)

    call.give({"duplicates": found}, view)


@app.command()
@takes_call
def confirm(call: Call, key: _One, other: _Other) -> None:
    """Say that two postings are the same opening, whatever the rules say now and later.

    Both stay as they are. JSON: {"ids", "verdict"}.
    """
    ids = read_id(key), read_id(other)
    call.run(lambda store: store.confirm_duplicate(*ids))
    _decided(call, ids, "same", "They are the same opening.")


@app.command()
@takes_call
def reject(call: Call, key: _One, other: _Other) -> None:
    """Say that two postings are not the same opening, whatever the rules say now and later.

    JSON: {"ids", "verdict"}.
    """
    ids = read_id(key), read_id(other)
    call.run(lambda store: store.reject_duplicate(*ids))
    _decided(call, ids, "different", "They are different openings.")


@app.command()
@takes_call
def undo(call: Call, key: _One, other: _Other) -> None:
    """Take back what somebody said of two postings, so that the rules hold again.

    JSON: {"ids", "verdict"}, without a verdict.
    """
    ids = read_id(key), read_id(other)
    call.run(lambda store: store.undo_duplicate(*ids))
    _decided(call, ids, None, "What the rules say of them holds again.")


def _decided(call: Call, ids: tuple[UUID, UUID], verdict: str | None, told: str) -> None:
    call.report({"ids": [*map(str, ids)], "verdict": verdict}, told)


def _brief(job: Job) -> dict[str, Any]:
    names = ("id", "source", "title", "company", "location", "url")
    return {name: getattr(job, name) for name in names}
