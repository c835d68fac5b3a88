"""What tests of monitoring and alerts share: settings, a recorder, a clock in Unix time."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

from jobstore import Event
from jobstore.operations.monitoring import Recorder
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings

NOW = 1_772_366_400.0  # 2026-03-01 12:00 UTC


class Seconds:
    """A clock in Unix time that stands still until it is moved."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def settings_for(folder: Path, **sections: Any) -> Settings:
    """Return the settings of a store ``jobs.db`` in ``folder``."""
    store = {"url": sqlite_url(folder / "jobs.db")}
    return Settings.model_validate({"store": store} | sections)


def recorder_for(folder: Path, clock: Seconds, **options: Any) -> Recorder:
    """Return a recorder that tests flush themselves."""
    path = settings_for(folder).operations_db
    return Recorder(path, folder / "jobs.db", clock=clock, sample_seconds=3600, **options)


def ask(recorder: Recorder, *durations: float, operation: str = "get", **more: Any) -> None:
    """Tell a recorder of operations that took so many seconds."""
    for seconds in durations:
        recorder(Event(operation, seconds, more.get("rows", 1), more.get("error")))


def flush_after(recorder: Recorder, seconds: float) -> None:
    """Have a recorder write down what it counted, as if in exactly so many seconds."""
    clock = Mock(monotonic=lambda: recorder._looked_at + seconds)
    with patch("jobstore.operations.monitoring.recorder.time", clock):
        assert recorder.flush()
