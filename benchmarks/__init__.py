"""Measures the store beside SQLite itself and beside what people would otherwise use.

Run it as ``python -m benchmarks``; README.md says how figures are taken. Nothing in
``jobstore/`` imports from here, and nothing here is part of the package.
"""


class Misuse(Exception):
    """What was asked for cannot be measured or held; the message says why."""
