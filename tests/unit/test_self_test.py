"""What the self-test of a store asks for."""

from __future__ import annotations

import pytest

from jobstore import SearchQuery
from jobstore.checks.self_test import title_phrases
from jobstore.search.criteria import check_query
from jobstore.search.words import words


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Senior C++ Engineer", '"senior" "cplusplus"'),
        ("วิศวกรซอฟต์แวร์ Nurse", '"nurse"'),
        ("ဆော့ဖ်ဝဲ အင်ဂျင်နီယာ", ""),
        ("ລາວ ខ្មែរ", ""),
        ("***", ""),
    ],
)
def test_a_title_in_any_script_gives_a_search_that_means_something(title: str, text: str) -> None:
    found = title_phrases(title)
    assert found == text
    if found:
        check_query(SearchQuery(text=found))
        assert words(found)
