"""The figures as Prometheus takes them: as text, or from a running program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from prometheus_client import Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from jobstore.operations.monitoring.histogram import CONVENTIONAL, cumulative
from jobstore.operations.monitoring.recorder import Recorder
from jobstore.operations.monitoring.traffic import GAUGES, Traffic, by_operation


class RecorderCollector(Collector):
    """Gives what a recorder counted: ``REGISTRY.register(RecorderCollector(recorder))``.

    The figures are of this process; ``jobstore monitor metrics`` has those of all. Nothing is
    added to what an operation costs: they are taken when Prometheus asks.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        return metrics(by_operation(self._recorder.counted()), self._recorder.levels())


def metrics(traffic: Mapping[str, Traffic], levels: Mapping[str, float]) -> Iterator[Metric]:
    """Yield the metrics for what was ever counted and for levels as they are now."""
    durations = _durations(
        "jobstore_operation_duration_seconds",
        "Time that operations took.",
        ["operation"],
        {(operation,): each for operation, each in traffic.items()},
    )
    rows = CounterMetricFamily(
        "jobstore_operation_rows", "Postings in or out.", labels=["operation"]
    )
    errors = CounterMetricFamily(
        "jobstore_operation_errors",
        "Operations that raised, by error.",
        labels=["operation", "error"],
    )
    for operation, each in traffic.items():
        rows.add_metric([operation], each.rows)
        for error, count in sorted(each.errors.items()):
            errors.add_metric([operation, error], count)
    yield from (durations, rows, errors)
    for name, (metric, text) in GAUGES.items():
        if name in levels:
            yield GaugeMetricFamily(metric, text, levels[name])


def requests(traffic: Mapping[str, Traffic]) -> Metric:
    """Return the metric of requests that were counted as ``METHOD ROUTE STATUS``."""
    return _durations(
        "jobstore_http_request_duration_seconds",
        "Time until requests were answered.",
        ["method", "route", "status"],
        {tuple(each.split(" ")): counted for each, counted in traffic.items()},
    )


def gauge(name: str, text: str, *values: tuple[Mapping[str, str], float]) -> Metric:
    """Return something that goes up and down, by its labels."""
    found = GaugeMetricFamily(name, text, labels=[*values[0][0]] if values else [])
    for labels, value in values:
        found.add_metric([*labels.values()], value)
    return found


def labelled(found: Iterable[Metric], labels: Mapping[str, str]) -> Iterator[Metric]:
    """Give every sample of ``found`` these labels too."""
    for metric in found:
        metric.samples = [
            sample._replace(labels={**labels, **sample.labels}) for sample in metric.samples
        ]
        yield metric


def exposition(found: Iterable[Metric]) -> str:
    """Return metrics as text (Prometheus text exposition format, version 0.0.4)."""
    registry: Any = SimpleNamespace(collect=lambda: found)
    return generate_latest(registry).decode()


def _durations(
    name: str, text: str, labels: list[str], traffic: Mapping[tuple[str, ...], Traffic]
) -> HistogramMetricFamily:
    found = HistogramMetricFamily(name, text, labels=labels)
    bounds = (*map(str, CONVENTIONAL), "+Inf")
    for values, each in traffic.items():
        counts = (*cumulative(each.buckets), each.count)
        found.add_metric(values, [*zip(bounds, counts, strict=True)], each.seconds)
    return found
