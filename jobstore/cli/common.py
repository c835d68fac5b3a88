"""What the commands share: their options, and opening the store.

Nothing is printed here but questions.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from jobstore.settings import DEFAULT_URL, EngineOptions, read_environment

if TYPE_CHECKING:
    from jobstore.gateway import JobStore

T = TypeVar("T")

StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="JOBSTORE_URL",
        metavar="URL",
        help="Where the store is, such as sqlite:///jobs.db.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", metavar="", help="Print JSON on standard output.")
]
QuietOption = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", metavar="", help="Say nothing but errors; JSON is still printed."
    ),
]
LimitOption = Annotated[
    int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="At most N postings.")
]

STORE_DEFAULT = DEFAULT_URL


def with_store(
    url: str,
    work: Callable[[JobStore], Coroutine[Any, Any, T]],
    *,
    migrate: bool = False,
) -> T:
    """Open the store, run ``work(store)`` to its end, close the store, return the result."""
    import jobstore

    options = read_environment().options if _is_tuned() else None

    async def run() -> T:
        async with jobstore.connect(url, migrate=migrate, options=options) as store:
            return await work(store)

    return asyncio.run(run())


def _is_tuned() -> bool:
    """Whether the environment sets options; reading them takes longer than anything else."""
    return any(f"JOBSTORE_{each.name.upper()}" in os.environ for each in fields(EngineOptions))


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is lost.

    Goes on at once with ``yes``. Ends the command when the answer is no, and as wrong usage
    where there is nobody to ask.
    """
    if yes:
        return
    if not _asks_a_person():
        raise typer.BadParameter("needed where nobody can be asked", param_hint="--yes")
    typer.confirm(question, abort=True, err=True)


def _asks_a_person() -> bool:
    return sys.stdin.isatty()
