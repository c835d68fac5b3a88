"""Totals up to a bound, and facets whatever their spelling."""

from __future__ import annotations

from jobstore.records import FacetCount
from jobstore.search.counting import MAX_COUNTED, MAX_FACET_VALUES, most_frequent, total


def test_a_total_is_exact_up_to_the_bound() -> None:
    assert total(0) == (0, False)
    assert total(MAX_COUNTED) == (MAX_COUNTED, False)
    assert total(MAX_COUNTED + 1) == total(MAX_COUNTED + 5) == (MAX_COUNTED + 1, True)


def test_spellings_are_counted_together_under_the_most_frequent_one() -> None:
    found = most_frequent("company", [(["ACME"], 1), (["Acmé"], 2), (["Other"], 3), (["acme"], 1)])
    assert found == [FacetCount("Acmé", 4), FacetCount("Other", 3)]


def test_equally_frequent_spellings_go_by_the_alphabet() -> None:
    assert most_frequent("company", [(["b"], 1), (["acme"], 1), (["ACME"], 1)]) == [
        FacetCount("ACME", 2),
        FacetCount("b", 1),
    ]


def test_codes_are_counted_as_they_are() -> None:
    assert most_frequent("country", [(["DE"], 1), (["de"], 1)]) == [
        FacetCount("DE", 1),
        FacetCount("de", 1),
    ]


def test_a_posting_counts_once_for_a_skill_however_it_spells_it() -> None:
    found = most_frequent("skills", [(["SQL", "sql", "R"], 2), (["sql"], 1)])
    assert found == [FacetCount("SQL", 3), FacetCount("R", 2)]


def test_only_the_first_values_are_told() -> None:
    stated = [([f"value {number:02}"], 1) for number in range(MAX_FACET_VALUES + 3)]
    found = most_frequent("industry", stated)
    assert [each.value for each in found] == [f"value {n:02}" for n in range(MAX_FACET_VALUES)]
