"""The page of a search, and searches that are saved."""

from __future__ import annotations

import json
import re
from random import Random

from lxml import html
from starlette.testclient import TestClient

from jobstore.service.page.searching import given_by, given_of, query_of
from jobstore.service.parameters import Search
from tests.service.pages import NASTY, POSTING, said, sent, shown, stored

MOST_BYTES = 100_000
# Files of a page, not compressed.
LOADED_BESIDE = 62_000


def test_a_search_shows_what_was_found_and_how_to_go_on(client: TestClient) -> None:
    for number in range(25):
        place = "remote" if number < 5 else "onsite"
        text = "Pipelines of data."
        stored(client, number, description=text, workplace=place, title=f"Engineer {number:02}")
    page = shown(client, "/?text=data&sort=relevance")
    assert re.search(r"25 postings in [\d.]+ ms\.", said(page))
    assert {each.text for each in page.iter("mark")} == {"data"}
    assert len(page.cssselect(".postings > li")) == 20
    (following,) = page.cssselect("a[rel=next]")
    rest = shown(client, following.get("href"))
    assert len(rest.cssselect(".postings > li")) == 5
    assert not rest.cssselect("a[rel=next]")

    (remote,) = [each for each in page.cssselect("#narrow a") if each.text_content() == "remote"]
    assert remote.get("href") == "/?text=data&sort=relevance&workplace=remote"
    narrow = shown(client, remote.get("href"))
    assert "5 postings" in said(narrow)
    form = narrow.get_element_by_id("asked")
    assert dict(form.form_values())["workplace"] == "remote"
    (chip,) = narrow.cssselect(".chips a")
    assert chip.get("href") == "/?text=data&sort=relevance"
    (chosen,) = narrow.cssselect("#narrow a[aria-current=true]")
    assert chosen.get("href") == chip.get("href")


def test_an_empty_store_says_how_it_is_filled(client: TestClient) -> None:
    assert "Nothing is stored yet. jobstore import FILE" in said(shown(client, "/"))
    assert "No posting matches. Leave out a word" in said(shown(client, "/?text=baker"))


def test_an_address_has_what_was_asked_and_no_more(client: TestClient) -> None:
    bare = client.get("/?text=a+b&sort=&workplace=remote&salary_min=", follow_redirects=False)
    assert (bare.status_code, bare.headers["location"]) == (303, "/?text=a+b&workplace=remote")
    strange = client.get("/?text=&path=x&fragment=y&request=z")
    assert (strange.status_code, strange.url.query) == (400, b"path=x&fragment=y&request=z")
    typing = {"HX-Request": "true", "HX-Trigger": "text"}
    typed = client.get("/?text=a+b&sort=", headers=typing)
    assert typed.headers["hx-replace-url"] == "/?text=a+b"
    sent = client.get("/?text=a+b&sort=", headers={"HX-Request": "true", "HX-Trigger": "asked"})
    assert sent.headers["hx-push-url"] == "/?text=a+b"


def test_a_total_says_when_it_is_a_lower_bound(client: TestClient) -> None:
    lines = [POSTING | {"source": "board", "source_job_id": str(each)} for each in range(1002)]
    body = "\n".join(map(json.dumps, lines))
    assert client.post("/v1/postings:batch", content=body).status_code == 200
    page = shown(client, "/")
    assert "At least 1,001 postings" in said(page)
    # What is counted beside a filter is no more than that, either.
    assert "Counted among the newest 1,001." in said(page)
    assert "Counted among" not in said(shown(client, "/?text=nobody"))
    (following,) = page.cssselect("a[rel=next]")
    assert re.search(r"ms; this is a further page\.", said(shown(client, following.get("href"))))


def test_what_is_wrong_with_a_search_is_said_above_it_and_nothing_is_lost(
    client: TestClient,
) -> None:
    page = shown(client, "/?text=***&salary_min=much&txt=1", 400)
    faults = [each.text_content() for each in page.cssselect(".faults li")]
    assert any(each.startswith("salary min") for each in faults)
    assert "txt is not known; did you mean text?" in faults
    assert page.get_element_by_id("text").value == "***"
    assert page.get_element_by_id("salary_min").value == "much"
    assert "cannot be answered" in said(shown(client, "/?text=***", 400))
    assert "skill" in said(shown(client, "/?text=skill:python"))


def test_one_row_stands_for_a_group_and_names_its_sources(client: TestClient) -> None:
    one, other = stored(client, 1, title="Baker"), stored(client, 2, title="Baker")
    answer = sent(client, f"/postings/{one}", "/application", state="applied", note=NASTY)
    assert answer.headers["location"] == f"/postings/{one}#application"
    client.post(f"/v1/postings/{one}/duplicates", json={"other": other, "verdict": "same"})
    row = shown(client, "/").cssselect(".postings > li")
    assert len(row) == 1
    assert row[0].cssselect(".also a")[0].get("href") in (f"/postings/{one}", f"/postings/{other}")


