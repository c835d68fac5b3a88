"""Whether operations and requests are traced: where OpenTelemetry is there, and is told where to.

It is told so by the variables of its specification (``OTEL_TRACES_EXPORTER``,
``OTEL_EXPORTER_OTLP_ENDPOINT`` ...), or by a program that has set a provider of its own. Without
either, nothing of it is imported.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

    from jobstore.store import JobStore

_VARIABLES = (
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
)


def provider() -> TracerProvider | None:
    """Return what makes spans; ``None`` where nobody wants any.

    Raises InvalidSettings where spans are wanted and what brings them away is not installed.
    """
    wanted = any(os.environ.get(name) for name in _VARIABLES)
    if not wanted and "opentelemetry.sdk.trace" not in sys.modules:
        return None
    from jobstore.operations.monitoring import opentelemetry

    usual = "otlp" if wanted else "none"
    return opentelemetry.tracer_provider(os.environ.get("OTEL_TRACES_EXPORTER") or usual)


@asynccontextmanager
async def tracing(store: JobStore, system: str) -> AsyncIterator[None]:
    """Make a span of each operation of ``store`` while the block lasts, where that is wanted."""
    found = provider()
    if found is None:
        yield
        return
    from jobstore.operations.monitoring.opentelemetry import TracingObserver, flush

    forget = store.observe(TracingObserver(found, system=system))
    try:
        yield
    finally:
        forget()
        await asyncio.to_thread(flush, found)
