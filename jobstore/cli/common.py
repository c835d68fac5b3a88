"""What the commands share: their options, opening the store, asking, sparing files.

The only things printed here are the name of the store, and questions.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from jobstore.cli.output import complain, plain, say
from jobstore.engines import backend_of, is_there
from jobstore.settings import DEFAULT_URL, parse_store_url

if TYPE_CHECKING:
    from jobstore.settings.loading import Loaded
    from jobstore.settings.sections import Settings
    from jobstore.store import JobStore

T = TypeVar("T")


StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help=f"Where the store is, such as sqlite:///jobs.db [JOBSTORE_URL; or {DEFAULT_URL}].",
    ),
]
ConfigOption = Annotated[
    str | None,
    typer.Option(
        "--config", metavar="FILE", help="The YAML file with the settings [JOBSTORE_CONFIG]."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Give the result as JSON.")]
QuietOption = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Say nothing but errors; what is asked for still comes."),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
CreateOption = Annotated[bool, typer.Option("--create", help="Make the store without being asked.")]
LimitOption = Annotated[
    int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="At most N postings.")
]


def with_store(
    settings: Settings,
    work: Callable[[JobStore], Coroutine[Any, Any, T]],
    *,
    migrate: bool = False,
) -> T:
    """Open the store, run ``work(store)`` to its end, close the store, return the result."""
    import jobstore

    url, options = settings.store.url, settings.store.options

    async def run() -> T:
        async with jobstore.connect(
            url, migrate=migrate, options=options, sources=settings.rules
        ) as store:
            if not _is_recorded(settings):
                return await work(store)
            from jobstore.operations.logs import Logs
            from jobstore.operations.observing import observed

            with Logs(settings) as logs:
                async with observed(store, settings, logs, label=_label()):
                    return await work(store)

    return asyncio.run(run())


def _is_recorded(settings: Settings) -> bool:
    """Tell whether a record of what commands do is asked for: the default alone asks for none."""
    return settings.monitoring.enabled and "enabled" in settings.monitoring.model_fields_set


def _label() -> str:
    """Return what a record calls this program: the command, and nothing that was typed with it."""
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    return f"jobstore {command}" if command.isalpha() and len(command) < 20 else "jobstore"


def announce(settings: Settings, *, quiet: bool) -> None:
    """Say which store a command works on, and which environment the store belongs to."""
    say(f"Store: {settings.store.address} ({settings.environment})", quiet=quiet)


def is_to_be_made(loaded: Loaded, *, create: bool) -> bool:
    """Tell whether there is no store yet where one may be made.

    Asks before it makes the default store, which nobody named, unless ``create`` says so. A store
    in a folder that does not exist is not made.
    """
    settings = loaded.settings
    path = settings.store.address.path
    if is_there(settings.store.address) or not path.parent.is_dir():
        return False
    if loaded.origins["store.url"].kind == "default":
        say(
            f"There is no store {settings.store.address} here, and no other is named.", quiet=create
        )
        confirm("Make it?", yes=create, option="--create")
    return True


def confirm(question: str, *, yes: bool, option: str = "--yes") -> None:
    """Ask before something is lost, or made where nobody may want it.

    Goes on at once with ``yes``, which ``option`` gives. Ends the command with exit code 1 when
    the answer is no, and as wrong usage where there is nobody to ask.
    """
    if yes:
        return
    if not _asks_a_person():
        complain(f"Add {option}; there is no terminal to ask on.")
        raise typer.Exit(2)
    if not ask(question):
        raise typer.Abort


def ask(question: str) -> bool:
    """Ask a person a question, on standard error; return whether the answer is yes."""
    try:
        return typer.confirm(plain(question), err=True)
    except typer.Abort:
        # Ctrl-C, or the end of what is typed: that is no answer.
        print(file=sys.stderr)
        raise KeyboardInterrupt from None


def _asks_a_person() -> bool:
    return sys.stdin.isatty()


def spare(output: str, option: str, store: str, inputs: Iterable[str] = ()) -> None:
    """End the command as wrong usage if ``output`` is the store's, or one of the inputs.

    Opens nothing. Follows links, and recognises a file under another name. Devices and pipes lose
    nothing when they are written to, so they are allowed.
    """
    target = Path(output)
    if target.exists() and not target.is_file():
        return
    address = parse_store_url(store)
    if any(_same(target, file) for file in backend_of(address).files(address)):
        raise typer.BadParameter("belongs to the store; name another file", param_hint=option)
    if any(_same(target, Path("/dev/stdin" if file == "-" else file)) for file in inputs):
        raise typer.BadParameter("is also read; name another file", param_hint=option)


def _same(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        return one.samefile(other)
    return one.resolve() == other.resolve()
