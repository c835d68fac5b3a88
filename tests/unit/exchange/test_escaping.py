"""Exports on a terminal."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest

from jobstore.exchange import Writer, csv_, jsonl, schema_org
from tests.unit.exchange.conftest import export_with, make_job


@pytest.mark.parametrize("kind", [csv_.Writer, jsonl.Writer, schema_org.Writer])
def test_json_holds_no_controls_that_a_terminal_obeys(
    kind: Callable[[io.TextIOBase], Writer],
) -> None:
    nasty = "a\x7f\x9b31m"
    description = None if kind is csv_.Writer else nasty
    job = make_job(skills=[nasty], attributes={nasty: [nasty]}, description=description)
    written = export_with(kind, job)
    assert not re.search("[\x7f-\x9f]", written)
    assert r"a\u007f\u009b31m" in written
