"""JSON text that a terminal does not obey."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from jobstore.json_text import escaped


def test_controls_are_escaped_and_nothing_else() -> None:
    assert escaped('["a\u202eb\u2066c\u200f"]') == '["a\\u202eb\\u2066c\u200f"]'
    assert escaped('["a\x7fb\x9b31m~\xa0é日"]') == '["a\\u007fb\\u009b31m~\xa0é日"]'


@given(st.text() | st.text(alphabet='\\"u0\x7f\x85\x9f\u2028\u2029\x1c\v'))
def test_the_json_means_the_same(text: str) -> None:
    shown = escaped(json.dumps({text: text}, ensure_ascii=False))
    assert json.loads(shown) == {text: text}
    assert not any("\x7f" <= character <= "\x9f" for character in shown)
    assert shown.splitlines() == [shown]
