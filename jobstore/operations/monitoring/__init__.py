"""Watching a store: a recorder of its operations, their history, and what reads it.

``async with recording(store, settings):`` is all that a program needs. What follows from the
figures is decided in ``jobstore.operations.alerts``.
"""

from jobstore.operations.monitoring.recorder import Recorder, recording

__all__ = ["Recorder", "recording"]
