"""Any values in the rows of any format: a posting that is sound, or a reason why there is none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore.errors import InvalidPosting
from jobstore.exchange.catalogue import built_in, names
from jobstore.exchange.mapping import FieldMapping
from jobstore.exchange.self_mapping import self_mapping
from jobstore.intake.lenient import take_in
from jobstore.intake.validation import check_posting

TEXTS = st.text(max_size=40) | st.sampled_from(
    ["None", "-1", "0", "45.000", "3 days ago", "true", "https://x.example/1", "Berlin; Bonn", "$5"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def keys_of(mapping: FieldMapping) -> list[str]:
    """The keys at which the fields of a mapping are, as far as they are plain."""
    paths = [path for rules in mapping.rules.values() for rule in rules for path in rule.paths]
    return sorted({path.split(".")[0] for path in paths if path.replace(".", "").isidentifier()})


def check(mapping: FieldMapping, row: dict[str, Any]) -> None:
    found = mapping.translate(row)
    try:
        posting, omissions = take_in(found)
    except InvalidPosting:
        return
    assert check_posting(posting) == posting
    for omission in omissions:
        assert omission.reason
        if "turned round" not in omission.reason and "too long" not in omission.reason:
            kept = posting.attributes
            assert any(name.startswith(omission.name.rstrip(".")[:20]) for name in kept), omission


@pytest.mark.parametrize("name", names())
@given(data=st.data())
def test_rows_of_every_mapping(name: str, data: st.DataObject) -> None:
    mapping = built_in(name)
    keys = keys_of(mapping)
    row = data.draw(st.dictionaries(st.sampled_from(keys), VALUES, max_size=len(keys)))
    check(mapping, row)
    texts = data.draw(st.dictionaries(st.sampled_from(keys), TEXTS, max_size=len(keys)))
    check(mapping, texts)


NAMES = [
    "title", "company", "location", "country", "remote", "job type", "skills", "salary", "min",
    "max", "currency", "url", "date", "deadline", "first seen", "last seen", "status", "gone date",
    "id", "source", "applicants", "level", "description",
]  # fmt: skip


@given(row=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=len(NAMES)), title=TEXTS)
def test_rows_that_map_themselves(row: dict[str, Any], title: str) -> None:
    row = {"source": "s", "id": "x-1", **row, "title": title}
    mapping = self_mapping([row])
    assert mapping is not None
    check(mapping, row)
