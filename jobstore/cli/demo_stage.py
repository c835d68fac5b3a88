"""What the acts of the demo share: the stage, measuring, drawing what is measured.

Nothing here shows anything unless an act asks for it.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from rich.live import Live

from jobstore.cli import demo_views as views

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from jobstore.events import Event
    from jobstore.settings.sections import Settings
    from jobstore.store import JobStore

T = TypeVar("T")


@dataclass
class Stage:
    """What the acts share. ``run`` runs a coroutine to its end; ``ask`` is there with a person."""

    screen: Console
    settings: Settings
    store: JobStore
    run: Callable[[Coroutine[Any, Any, Any]], Any]
    postings: Sequence[dict[str, Any]] = ()
    ask: Callable[[], str] | None = None

    def say(self, *parts: object) -> None:
        """Tell the audience something."""
        self.screen.print(*parts)

    @property
    def line_ms(self) -> float:
        """The limit that latencies are compared with, in milliseconds."""
        return self.settings.thresholds.search_ms


def timed(stage: Stage, work: Coroutine[Any, Any, T]) -> tuple[T, float]:
    """Run a coroutine to its end; return its result, and the seconds that it took."""
    started = time.perf_counter()
    result = stage.run(work)
    return result, time.perf_counter() - started


async def write(stage: Stage, number: int) -> None:
    """Store some postings again, with another number of applicants."""
    # The choice of postings and numbers is no secret.
    for posting in random.choices(stage.postings, k=number):  # nosec B311
        changed = {**posting, "applicant_count": random.randrange(1000)}  # nosec B311
        await stage.store.upsert(changed)


@contextmanager
def watching(stage: Stage) -> Iterator[tuple[dict[str, list[float]], Callable[[], None]]]:
    """Observe the store; give the seconds of what is seen, by operation, and how to draw them."""
    seen: dict[str, list[float]] = defaultdict(list)

    def observe(event: Event) -> None:
        if event.operation != "stream":
            seen[event.operation].append(event.seconds)

    def drawn() -> Table:
        found = [views.Measured.of(name, each) for name, each in sorted(seen.items())]
        return views.latencies(found, stage.line_ms, stage.screen.width)

    forget = stage.store.observe(observe)
    try:
        with Live(console=stage.screen, auto_refresh=False, transient=True) as live:
            yield seen, lambda: live.update(drawn(), refresh=True)
    finally:
        forget()
    # The moving picture is gone; this one stays, also where nothing can move.
    stage.say(drawn())
