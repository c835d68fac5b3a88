"""The figures in the text format that Prometheus reads.

Format: Prometheus text exposition format, version 0.0.4. Only form lives here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from jobstore.operations.monitoring.histogram import CONVENTIONAL, cumulative
from jobstore.operations.monitoring.traffic import Traffic

GAUGES = {
    "queue_depth": ("jobstore_writer_queue_depth", "Writes that wait for their turn."),
    "group_size": ("jobstore_writer_group_size", "Writes in the last transaction."),
    "wal_bytes": ("jobstore_wal_bytes", "Size of the write-ahead log."),
    "disk_free_bytes": ("jobstore_disk_free_bytes", "Free space on the disk of the store."),
    "processes": ("jobstore_processes", "Processes that use the store and record themselves."),
}


class Sample(NamedTuple):
    """One line: what follows the metric's name, its labels and its value."""

    suffix: str
    labels: dict[str, str]
    value: float


class Metric(NamedTuple):
    """One metric: its name, its kind (``counter``, ``gauge``, ``histogram``), a word on it."""

    name: str
    kind: str
    help: str
    samples: list[Sample]


def metrics(traffic: Mapping[str, Traffic], levels: Mapping[str, float]) -> Iterator[Metric]:
    """Return the metrics for what was ever counted and for levels as they are now."""
    durations: list[Sample] = []
    rows: list[Sample] = []
    errors: list[Sample] = []
    for operation, each in traffic.items():
        labels = {"operation": operation}
        counts = [*cumulative(each.buckets), each.count]
        for bound, count in zip((*map(_number, CONVENTIONAL), "+Inf"), counts, strict=True):
            durations.append(Sample("_bucket", {**labels, "le": bound}, count))
        durations.append(Sample("_count", labels, each.count))
        durations.append(Sample("_sum", labels, each.seconds))
        rows.append(Sample("_total", labels, each.rows))
        errors += [
            Sample("_total", {**labels, "error": error}, count)
            for error, count in sorted(each.errors.items())
        ]
    yield Metric(
        "jobstore_operation_duration_seconds", "histogram", "Time that operations took.", durations
    )
    yield Metric("jobstore_operation_rows", "counter", "Postings in or out.", rows)
    yield Metric(
        "jobstore_operation_errors", "counter", "Operations that raised, by error.", errors
    )
    for name, (metric, text) in GAUGES.items():
        if name in levels:
            yield Metric(metric, "gauge", text, [Sample("", {}, levels[name])])


def exposition(found: Iterable[Metric]) -> str:
    """Return metrics as text."""
    lines: list[str] = []
    for metric in found:
        name = metric.name + ("_total" if metric.kind == "counter" else "")
        lines += [f"# HELP {name} {metric.help}", f"# TYPE {name} {metric.kind}"]
        lines += [_line(metric.name, sample) for sample in metric.samples]
    return "\n".join(lines) + "\n"


def _line(name: str, sample: Sample) -> str:
    labels = ",".join(f'{label}="{_escaped(text)}"' for label, text in sample.labels.items())
    return f"{name}{sample.suffix}{f'{{{labels}}}' if labels else ''} {_number(sample.value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return repr(float(value))
