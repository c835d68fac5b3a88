"""An observer that passes operations on to OpenTelemetry (the extra ``otel``).

Names and buckets are those of the OpenTelemetry semantic conventions for database clients;
what they have no name for begins with ``jobstore.``.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from opentelemetry.metrics import CallbackOptions, Meter, Observation, get_meter

from jobstore.events import Event
from jobstore.operations.monitoring.histogram import CONVENTIONAL
from jobstore.operations.monitoring.traffic import GAUGES

if TYPE_CHECKING:
    from jobstore.operations.monitoring.recorder import Recorder


class OpenTelemetryObserver:
    """Passes each operation on; pass it as ``connect(observers=[OpenTelemetryObserver()])``.

    ``meter`` is that of the global provider by default. With a ``recorder`` its levels (queue,
    group size, WAL, disk) are observed as well. It costs more on each operation than the
    recorder does, and knows only this process.
    """

    def __init__(self, meter: Meter | None = None, *, recorder: Recorder | None = None) -> None:
        meter = get_meter("jobstore") if meter is None else meter
        self._duration = meter.create_histogram(
            "db.client.operation.duration",
            unit="s",
            description="Duration of database client operations.",
            explicit_bucket_boundaries_advisory=CONVENTIONAL,
        )
        self._rows = meter.create_counter(
            "jobstore.operation.rows", unit="{row}", description="Postings in or out."
        )
        if recorder is not None:
            for level, (name, text) in GAUGES.items():
                if level != "processes":
                    read = partial(_read, recorder, level)
                    name = name.replace("_", ".", 1)
                    meter.create_observable_gauge(name, callbacks=[read], description=text)

    def __call__(self, event: Event) -> None:
        """Pass one operation on."""
        attributes = {"db.system.name": "sqlite", "db.operation.name": event.operation}
        self._rows.add(event.rows, attributes)
        if event.error is not None:
            attributes["error.type"] = event.error
        self._duration.record(event.seconds, attributes)


def _read(recorder: Recorder, level: str, options: CallbackOptions) -> Iterable[Observation]:
    value = recorder.levels().get(level)
    return [] if value is None else [Observation(value)]
