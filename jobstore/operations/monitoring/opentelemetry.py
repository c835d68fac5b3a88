"""Observers that pass operations on to OpenTelemetry (extra ``otel``), as metrics and as spans.

Names and buckets are those of the OpenTelemetry semantic conventions for database clients;
what they have no name for begins with ``jobstore.``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from functools import partial
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import CallbackOptions, Meter, Observation, get_meter
from opentelemetry.trace import (
    ProxyTracerProvider,
    SpanKind,
    Status,
    StatusCode,
    TracerProvider,
    get_tracer_provider,
    set_tracer_provider,
)

from jobstore.errors import Fault, InvalidSettings
from jobstore.events import Event
from jobstore.operations.monitoring.histogram import CONVENTIONAL
from jobstore.operations.monitoring.traffic import GAUGES
from jobstore.version import __version__

if TYPE_CHECKING:
    from jobstore.operations.monitoring.recorder import Recorder


class OpenTelemetryObserver:
    """Passes each operation on; pass it as ``connect(observers=[OpenTelemetryObserver()])``.

    ``meter`` is that of the global provider by default. With a ``recorder`` its levels (queue,
    group size, WAL, disk) are observed as well. It costs more on each operation than the
    recorder does, and knows only this process. ``system`` is what the conventions call the
    database: ``sqlite`` or ``postgresql``.
    """

    def __init__(
        self,
        meter: Meter | None = None,
        *,
        recorder: Recorder | None = None,
        system: str = "sqlite",
    ) -> None:
        self._system = system
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
        attributes = {"db.system.name": self._system, "db.operation.name": event.operation}
        self._rows.add(event.rows, attributes)
        if event.error is not None:
            attributes["error.type"] = event.error
        self._duration.record(event.seconds, attributes)


class TracingObserver:
    """Makes a span of each operation, below the span of whoever asked for it.

    It says which operation it was and what kind of query, and no value of one.
    """

    def __init__(self, provider: TracerProvider, *, system: str = "sqlite") -> None:
        self._tracer = provider.get_tracer("jobstore", __version__)
        self._system = system

    def __call__(self, event: Event) -> None:
        """Make the span of one operation, which has just ended."""
        ended = time.time_ns()
        attributes: dict[str, Any] = {
            "db.system.name": self._system,
            "db.operation.name": event.operation,
            "db.response.returned_rows": event.rows,
        }
        if event.shape is not None:
            attributes["db.query.summary"] = f"{event.operation} {event.shape}"
        span = self._tracer.start_span(
            f"jobstore {event.operation}",
            kind=SpanKind.CLIENT,
            attributes=attributes,
            start_time=ended - round(event.seconds * 1_000_000_000),
        )
        if event.error is not None:
            span.set_attribute("error.type", event.error)
            span.set_status(Status(StatusCode.ERROR))
        span.end(ended)


def tracer_provider(exporter: str) -> TracerProvider | None:
    """Return the provider that the program has set, or set one for an exporter of this name.

    Names are those of ``OTEL_TRACES_EXPORTER``; ``none`` makes no spans. Raises InvalidSettings
    for one that is not installed.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    known = get_tracer_provider()
    if not isinstance(known, ProxyTracerProvider):
        return known
    if exporter == "none":
        return None
    name = "otlp_proto_http" if exporter == "otlp" else exporter
    found = [*entry_points(group="opentelemetry_traces_exporter", name=name)]
    if not found:
        reason = "is not installed; the extra otel brings otlp and console"
        raise InvalidSettings([Fault("OTEL_TRACES_EXPORTER", reason)])
    # Imported here: those who only read metrics need the interface alone.
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider as Provider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # OTEL_SERVICE_NAME goes before this name.
    given = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "jobstore"}
    made = Provider(resource=Resource.create(given))
    made.add_span_processor(BatchSpanProcessor(found[0].load()()))
    set_tracer_provider(made)
    return made


def flush(provider: TracerProvider) -> None:
    """Bring away the spans that wait, for two seconds at most."""
    if bring := getattr(provider, "force_flush", None):
        bring(2000)


def _read(recorder: Recorder, level: str, options: CallbackOptions) -> Iterable[Observation]:
    value = recorder.levels().get(level)
    return [] if value is None else [Observation(value)]
