"""The command that shows jobstore at work to a meeting.

The scratch folder, the keys and the order of the acts live here; what they show is in
:mod:`jobstore.cli.demo_acts`.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from jobstore.cli.output import console

if TYPE_CHECKING:
    from rich.console import Console

    from jobstore.settings.sections import Settings

_ADDRESS = re.compile(r"http://\S+/")
# Signals that end a program without a word of its own.
_ENDINGS = (signal.SIGTERM, signal.SIGHUP)


def demo(
    step: Annotated[bool, typer.Option("--step", help="Wait for a key after each part.")] = False,
    auto: Annotated[bool, typer.Option("--auto", help="Run through without waiting.")] = False,
) -> None:
    """Show what jobstore does, for a meeting: some minutes, on made-up postings.

    Takes postings in, searches them, shows what they live through, draws latencies against the 50
    ms line, looks at health, raises an alert by a real fault and ends it, makes a backup and
    restores it; at the end the audience asks, and looks at it in a browser. All of it happens in a
    scratch folder that is gone afterwards, and every figure is measured while it is shown. Asks how
    to go on, unless --step or --auto says so; without a terminal it runs through.
    """
    if step and auto:
        raise typer.BadParameter("say --step or --auto")
    person = sys.stdin.isatty() and sys.stdout.isatty()
    if step and not person:
        raise typer.BadParameter("there is no terminal to wait at", param_hint="--step")
    screen = console()
    _welcome(screen)
    if person and not (step or auto):
        step = _key(screen, "a runs through, any other key goes on step by step ") != "a"
    with _endings(), tempfile.TemporaryDirectory(prefix="jobstore-demo-") as folder:
        settings = _settings(Path(folder))
        _show(screen, settings, step=step, person=person and not auto)
        if person:
            _let_look(screen, settings)
    screen.print("That was all; the scratch folder is gone again.")


def _welcome(screen: Console) -> None:
    from jobstore.version import __version__

    screen.print(f"[bold]jobstore {__version__}[/bold], a tour in eight parts", end="\n\n")


def _show(screen: Console, settings: Settings, *, step: bool, person: bool) -> None:
    import jobstore
    from jobstore.cli.demo_acts import ACTS
    from jobstore.cli.demo_stage import Stage
    from jobstore.operations.logs import Logs

    def ask() -> str:
        screen.print("[bold]search> [/bold]", end="")
        try:
            return input()
        except (EOFError, KeyboardInterrupt):
            # The usual ways to have no more questions.
            screen.print()
            return ""

    with Logs(settings), asyncio.Runner() as runner:

        async def opened() -> jobstore.JobStore:
            url, options = settings.store.url, settings.store.options
            return await jobstore.connect(url, migrate=True, options=options)

        store = runner.run(opened())
        try:
            stage = Stage(screen, settings, store, runner.run, ask=ask if person else None)
            for number, (title, act) in enumerate(ACTS, 1):
                screen.rule(f"[bold]{number}  {title}", align="left")
                act(stage)
                screen.print()
                if step and act is not ACTS[-1][1]:
                    _key(screen, "any key goes on ")
        finally:
            runner.run(store.close())


def _let_look(screen: Console, settings: Settings) -> None:
    """Serve the store until a key is pressed, where the extra ``service`` is installed."""
    with _served(settings) as address:
        if address is None:
            screen.print("[dim]'jobstore serve' has a page: pip install 'jobstore[service]'.[/dim]")
            return
        screen.print(f"All of it is on a page: [bold]{address}[/bold]")
        # The usual way to have looked enough.
        with suppress(KeyboardInterrupt):
            _key(screen, "any key ends it ")


@contextmanager
def _served(settings: Settings) -> Iterator[str | None]:
    """Serve the store during the block, and give the address; ``None`` where that cannot be."""
    import subprocess  # nosec B404  # a command of ours

    if not all(map(find_spec, ("fastapi", "jinja2", "mcp", "uvicorn"))):
        yield None
        return
    command = [sys.executable, "-m", "jobstore", "serve", "--port", "0"]
    # It looks at nothing that is set up.
    own = {name: value for name, value in os.environ.items() if not name.startswith("JOBSTORE_")}
    with subprocess.Popen(  # nosec B603  # without a shell, and nothing of it is typed
        [*command, "--store", settings.store.url],
        cwd=settings.store.address.path.parent,
        env=own,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as serving:
        try:
            told = map(_ADDRESS.search, serving.stderr or ())
            yield next((found[0] for found in told if found), None)
        finally:
            serving.terminate()


def _settings(folder: Path) -> Settings:
    """Return settings that use nothing outside of the folder, with alerts of latency alone."""
    from jobstore.settings import sqlite_url
    from jobstore.settings.alerting import AlertsSection
    from jobstore.settings.sections import Settings

    # As the defaults, but over three seconds, and over at the limit itself: nobody wants to wait.
    quick = {"window_minutes": 0.05, "for_minutes": 0, "clear_minutes": 0, "min_count": 5}
    rules = [
        {"name": rule.name}
        | (
            {**quick, "clear": rule.above}
            if rule.measure == "latency_p95_ms"
            else {"enabled": False}
        )
        for rule in AlertsSection().rules
    ]
    return Settings.model_validate({
        "store": {"url": sqlite_url(folder / "jobs.db")}, "alerts": {"rules": rules}
    })  # fmt: skip


def _key(screen: Console, prompt: str) -> str:
    """Wait for a key, and return it in small letters."""
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    # Keys that were pressed before they were asked for are dropped.
    tty.setcbreak(terminal, termios.TCSAFLUSH)
    try:
        screen.print(f"[dim]{prompt}[/dim]", end="")
        # A key may be several bytes.
        key = os.read(terminal, 64)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
        screen.print()
    if key in (b"", b"\x04"):
        # The terminal is gone, or Ctrl-D.
        raise KeyboardInterrupt
    return key.decode(errors="replace").lower()


@contextmanager
def _endings() -> Iterator[None]:
    """Let signals that end a program end the block as Ctrl-C does, so that it cleans up.

    While the event loop runs, asyncio answers Ctrl-C: it cancels what is awaited. An exception
    that a handler raised there would leave that work behind, to complain of the closed store.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    previous = {number: signal.signal(number, interrupt) for number in _ENDINGS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
