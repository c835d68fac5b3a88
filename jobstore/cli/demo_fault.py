"""The demo's fault: a real lock holds writes up, an alert is raised, and it is over again."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from rich.text import Text

from jobstore.cli import demo_views as views
from jobstore.cli.demo_stage import watching, write

if TYPE_CHECKING:
    from jobstore.cli.demo_stage import Stage
    from jobstore.operations.monitoring import Recorder

# Writes that meet the lock, the seconds that it is held against each, and the longest wait for
# an alert to be over.
_HELD_UP, _HOLDING, _PATIENCE = 8, 0.13, 30.0


def fault(stage: Stage) -> None:
    """Hold writes up by a lock until an alert is raised; let go, until it is over."""
    from jobstore.operations.monitoring.recorder import of_settings

    # A new observer, so that quick calls of before do not hide slow ones of now.
    recorder = of_settings(stage.settings, label="jobstore demo")
    forget = stage.store.observe(recorder)
    try:
        stage.say(
            "Rules: p95 above 50 ms warns, above 100 ms is critical. Here they look back for 3 "
            "seconds instead of 5 minutes. They count in buckets, and tell the upper end of one.\n"
            f"Another program takes the write lock for {1000 * _HOLDING:.0f} ms, again and again:"
        )
        story = _Story(stage, recorder)
        stage.run(_write_against_a_lock(stage))
        story.go_on()
        story.tell()
        if not story.firing:
            return
        stage.say("The lock is let go, and others write:")
        story = _Story(stage, recorder)
        with watching(stage) as (_, picture):
            while story.firing and story.seconds < _PATIENCE:
                stage.run(write(stage, 25))
                story.go_on()
                picture()
        story.tell()
    finally:
        forget()


class _Story:
    """The notifications since the fault began."""

    def __init__(self, stage: Stage, recorder: Recorder) -> None:
        self._stage = stage
        self._recorder = recorder
        self._started = time.perf_counter()
        self._told: list[Text] = []
        self.firing = True

    @property
    def seconds(self) -> float:
        """How long the fault has lasted."""
        return time.perf_counter() - self._started

    def go_on(self) -> None:
        """Write down what was recorded, and have it evaluated."""
        from jobstore.operations import alerts

        self._recorder.flush()
        settings = self._stage.settings
        checked = alerts.check(settings, alerts.gather(settings))
        self.firing = any(each.firing for each in checked.standings)
        for each in checked.notifications:
            sinks = [
                sent.sink
                for sent in checked.deliveries
                if (sent.notification, sent.error) == (each.id, None)
            ]
            if not each.muted:
                self._told.append(views.notification(each, sinks, self.seconds))

    def tell(self) -> None:
        """Show the notifications that went out."""
        for each in self._told or [Text("No alert was raised, or it goes on.", style="bold red")]:
            self._stage.say(each)


async def _write_against_a_lock(stage: Stage) -> None:
    from jobstore.engines import upkeep_of

    url = stage.settings.store.address
    upkeep = upkeep_of(url)
    with watching(stage) as (_, picture):
        for _number in range(_HELD_UP):
            with upkeep.locked(url, patience=5.0):
                writing = asyncio.ensure_future(write(stage, 1))
                await asyncio.sleep(_HOLDING)
            await writing
            picture()
