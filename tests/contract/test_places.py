"""A posting has all of its places: stored, merged, found, counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobstore import InvalidPosting, JobStore, Location, Outcome, SearchQuery
from jobstore.exchange import export, open_records
from tests.fixtures.cases import each_case
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting

BERLIN = Location("Berlin, Germany", city="Berlin", region="BE", country="DE")
HAMBURG = Location("Hamburg", country="DE")
LYON = Location("Lyon", region="Auvergne-Rhône-Alpes", country="FR")


async def placed(store: JobStore, number: int | str = 1, **stated: Any) -> Any:
    return await store.get((await store.upsert(posting(number, **stated))).id)


async def hits(store: JobStore, **criteria: Any) -> list[str]:
    query = SearchQuery(**criteria)
    page = await store.search(query)
    assert await store.count(query) == page.total
    return sorted(item.source_job_id for item in page.items)


@pytest.mark.parametrize(
    ("stated", "location", "country", "places"),
    [
        ({"location": "Bern"}, "Bern", None, [Location("Bern")]),
        ({"location": "Bern", "country": "CH"}, "Bern", "CH", [Location("Bern", country="CH")]),
        ({"country": "CH"}, None, "CH", []),
        ({"locations": ["Bern"]}, "Bern", None, [Location("Bern")]),
        (
            {"locations": ["Bern", " Basel "]},
            "Bern; Basel",
            None,
            [*map(Location, ("Bern", "Basel"))],
        ),
        ({"locations": [BERLIN, HAMBURG]}, "Berlin, Germany; Hamburg", "DE", [BERLIN, HAMBURG]),
        ({"locations": [HAMBURG, LYON]}, "Hamburg; Lyon", None, [HAMBURG, LYON]),
        (
            {"locations": [HAMBURG, "Remote"]},
            "Hamburg; Remote",
            None,
            [HAMBURG, Location("Remote")],
        ),
        ({"locations": [HAMBURG, LYON], "country": "CH"}, "Hamburg; Lyon", "CH", [HAMBURG, LYON]),
        ({"locations": [BERLIN], "location": "Several"}, "Several", "DE", [BERLIN]),
        ({"locations": ["Bern", "Bern", "", None]}, "Bern", None, [Location("Bern")]),
        (
            {"locations": [{"city": "Bern", "country": "ch"}]},
            "Bern, CH",
            "CH",
            [Location("Bern, CH", "Bern", None, "CH")],
        ),
        (
            {"locations": [{"region": "BE"}, {"country": "DE"}]},
            "BE; DE",
            None,
            [Location("BE", None, "BE"), Location("DE", country="DE")],
        ),
        ({"locations": [], "location": " "}, None, None, []),
    ],
)
async def test_location_country_and_places_fill_each_other(
    store: JobStore, stated: dict[str, Any], location: str | None, country: str | None, places: Any
) -> None:
    job = await placed(store, **stated)

    assert (job.location, job.country, job.locations) == (location, country, places)
    (item,) = (await store.search(SearchQuery())).items
    assert (item.location, item.country, item.locations) == (location, country, places)
    again = await store.upsert(posting(**stated))
    assert again.outcome is Outcome.UNCHANGED


@pytest.mark.parametrize(
    ("then", "location", "country", "places"),
    [
        ({}, "Berlin, Germany; Hamburg", "DE", [BERLIN, HAMBURG]),
        (
            {"location": "Berlin, Germany; Hamburg"},
            "Berlin, Germany; Hamburg",
            "DE",
            [BERLIN, HAMBURG],
        ),
        ({"location": "Bern"}, "Bern", "DE", [Location("Bern", country="DE")]),
        ({"locations": [LYON]}, "Lyon", "FR", [LYON]),
        ({"locations": [HAMBURG, LYON]}, "Hamburg; Lyon", None, [HAMBURG, LYON]),
        ({"locations": ["Kiel", "Bonn"]}, "Kiel; Bonn", "DE", [Location("Kiel"), Location("Bonn")]),
        ({"locations": ["Hamburg"]}, "Hamburg", "DE", [HAMBURG]),
        ({"country": "AT"}, "Berlin, Germany; Hamburg", "AT", [BERLIN, HAMBURG]),
    ],
)
async def test_what_is_stated_anew_takes_the_place_of_what_is_stored(
    store: JobStore, then: dict[str, Any], location: str, country: str | None, places: Any
) -> None:
    before = await placed(store, locations=[BERLIN, HAMBURG])

    by_upsert = await placed(store, **then)

    assert (by_upsert.location, by_upsert.country, by_upsert.locations) == (
        location,
        country,
        places,
    )
    revisions = await store.revisions(before.id)
    changed = {"location", "country", "locations"} & {
        name for name in before.__slots__ if getattr(before, name) != getattr(by_upsert, name)
    }
    assert [each.previous for each in revisions] == (
        [{name: getattr(before, name) for name in changed}] if changed else []
    )
    if then:
        await placed(store, "2", locations=[BERLIN, HAMBURG])
        other = await placed(store, "2")
        by_update = await store.update(other.id, then)
        assert (by_update.location, by_update.country, by_update.locations) == (
            location,
            country,
            places,
        )


async def test_a_plain_location_is_told_once_in_the_history(store: JobStore) -> None:
    job = await placed(store, location="Bern", country="CH")
    await placed(store, location="Basel")
    await placed(store, country="FR")
    await placed(store, locations=["Basel", "Bern"])

    previous = [each.previous for each in await store.revisions(job.id)]
    assert previous == [
        {"location": "Basel", "locations": [Location("Basel", country="FR")]},
        {"country": "CH"},
        {"location": "Bern"},
    ]


async def test_a_list_that_names_one_of_several_places_takes_none_away(store: JobStore) -> None:
    first = await placed(store, locations=[BERLIN, LYON])
    again = await placed(store, location=LYON.text, country="FR")
    assert (again.locations, again.location, again.version) == (
        first.locations,
        first.location,
        first.version,
    )
    moved = await store.update(first.id, {"location": LYON.text})
    assert [each.text for each in moved.locations] == [LYON.text]


@pytest.mark.parametrize("name", ["location", "locations"])
async def test_clearing_one_clears_both(store: JobStore, name: str) -> None:
    job = await placed(store, locations=[BERLIN, LYON])

    cleared = await store.update(job.id, {name: None})

    assert (cleared.location, cleared.locations, cleared.country) == (None, [], None)


async def test_an_older_sighting_adds_only_what_is_not_known(store: JobStore, clock: Clock) -> None:
    earlier = clock()
    clock.advance(days=1)
    await placed(store, location="Bern")
    job = await placed(store, locations=[LYON, HAMBURG], last_seen_at=earlier)
    assert (job.location, job.locations, job.country) == ("Bern", [Location("Bern")], None)

    await placed(store, "2", country="DE")
    job = await placed(store, "2", locations=[LYON], last_seen_at=earlier)
    assert (job.location, job.locations, job.country) == ("Lyon", [LYON], "DE")


async def test_filters_find_each_place(store: JobStore) -> None:
    await placed(store, "many", locations=[BERLIN, LYON, "Köln"])
    await placed(store, "one", location="Berlin", country="DE")
    await placed(store, "listed", location="2 places", locations=["Kiel", "KÖLN"])
    await placed(store, "nowhere")

    # A whole value is a place's text, its city, or all of the location.
    assert await hits(store, location="berlin") == ["many", "one"]
    assert await hits(store, location="Berlin, Germany") == ["many"]
    assert await hits(store, location=("Lyon", "Kiel")) == ["listed", "many"]
    assert await hits(store, location="koln") == ["listed", "many"]
    assert await hits(store, location="2 places") == ["listed"]
    assert await hits(store, location="Berlin, Germany; Lyon; Köln") == ["many"]
    assert await hits(store, location="Auvergne-Rhône-Alpes") == []
    assert await hits(store, country="FR") == ["many"]
    assert await hits(store, country="DE") == ["many", "one"]
    assert await hits(store, country=("FR", "DE"), location="Berlin") == ["many", "one"]
    assert await hits(store, country="CH") == []


async def test_words_find_each_place_and_phrases_stay_in_one(store: JobStore) -> None:
    await placed(store, "many", locations=[BERLIN, LYON, "New York"])
    await placed(store, "listed", location="2 places", locations=["Kiel", "Old York"])

    assert await hits(store, text="location:lyon") == ["many"]
    assert await hits(store, text="rhône") == ["many"]
    assert await hits(store, text='"new york"') == ["many"]
    assert await hits(store, text="location:york") == ["listed", "many"]
    assert await hits(store, text="germany york -kiel") == ["many"]
    assert await hits(store, text='location:"2 places"') == ["listed"]
    assert await hits(store, text="lyo*") == ["many"]
    for phrase in ("germany lyon", "lyon new", "lyon auvergne", "alpes new", "places kiel"):
        assert await hits(store, text=f'"{phrase}"') == []
        assert await hits(store, text=f'location:"{phrase}"') == []


async def test_relevance_knows_each_place(store: JobStore) -> None:
    await placed(store, "described", description="lyon")
    await placed(store, "placed", locations=[BERLIN, LYON])
    await placed(store, "later", description="lyon")

    page = await store.search(SearchQuery(text="lyon", sort="relevance"))

    assert [item.source_job_id for item in page.items] == ["placed", "later", "described"]


async def test_a_posting_counts_once_for_each_distinct_place(store: JobStore) -> None:
    await placed(store, 1, locations=[BERLIN, HAMBURG, "HAMBURG", LYON])
    await placed(store, 2, location="Hamburg", country="DE")
    await placed(store, 3, locations=["Hamburg", "Bern"], country="CH")
    await placed(store, 4, location="[1, 2]")

    page = await store.search(SearchQuery(), facets=("location", "country", "company"))

    found = {name: {each.value: each.count for each in page.facets[name]} for name in page.facets}
    assert found["location"] == {
        "Hamburg": 3,
        "Berlin, Germany": 1,
        "Bern": 1,
        "Lyon": 1,
        "[1, 2]": 1,
    }
    assert found["country"] == {"DE": 2, "CH": 1, "FR": 1}
    top = (await store.statistics()).top_locations
    assert {each.value.casefold(): each.count for each in top} == {
        name.casefold(): count for name, count in found["location"].items()
    }
    assert [each.count for each in top] == [3, 1, 1, 1, 1]

    await store.delete((await store.find("board", "1")).id)
    await placed(store, 3, locations=["Bern"])
    top = (await store.statistics()).top_locations
    assert {each.value.casefold(): each.count for each in top} == {
        "hamburg": 1,
        "bern": 1,
        "[1, 2]": 1,
    }


@each_case(
    ("locations", "reason"),
    [
        ("Berlin", "must be a list of places, not text"),
        ({"text": "Berlin"}, "must be a list of places, not an object"),
        (["Berlin", 5], "item 2 must be a text or a mapping, not a number"),
        ([{"town": "Berlin"}], "item 1 must have no other parts than text, city, region, country"),
        (
            [{"text": "Berlin", "country": "Germany"}],
            "item 1 must be a country code of two letters",
        ),
        (["x" * 2001], "item 1 must have at most 2,000 characters"),
        ([{"text": "x", "city": "y" * 301}], "item 1 must have at most 300 characters"),
        ([str(n) for n in range(201)], "must have at most 200 items, not 201"),
        (["a\x00b"], "item 1 must not contain"),
        ([Location(7)], "item 1 must be text, not a number"),
    ],
)
async def test_what_is_wrong_with_a_list_of_places_is_named(
    store: JobStore, locations: Any, reason: str
) -> None:
    with pytest.raises(InvalidPosting) as raised:
        await store.upsert(posting(locations=locations), strict=True)
    ((field, told),) = [(fault.field, fault.reason) for fault in raised.value.faults]
    assert (field, told[: len(reason)]) == ("locations", reason)


async def test_as_many_and_as_long_places_as_allowed(store: JobStore) -> None:
    places = [f"{n:03} {'x' * 1990}" for n in range(200)]

    job = await placed(store, locations=places)

    assert [each.text for each in job.locations] == places
    assert job.location == places[0]
    assert await hits(store, location=places[199], text="location:199") == ["1"]


@pytest.mark.parametrize("format", ["jsonl", "csv", "schema-org"])
async def test_a_real_list_of_places_goes_in_and_out(
    store: JobStore, real_data: Path, tmp_path: Path, format: str
) -> None:
    path = real_data / "field_cases" / "jsonld_three_locations.json"
    await store.upsert_many(record.posting or {} for record in open_records(path))
    (item,) = (await store.search(SearchQuery(location="HAMBURG", country="DE"))).items
    job = await store.get(item.id)
    assert [place.city for place in job.locations] == ["Berlin", "Hamburg", "München"]
    assert {place.country for place in job.locations} == {job.country} == {"DE"}

    out = tmp_path / "out"
    assert await export(store.stream(SearchQuery(location="munchen")), out, format) == 1
    await store.delete(job.id)
    await store.upsert_many(record.posting or {} for record in open_records(out))

    back = await store.get(job.id)
    assert (back.location, back.locations) == (job.location, job.locations)
