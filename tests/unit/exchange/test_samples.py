"""What the beginning of a JSON file shows, wherever it is cut."""

from __future__ import annotations

import json
from typing import Any

from jobstore.exchange.samples import first_values
from tests.fixtures.cases import each_case

ROWS = [
    {"a": "one two, {three} [four]: five", "b": {"c": [1, -2.5e3, True, None, "x\\"]}, "d": "\\"},
    {"a": 'ü \U0001f600 "quoted" ', "b": {}, "c": [], "d": 12},
]


def _begins(part: Any, whole: Any) -> bool:
    """Tell whether ``part`` is ``whole``, or the beginning of it."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and _begins(part[key], whole[key]) for key in part)
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) <= len(whole) and all(map(_begins, part, whole))
    return bool(part == whole)


@each_case("ascii", [True, False])
@each_case("separators", [None, (",", ":")])
@each_case("document", [ROWS, {"n": 1, "jobs": ROWS}])
def test_a_beginning_shows_what_is_whole_in_it_wherever_it_is_cut(
    document: Any, separators: tuple[str, str] | None, ascii: bool
) -> None:
    text = json.dumps(document, ensure_ascii=ascii, separators=separators)
    values = document if isinstance(document, list) else [document]
    most = 0
    for end in range(1, len(text)):
        found = first_values(text[:end])
        assert _begins(found, values), text[:end]
        # Nothing that was whole is lost by a later cut.
        assert len(json.dumps(found)) >= most - 8
        most = max(most, len(json.dumps(found)))
    assert first_values(text) == values