def test_a_search_is_saved_looked_through_and_forgotten(client: TestClient) -> None:
    for number in range(20):
        stored(client, number, workplace="remote", title=f"Data Engineer {number}")
    answer = sent(client, "/?text=data&workplace=remote", "/searches", name="a/b & c?")
    place = answer.headers["location"]
    assert "Looked through until nothing yet" in said(shown(client, "/searches"))
    assert "Data Engineer" in said(shown(client, place))
    # Twenty at a time.
    assert "There may be more." in said(shown(client, place))
    # No search is lost by giving its name to another one.
    again = sent(client, "/?text=data&workplace=remote", "/searches", name="a/b & c?")
    assert again.status_code == 303
    other = sent(client, "/?text=cook", "/searches", name="a/b & c?")
    assert other.status_code == 400
    assert "is that of another search" in other.text
    assert sent(client, place, "/acknowledged").status_code == 303
    assert "Nothing new" in said(shown(client, place))
    links = [each.get("href") for each in shown(client, "/searches").iter("a")]
    assert "/?text=data&workplace=remote" in links
    assert place in links
    assert sent(client, "/searches", "/removed").status_code == 303
    assert "There is none" in said(shown(client, "/searches"))


def test_a_query_that_is_given_is_given_again() -> None:
    pairs = [
        *(("text", "a -b"), ("company", "Acme"), ("company", "B & C"), ("expired", "false")),
        *(("salary_min", "1000"), ("posted_since", "2025-10-31T09:00:00Z"), ("sort", "salary")),
        *(("collapse_duplicates", "false"), ("application", "none")),
    ]
    query = query_of(given_by(pairs))
    assert query.company == ("Acme", "B & C")
    given = given_of(query)
    again = [(k, each) for k, v in given.items() for each in (v if isinstance(v, list) else [v])]
    assert query_of(given_by(again)) == query


def test_whatever_an_address_asks_for_is_answered(client: TestClient) -> None:
    strange = (
        '{"title": "x\\ud800y", "company": "c\\u0000d", "attributes": {"a\\udfff": "\\ud800"}}'
    )
    assert client.put("/v1/postings/board/1", content=strange).status_code == 201
    values = [
        *("", "%ED%A0%80", "%00", "-1", "1e999", "NaN", "true", "none", "9999-12-31", "***", "%C3"),
        *("0001-01-01T00:00:00%2B23:59", "a" * 2000, "%F0%9F%98%80", "'", "%22", "[]", "1" * 5000),
    ]
    names = [*Search.model_fields, "x"]
    chance = Random(1)
    for _ in range(200):
        pairs = [f"{chance.choice(names)}={chance.choice(values)}" for _ in range(3)]
        answer = client.get("/?" + "&".join(pairs), headers={"Accept": "text/html"})
        assert answer.status_code in (200, 400), pairs
        assert "<h1>" in answer.text


def test_a_page_is_light_whatever_it_is_asked(client: TestClient) -> None:
    for number in range(20):
        more = {"company": f"Acme {number}", "skills": [f"Skill {each}" for each in range(9)]}
        stored(client, number, workplace=("remote", "onsite")[number % 2], **more)
    most = MOST_BYTES - LOADED_BESIDE

    companies = "&".join(f"company=Acme+{number}" for number in range(100))
    answer = client.get(f"/?{companies}")
    assert len(answer.content) < most
    page = html.document_fromstring(answer.text)
    chips = page.cssselect(".chips li")
    shown = len(chips) - 1
    assert 0 < shown < 50
    assert chips[-1].text_content().startswith(f"and {100 - shown} more filters")
    assert "few values are offered" in said(page)
    # The form keeps all of them.
    assert len(page.cssselect("#asked input[name=company]")) == 100
    one = html.document_fromstring(client.get(chips[0].find("a").get("href")).text)
    assert len(one.cssselect("#asked input[name=company]")) == 99

    words = client.get("/?text=" + "%20".join(["a"] * 900))
    assert len(words.content) < most

    # What cannot be answered has one way back, and names no name again that is not known.
    unknown = "&".join(f"x{number}={number}" for number in range(240))
    for query, fault in ((unknown, "and 220 more"), (f"{companies}&{companies}", "company")):
        refused = client.get(f"/?text=baker&{query}")
        assert refused.status_code == 400
        assert len(refused.content) < most
        page = html.document_fromstring(refused.text)
        assert fault in said(page)
        assert not page.cssselect(".chips") + page.cssselect("#narrow")
        (back,) = [each for each in page.iter("a") if each.text == "Take out all filters"]
        assert back.get("href") == "/?text=baker"
        assert not page.cssselect("input[name^=x]")


def test_a_query_that_is_saved_is_bounded(client: TestClient) -> None:
    fits = "&".join(f"company=Acme+{number}" for number in range(100))
    assert sent(client, "/?text=a", "/searches", name="a", query=fits).status_code == 303
    refused = sent(client, "/?text=a", "/searches", name="b", query="x=1&" * 5000)
    assert refused.status_code == 400
    assert "at most 256 parameters" in refused.text
