"""Progress on a terminal: what is done, how fast, how long it will still take.

Shows nothing where standard error is no terminal.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Self

from rich import progress

from jobstore.cli.output import console, plain


class _Rate(progress.ProgressColumn):
    """Rows, and rows per second."""

    def render(self, task: progress.Task) -> str:
        rows = task.fields["rows"]
        rate = f"{rows / task.elapsed:,.0f}/s" if task.elapsed and rows else ""
        return f"{rows:,} {rate}"


class _Speed(progress.ProgressColumn):
    """How much of a step is done in a second, of late."""

    def render(self, task: progress.Task) -> str:
        return f"{task.speed:,.0f}/s" if task.speed else ""


class _Bar:
    """A bar that is shown as long as the block lasts, with columns beside it."""

    def __init__(self, *columns: progress.ProgressColumn, quiet: bool) -> None:
        screen = console(sys.stderr)
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(bar_width=20),
            *columns,
            console=screen,
            disable=quiet or not screen.is_interactive,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()


class Progress(_Bar):
    """A progress bar for rows; a context manager.

    The bar moves by bytes of the input, or by rows where ``total`` is ``None``: then it has no
    end, and shows no remaining time.
    """

    def __init__(self, title: str, total: int | None, *, quiet: bool) -> None:
        left = progress.TimeRemainingColumn(elapsed_when_finished=True)
        super().__init__(_Rate(), left, quiet=quiet)
        self._task = self._bar.add_task(" ".join(plain(title).split()), total=total, rows=0)

    def advance(self, rows: int, octets: int) -> None:
        """Count what was done since the last call."""
        task = self._bar.tasks[0]
        self._bar.update(self._task, advance=octets, rows=task.fields["rows"] + rows)


class Steps(_Bar):
    """Shows which step of some work runs, and how far it is; a context manager.

    To be passed to the work as ``progress``.
    """

    def __init__(self, *, quiet: bool) -> None:
        left = progress.TimeRemainingColumn()
        super().__init__(progress.TaskProgressColumn(), _Speed(), left, quiet=quiet)
        self._step = ""
        self._task = self._bar.add_task("", total=None)

    def __call__(self, step: str, done: int, total: int) -> None:
        """Show the step of the work, and how much of ``total`` (0: unknown) is done."""
        if step != self._step:
            self._step = step
            self._bar.reset(self._task, description=step, total=total or None)
        self._bar.update(self._task, completed=done, total=total or None)


def octets_of(path: str) -> int | None:
    """Return how many bytes a file holds when it is unpacked, ``None`` if that is not known."""
    from jobstore.exchange.packing import unpacked_size

    return None if path == "-" or not Path(path).is_file() else unpacked_size(Path(path))
