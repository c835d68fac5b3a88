"""Which host is asked first."""

from __future__ import annotations

from typing import Any

import pytest

from jobstore.engines.postgres.hosts import ordered, several

THREE = {"host": "a,b,c", "port": "1,2,3", "dbname": "jobs"}


def test_what_was_found_last_is_asked_first_and_what_is_doubted_last() -> None:
    assert ordered(THREE) == THREE
    assert ordered(THREE, first=("b", "2")) == {**THREE, "host": "b,a,c", "port": "2,1,3"}
    assert ordered(THREE, last=("a", "1")) == {**THREE, "host": "b,c,a", "port": "2,3,1"}
    assert ordered(THREE, first=("c", "3"), last=("a", "1"))["host"] == "c,b,a"


def test_one_port_or_none_is_that_of_all_hosts() -> None:
    assert ordered({"host": "a,b"}, first=("b", "5432")) == {"host": "b,a"}
    found = ordered({"host": "a,b", "port": "7"}, first=("b", "7"))
    assert found == {"host": "b,a", "port": "7,7"}


def test_addresses_keep_to_their_hosts() -> None:
    asked = {"host": "a,b", "hostaddr": "10.0.0.1,10.0.0.2"}
    assert ordered(asked, last=("a", "5432")) == {"host": "b,a", "hostaddr": "10.0.0.2,10.0.0.1"}


@pytest.mark.parametrize("asked", [{}, {"host": "a"}, {"host": "a,b,c", "port": "1,2"}])
def test_what_cannot_be_ordered_stays_as_it_is(asked: dict[str, Any]) -> None:
    assert ordered(asked, first=("b", "2"), last=("a", "1")) == asked


def test_several_hosts_are_named_by_name_or_address() -> None:
    assert several({"host": "a,b"})
    assert several({"hostaddr": "10.0.0.1,10.0.0.2"})
    assert not several({"host": "a", "port": "5432"})
