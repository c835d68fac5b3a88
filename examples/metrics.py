"""A program that gives its own figures to Prometheus and to OpenTelemetry.

Run it as ``python examples/metrics.py``. A program that stays would have Prometheus ask it, by
``prometheus_client.start_http_server(9464)``, and would give OpenTelemetry a
``PeriodicExportingMetricReader(OTLPMetricExporter())`` instead of the reader that keeps figures
in memory. The 95th percentile of searches is then, in Prometheus:

    histogram_quantile(0.95, sum by (le) (rate(
        jobstore_operation_duration_seconds_bucket{operation="search"}[5m])))

OpenTelemetry's names follow the semantic conventions for database clients:
``db.client.operation.duration`` in seconds (``db.system.name``, ``db.operation.name``,
``error.type``), ``jobstore.operation.rows``, and with ``recorder=`` the gauges
``jobstore.writer_queue_depth``, ``writer_group_size``, ``wal_bytes`` and ``disk_free_bytes``.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, generate_latest

import jobstore
from jobstore.operations.monitoring import recording
from jobstore.operations.monitoring.opentelemetry import OpenTelemetryObserver
from jobstore.operations.monitoring.prometheus import RecorderCollector
from jobstore.settings.loading import load


async def main(url: str) -> tuple[str, str]:
    """Work with a store; return what Prometheus and OpenTelemetry were given."""
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    observer = OpenTelemetryObserver(provider.get_meter("jobstore"))
    registry = CollectorRegistry()
    settings = load(flags={"store.url": url}).settings
    async with (
        jobstore.connect(url, migrate=True, observers=[observer]) as store,
        recording(store, settings, label="metrics") as recorder,
    ):
        if recorder is not None:  # monitoring.enabled
            registry.register(RecorderCollector(recorder))
        await store.count()
        exposed = generate_latest(registry).decode()
    data = reader.get_metrics_data()
    exported = "" if data is None else data.to_json(indent=None)
    provider.shutdown()
    return exposed, exported


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", help="URL of the store; a temporary one when left out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for given in asyncio.run(main(options.store or f"sqlite:///{folder}/jobs.db")):
            print(given)
