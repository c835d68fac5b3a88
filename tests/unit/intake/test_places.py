"""Lists of places as people write them."""

from __future__ import annotations

from typing import Any

from jobstore import Location
from jobstore.intake.lenient import take_in
from jobstore.intake.places import readable_locations, split_places
from tests.fixtures.cases import each_case
from tests.fixtures.postings import posting


@each_case(
    ("given", "places"),
    [
        ("Berlin", [Location("Berlin")]),
        ("Berlin; Hamburg", [Location("Berlin; Hamburg")]),
        (
            {"city": "Berlin", "country": "Germany"},
            [Location("Berlin, Germany", "Berlin", None, "DE")],
        ),
        (["Berlin", "Berlin", "", None], [Location("Berlin")]),
        (("Berlin", "Bonn"), [Location("Berlin"), Location("Bonn")]),
        ('["Berlin", "Bonn"]', [Location("Berlin"), Location("Bonn")]),
        ("['Berlin', 'Bonn']", [Location("Berlin"), Location("Bonn")]),
        ('[{"city": "Bern", "country": "CHE"}]', [Location("Bern, CHE", "Bern", None, "CH")]),
        (["S&atilde;o Paulo", "<b>Rio</b>"], [Location("São Paulo"), Location("Rio")]),
        (["ZÃ¼rich", "Zürich"], [Location("Zürich")]),
        ([{"text": "K&ouml;ln", "city": "K&ouml;ln"}], [Location("Köln", "Köln")]),
        (["Berlin", "N/A", "<br>", "null"], [Location("Berlin")]),
        ([Location("Berlin", country="Germany")], [Location("Berlin", country="DE")]),
        ([{"city": "Berlin", "zip": 10115}], [Location("Berlin", "Berlin")]),
    ],
)
def test_places_are_read_as_they_are_written(given: Any, places: list[Location]) -> None:
    checked, omissions = take_in(posting(locations=given))
    assert checked.locations == places
    assert omissions == []


@each_case(
    ("given", "places", "told"),
    [
        (["Berlin", 5], [Location("Berlin")], "item 2 must be a text or a mapping, not a number"),
        (
            ["Berlin", ["Bonn"]],
            [Location("Berlin")],
            "item 2 must be a text or a mapping, not a list",
        ),
        (
            [{"city": "Ankh", "country": "Discworld"}],
            [Location("Ankh, Discworld", "Ankh")],
            "item 1 has a country that is not known",
        ),
        ([{"country": "EU"}, "Bonn"], [Location("EU"), Location("Bonn")], "item 1 has a country"),
        ([{"text": "Bonn", "country": 49}], [Location("Bonn")], "item 1 has a country"),
        (["x" * 3000, "Bonn"], [Location("Bonn")], "item 1 must have at most 2,000 characters"),
        (
            [str(n) for n in range(300)],
            [Location(str(n)) for n in range(200)],
            "has 100 items beyond",
        ),
        (5, [], "must be a list of places, not a number"),
        ([5], [], "item 1 must be a text or a mapping"),
    ],
)
def test_what_cannot_be_read_is_told_and_kept(given: Any, places: list[Any], told: str) -> None:
    checked, (omission,) = take_in(posting(locations=given))
    assert (checked.locations or []) == places
    assert (omission.field, omission.reason[: len(told)]) == ("locations", told)
    assert "locations" in checked.attributes


@each_case("rubbish", [[None], [[]], [{}], [{"text": None}], "", [], [" "], {}])
def test_what_says_nothing_is_no_place_and_no_warning(rubbish: Any) -> None:
    found, _ = readable_locations(rubbish)
    assert found == []


@each_case(
    ("text", "places"),
    [
        ("Berlin; Hamburg", ["Berlin", "Hamburg"]),
        ("Berlin, DE | Paris, FR", ["Berlin, DE", "Paris, FR"]),
        ("Berlin\nHamburg\r\n\r\nBonn\n", ["Berlin", "Hamburg", "Bonn"]),
        ("Berlin • Bonn", ["Berlin", "Bonn"]),
        ("Berlin;;Bonn;", ["Berlin", "Bonn"]),
        ("Frankfurt a.M. / Mainz, Germany", ["Frankfurt a.M. / Mainz, Germany"]),
        ("Stratford-upon-Avon, UK", ["Stratford-upon-Avon, UK"]),
        (" ; | ", []),
        ("", []),
    ],
)
def test_a_text_is_split_only_where_it_is_certain(text: str, places: list[str]) -> None:
    assert split_places(text) == places
