"""Places as boards write them."""

from __future__ import annotations

import pytest

from jobstore.lifecycle.duplicates.places import Where, places, where
from jobstore.records import Location
from tests.fixtures.cases import each_case


@each_case(
    ("left", "right", "expected"),
    [
        ("Pittsburgh, PA 15222 (Downtown area)", "Pittsburgh, Pennsylvania, United States", "SAME"),
        ("Washington, DC", "Washington, District of Columbia, United States", "SAME"),
        ("Atlanta, GA", "Atlanta, Georgia", "SAME"),
        ("Boston, MA", "Greater Boston", "SAME"),
        ("St. Louis, MO", "Saint Louis, Missouri", "SAME"),
        ("Trevose, PA", "Feasterville-Trevose, Pennsylvania, United States", "SAME"),
        ("San Francisco, CA", "San Francisco Bay Area", "SAME"),
        ("München", "Muenchen", "SAME"),
        ("München, Germany", "MÜNCHEN", "SAME"),
        ("Munich, BY, DE", "München, Bayern, Deutschland", "SAME"),
        ("Berlin, DE", "Berlin, Germany", "SAME"),
        ("NYC", "New York, NY", "SAME"),
        ("Frankfurt (Oder)", "Frankfurt am Main", "APART"),
        ("Frankfurt", "Frankfurt am Main", "SAME"),
        ("Doha · Qatar", "Doha, Qatar", "SAME"),
        ("Boston, MA; Austin, TX", "Boston, MA", "UNSURE"),
        ("Paris, TX", "Paris, France", "UNSURE"),
        ("Springfield, Greene County, MO", "Springfield, IL", "APART"),
        ("Remote", "Remote, US", "SAME"),
        ("Remote - Germany", "Remote, US", "APART"),
        ("東京", "東京", "SAME"),
        ("SG", "Singapore", "SAME"),
        ("Serangoon", "Serangoon, S00, SG", "SAME"),
        ("Tampines, S00, SG", "Singapore", "SAME"),
        ("Pune, Maharashtra, IN", "Pune, Maharashtra", "SAME"),
        ("US, CA, Santa Clara", "Santa Clara, CA", "SAME"),
        ("South East London, London", "Farringdon, Central London", "SAME"),
        ("Hyderabad, Telangana, IN", "Secunderabad, Telangana", "NEAR"),
        ("Austin, TX • Boston, MA", "Boston, MA", "UNSURE"),
        ("Germany", "Berlin, Germany", "UNSURE"),
        ("IN", "Pune, Maharashtra, IN", "UNSURE"),
        ("Remote - Singapore", "Singapore", "UNSURE"),
        ("Remote", "Boston, MA", "UNSURE"),
        ("California", "San Diego, CA", "UNSURE"),
        ("United States", "San Diego, CA", "UNSURE"),
        (None, "San Diego, CA", "UNSURE"),
        (None, None, "UNSURE"),
        ("Hollywood, CA", "West Hollywood, California", "NEAR"),
        ("Irvine, CA", "Santa Ana, CA", "NEAR"),
        ("Kansas City, MO", "Kansas City, KS", "APART"),
        ("Paris, France", "Paris, Maine, United States", "APART"),
        ("Lyon, France", "Berlin, Germany", "APART"),
    ],
)
def test_two_places(left: str | None, right: str | None, expected: str) -> None:
    one, other = places(left, []), places(right, [])
    assert where(one, other) is where(other, one) is Where[expected]


def test_several_places() -> None:
    both = places(None, [Location("Boston, MA"), Location("Austin, TX")])
    assert where(both, places(None, [Location("Austin, TX"), Location("Boston, MA")])) is Where.SAME
    assert where(both, places("Boston, MA", [])) is Where.UNSURE
    assert where(both, places("Denver, CO", [])) is Where.APART


def test_stated_parts_go_before_the_text() -> None:
    stated = places(None, [Location("HQ", city="Boston", region="Massachusetts", country="US")])
    assert where(stated, places("Boston, MA", [])) is Where.SAME


@pytest.mark.parametrize(
    ("part", "whole", "found"),
    [
        ("Holbeck, Leeds", "Leeds, West Yorkshire", Where.SAME),
        ("Farringdon, Central London", "London, UK", Where.SAME),
        ("Seattle, Washington", "Washington, DC", Where.APART),
        ("Angel, North London", "Bermondsey, South East London", Where.APART),
    ],
)
def test_a_quarter_of_a_city_is_in_it(part: str, whole: str, found: Where) -> None:
    assert where(places(part, []), places(whole, [])) == found
    assert where(places(whole, []), places(part, [])) == found
