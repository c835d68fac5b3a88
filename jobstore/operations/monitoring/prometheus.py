"""The figures of a running program for ``prometheus-client`` (the extra ``prometheus``)."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.registry import Collector

from jobstore.operations.monitoring.exposition import metrics
from jobstore.operations.monitoring.recorder import Recorder
from jobstore.operations.monitoring.traffic import by_operation


class RecorderCollector(Collector):
    """Gives what a recorder counted: ``REGISTRY.register(RecorderCollector(recorder))``.

    The figures are of this process; ``jobstore monitor metrics`` has those of all. Nothing is
    added to what an operation costs: they are taken when Prometheus asks.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        counted = by_operation(self._recorder.counted())
        for each in metrics(counted, self._recorder.levels()):
            metric = Metric(each.name, each.help, each.kind)
            for suffix, labels, value in each.samples:
                metric.add_sample(each.name + suffix, labels, value)
            yield metric
