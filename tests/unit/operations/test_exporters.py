"""The figures as Prometheus and OpenTelemetry take them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from jobstore import Event
from jobstore.operations.monitoring import Recorder
from jobstore.operations.monitoring.histogram import CONVENTIONAL
from jobstore.operations.monitoring.opentelemetry import OpenTelemetryObserver
from jobstore.operations.monitoring.prometheus import RecorderCollector, exposition, metrics
from jobstore.operations.monitoring.traffic import by_operation

EVENTS = [
    Event("get", 0.0004, 1),
    Event("get", 0.05, 1),
    Event("get", 0.3, 0, "JobNotFound"),
    Event("search", 20.0, 20),
]


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    made = Recorder(tmp_path / "operations.db", tmp_path / "jobs.db")
    for event in EVENTS:
        made(event)
    return made


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "disk" not in sample.name
    }


def test_the_text_is_read_by_prometheus_as_it_was_meant(recorder: Recorder) -> None:
    text = exposition(metrics(by_operation(recorder.counted()), {"queue_depth": 3}))
    found = samples(text)
    get = (("operation", "get"),)
    assert found["jobstore_operation_duration_seconds_count", get] == 3
    assert found["jobstore_operation_duration_seconds_sum", get] == pytest.approx(0.3504)
    assert found["jobstore_operation_duration_seconds_bucket", (("le", "0.05"), *get)] == 2
    search = (("le", "+Inf"), ("operation", "search"))
    assert found["jobstore_operation_duration_seconds_bucket", search] == 1
    assert found["jobstore_operation_rows_total", (("operation", "search"),)] == 20
    assert found["jobstore_operation_errors_total", (("error", "JobNotFound"), *get)] == 1
    assert found["jobstore_writer_queue_depth", ()] == 3


def test_the_collector_says_the_same_as_the_text(recorder: Recorder) -> None:
    registry = CollectorRegistry()
    registry.register(RecorderCollector(recorder))
    text = exposition(metrics(by_operation(recorder.counted()), recorder.levels()))
    assert samples(generate_latest(registry).decode()) == samples(text)


def test_labels_are_escaped() -> None:
    metric = Metric("name", "Help.", "gauge")
    metric.add_sample("name", {"label": 'a"b\\c\nd'}, 1)
    assert exposition([metric]).splitlines()[-1] == r'name{label="a\"b\\c\nd"} 1.0'


def test_opentelemetry_gets_the_names_and_buckets_of_its_conventions(recorder: Recorder) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    observer = OpenTelemetryObserver(provider.get_meter("jobstore"), recorder=recorder)
    for event in EVENTS:
        observer(event)
    data = reader.get_metrics_data()
    assert data is not None
    found: dict[str, Any] = {
        metric.name: metric
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    duration = found["db.client.operation.duration"]
    assert duration.unit == "s"
    points = {
        (point.attributes["db.operation.name"], point.attributes.get("error.type")): point
        for point in duration.data.data_points
    }
    assert {key: point.count for key, point in points.items()} == {
        ("get", None): 2,
        ("get", "JobNotFound"): 1,
        ("search", None): 1,
    }
    assert tuple(points["get", None].explicit_bounds) == CONVENTIONAL
    assert points["get", None].attributes["db.system.name"] == "sqlite"
    rows = found["jobstore.operation.rows"].data.data_points
    assert sum(point.value for point in rows) == 22
    assert found["jobstore.disk_free_bytes"].data.data_points[0].value > 0
    # Nobody told the recorder of a writer.
    assert "jobstore.writer_queue_depth" not in found
    provider.shutdown()


def test_opentelemetry_works_with_the_global_provider_and_without_levels() -> None:
    OpenTelemetryObserver()(EVENTS[0])


def test_operations_are_spans_for_programs_that_are_told_where_to(migrated_url: str) -> None:
    wanted = {"JOBSTORE_MONITORING__ENABLED": "true", "OTEL_TRACES_EXPORTER": "console"}
    command = [sys.executable, "-m", "jobstore", "count", "acme", "--store", migrated_url]

    def counted(**more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env={**os.environ, **more}, capture_output=True, text=True, timeout=120
        )

    done = counted(**wanted)
    assert done.returncode == 0, done.stderr
    assert '"name": "jobstore count"' in done.stdout
    assert '"service.name": "jobstore"' in done.stdout
    assert "acme" not in done.stdout
    assert "span" not in counted(**wanted, OTEL_SDK_DISABLED="true").stdout
    done = counted(**{**wanted, "OTEL_TRACES_EXPORTER": "nowhere"})
    assert done.returncode == 2
    assert "OTEL_TRACES_EXPORTER" in done.stderr
