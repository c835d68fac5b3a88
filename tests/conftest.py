"""Settles the surroundings, lists the fixture plugins and loads the hypothesis profile.

Fixtures live in fixtures/.
"""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec

import pytest
from hypothesis import HealthCheck, settings

from tests.fixtures import surroundings

surroundings.settle()

if find_spec("psycopg") is None:
    raise pytest.UsageError("Tests need psycopg; run: make setup (or pip install -e '.[dev]').")

pytest_plugins = [
    # Before what imports it.
    "tests.fixtures.postgres",
    "tests.fixtures.bench",
    "tests.fixtures.data",
    "tests.fixtures.disks",
    "tests.fixtures.engines",
    "tests.fixtures.forking",
    "tests.fixtures.measuring",
    "tests.fixtures.next_version",
    "tests.fixtures.writers",
    "tests.fixtures.processes",
    "tests.fixtures.runs",
    "tests.fixtures.sparing",
    "tests.fixtures.stores",
]

# Who starts the tests in the background has them ignore Ctrl-C, and so would the processes that
# tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Machines differ in speed, so no example has a deadline. A change passes or fails by what it does,
# and not by the luck of a draw: each run tries the same examples, and so no more of them than a
# fault that comes back is likely to meet; a thorough one tries more and others.
settings.register_profile(
    "default",
    max_examples=40,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "thorough", settings.get_profile("default"), derandomize=False, max_examples=2000
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
