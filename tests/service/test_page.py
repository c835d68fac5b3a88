"""The page: what it shows, what it lets through, and how little it needs of a browser."""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

import pytest
from lxml import html
from starlette.testclient import TestClient

import jobstore
from jobstore.service.page import is_page, texts
from jobstore.service.page.searching import given_by, given_of, query_of
from jobstore.service.parameters import Search
from jobstore.settings.sections import Settings
from tests.service.conftest import Asking

POSTING = {"title": "Data Engineer", "company": "Acme"}
NASTY = (
    "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{7777*7777}}\u202e **a** hx-get=/"
)
SHORT = "\"'><script>alert(1)</script>"
PAGES = ("/", "/applications", "/searches", "/statistics", "/health", "/login")
MOST_BYTES = 100_000


def stored(client: TestClient, number: int, **more: Any) -> str:
    """The id of a posting that was stored."""
    answer = client.put(f"/v1/postings/board/{number}", json=POSTING | more)
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])


def shown(client: TestClient, address: str, status: int = 200) -> html.HtmlElement:
    """A page, as a browser reads it."""
    answer = client.get(address, headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return html.document_fromstring(answer.text)


def said(page: html.HtmlElement) -> str:
    return " ".join(" ".join(page.find(".//main").itertext()).split())


def sent(client: TestClient, page: str, action: str, **fields: str) -> Any:
    """Send a form of a page, with what the form has already, and do not follow."""
    (form, *_) = [each for each in shown(client, page).forms if each.action.endswith(action)]
    kept = {name: value for name, value in form.fields.items() if value is not None}
    return client.post(form.action, data=kept | fields, follow_redirects=False)


def test_a_long_history_is_shown_in_pieces(client: TestClient) -> None:
    for number in range(45):
        id = stored(client, 1, description=f"{number} " + "word " * 30)
    address, seen, pages = f"/postings/{id}?version=2", [], 0
    while True:
        page = shown(client, address)
        seen += re.findall(r"version (\d+)", " ".join(page.cssselect(".history")[0].itertext()))
        pages += 1
        following = page.cssselect(".pages a[rel=next]")
        if not following:
            break
        address = following[0].get("href")
    assert (seen, pages) == ([str(version) for version in range(45, 0, -1)], 3)
    assert page.cssselect(".pages a")[0].text == "Newest"
    assert "As it is now" in said(page)


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


def test_a_posting_is_judged_applied_for_and_told_of(client: TestClient) -> None:
    one, other = stored(client, 1), stored(client, 2, title="Clerk")
    client.patch(f"/v1/postings/{one}", json={"location": "Bonn", "salary_max": 70_000})
    client.post(f"/v1/postings/{one}/duplicates", json={"other": other, "verdict": "different"})
    place = f"/postings/{one}"
    assert "Different ones" in said(shown(client, place))
    assert sent(client, place, "/duplicates", verdict="same").status_code == 303
    assert "same, in one group" in said(shown(client, place))
    assert sent(client, place, "/duplicates", verdict="perhaps").status_code == 400
    assert sent(client, place, "/application", state="saved").status_code == 303
    moved = {"state": "applied", "due_at": "2030-01-05T10:00", "note": "First line."}
    assert sent(client, place, "/application", **moved).status_code == 303
    page = said(shown(client, place))
    assert "Due 2030-01-05 10:00:00 UTC" in page
    assert not shown(client, "/applications").cssselect(".due")
    assert sent(client, place, "/application", due_at="2020-01-05T10:00").status_code == 303
    (due,) = shown(client, "/applications").cssselect(".due")
    assert due.text_content() == "Due 2020-01-05 10:00:00 UTC"
    assert sent(client, place, "/application", undue="1").status_code == 303
    assert "Due 20" not in said(shown(client, place)) + said(shown(client, "/applications"))
    assert "First line." in page
    assert "before: nothing → after: Bonn" in page
    assert "As it is now" in said(shown(client, f"{place}?version=1"))
    # One is enough: the other one is the same opening.
    refused = sent(client, f"/postings/{other}", "/application", state="applied")
    assert refused.status_code == 409
    (link,) = html.document_fromstring(refused.text).cssselect("#results a[href$='#application']")
    assert link.get("href") == f"{place}#application"
    board = shown(client, "/applications")
    assert [each.text_content() for each in board.cssselect(".board h3 a")] == ["Data Engineer"]


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


@pytest.mark.parametrize(
    ("referer", "next"),
    [
        ("http://localhost/postings/1?version=2", "/postings/1?version=2"),
        ("http://localhost/?text=a+b", "/?text=a+b"),
        ("http://localhost/login", "/"),
        ("http://evil.example/postings/1", "/"),
        ("http://localhost//evil.example", "/"),
        ("http://[", "/"),
    ],
)
def test_who_signs_in_goes_on_where_the_link_was(
    browsing: TestClient, referer: str, next: str
) -> None:
    answer = browsing.get("/login", headers={"Referer": referer, "Accept": "text/html"})
    (form,) = html.document_fromstring(answer.text).forms
    assert form.fields["next"] == next


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


@pytest.fixture
def hostile(client: TestClient) -> str:
    """The id of a posting whose every text is markup, with all that may come of it."""
    named = ("company", "location", "industry", "description", "salary_text", "company_size")
    texts = dict.fromkeys(named, NASTY)
    script = "javascript:alert(document.cookie)//"
    links = {
        "url": script,
        "apply_url": f"https://x.example/\"onclick='{NASTY}",
        "company_url": script,
    }
    more = {"skills": [NASTY], "attributes": {NASTY: {NASTY: [NASTY]}}, "title": f"A {NASTY}"}
    body = json.dumps({"source": SHORT, "source_job_id": NASTY, **texts, **links, **more})
    report = client.post("/v1/postings:batch", content=body).json()
    assert report["inserted"] == 1, report
    (found,) = client.get("/v1/postings").json()["items"]
    id = str(found["id"])
    client.patch(f"/v1/postings/{id}", json={"location": f"{NASTY} Bonn", "salary_min": 5})
    other = stored(client, 1, title=f"B {NASTY}")
    client.post(f"/v1/postings/{id}/duplicates", json={"other": other, "verdict": "same"})
    people = [{"name": NASTY, "email": NASTY, "phone": NASTY, "role": NASTY}]
    begun = {"state": "applied", "note": NASTY, "contacts": people}
    assert client.post(f"/v1/postings/{id}/applications", json=begun).status_code == 201
    client.put(
        "/v1/searches/" + "%22%3E%3Cscript%3E", json={"query": {"text": "a", "company": [NASTY]}}
    )
    return id


def test_no_text_of_a_posting_becomes_markup_anywhere(client: TestClient, hostile: str) -> None:
    matches = "/searches/matches?name=%22%3E%3Cscript%3E"
    asked = (
        "/?text=" + "%22%3E%3Cscript%3Ealert(1)%3C/script%3E&company=%3Cimg%20src=x%20onerror=1%3E"
    )
    for place in (*PAGES, f"/postings/{hostile}", matches, asked, "/?text=a", "/<script>"):
        answer = client.get(place, headers={"Accept": "text/html"})
        assert str(7777 * 7777) not in answer.text
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        page = html.document_fromstring(answer.text)
        for element in page.iter():
            assert element.tag not in ("img", "iframe", "object", "base", "style"), place
            if element.tag == "script":
                assert re.fullmatch(r"/static/[\w.-]+\.js\?v=\w+", element.get("src"))
                assert element.text is None
            for name, value in element.attrib.items():
                assert not name.startswith("on"), place
                assert name != "style"
                if name.startswith("hx-"):
                    assert element.get("id") in ("asked", "text", "more")
                if name in ("href", "src", "action"):
                    assert re.match(r"https?://|[/#]", value), value
                    if value.startswith("http"):
                        assert {"noopener", "noreferrer", "nofollow"} <= {
                            *element.get("rel").split()
                        }
    assert NASTY[:20] in said(shown(client, f"/postings/{hostile}"))


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)", "data:text/html,x", "//x.example", "https://", "http:x", " https://x",
        "https://x\n.example", "https://x.example/\u202egnp", "https://[", "vbscript:x", "ftp://x.example",
        'https://x.example/"onclick=', "https:\\\\x.example", None,
    ],
)  # fmt: skip
def test_only_addresses_of_the_web_become_links(address: str | None) -> None:
    assert texts.web(address) is None
    assert texts.web("https://x.example/a?b=c#d") == "https://x.example/a?b=c#d"


def test_a_mark_without_its_partner_is_text() -> None:
    assert [*texts.marked("a **b** c ** d")] == [("a ", False), ("b", True), (" c ** d", False)]


@pytest.fixture
def browsing(asking: Asking) -> TestClient:
    """A browser on this machine, without a token."""
    return asking(None)


def token_of(client: TestClient) -> str:
    return str(client.headers["Authorization"]).removeprefix("Bearer ")


def test_a_browser_signs_in_and_its_cookie_is_good_for_pages_alone(
    asking: Asking, browsing: TestClient
) -> None:
    writer = asking("write")
    id = stored(writer, 1)
    place = f"/postings/{id}"
    assert not shown(browsing, place).cssselect("form.write")
    assert "set-cookie" not in browsing.get(place).headers
    refused = browsing.post(f"{place}/application", data={"begin": "1"}, follow_redirects=False)
    assert refused.headers["location"] == "/login?next=%2F"

    kept = sent(browsing, f"/login?next={place}", "/login", token=token_of(writer))
    cookie = kept.headers["set-cookie"]
    for part in ("jobstore_token=", "HttpOnly", "Path=/", "SameSite=strict"):
        assert part in cookie
    assert "Secure" not in cookie
    onward = browsing.get(kept.headers["location"], follow_redirects=False)
    assert onward.headers["location"] == place
    assert sent(browsing, place, "/application", state="saved").status_code == 303
    # Pages alone: neither REST nor what is not a page hears of it.
    assert browsing.patch(f"/v1{place}", json={"title": "x"}).status_code == 401
    bare = browsing.post(f"{place}/application", data={"state": "applied"})
    assert bare.status_code == 403
    assert "not sent from a page" in bare.text
    other = browsing.post(f"{place}/application", data={"state": "applied", "csrf": "x" * 43})
    assert other.status_code == 403
    foreign = {"Origin": "http://evil.example"}
    assert browsing.post("/logout", headers=foreign).status_code == 403
    assert sent(browsing, "/", "/logout").status_code == 303
    assert not shown(browsing, place).cssselect("form.write")


def test_a_token_that_is_good_for_nothing_is_said_and_forgotten(browsing: TestClient) -> None:
    kept = sent(browsing, "/login", "/login", token="jobstore_wrong")
    answer = browsing.get(kept.headers["location"])
    assert answer.status_code == 401
    assert "not good any more" in answer.text
    assert "jobstore_token" not in browsing.cookies
    assert sent(browsing, "/login", "/login", token="no token; x=1").status_code == 400
    for _ in range(20):
        kept = sent(browsing, "/login", "/login", token="jobstore_guess")
        answer = browsing.get(kept.headers["location"])
        if answer.status_code == 429:
            break
    assert answer.headers["retry-after"]


def test_who_may_only_read_is_offered_no_form_and_can_send_none(asking: Asking) -> None:
    writer, reader = asking("write"), asking("read")
    id = stored(writer, 1)
    assert not shown(reader, f"/postings/{id}").cssselect("main form")
    answer = reader.post(f"/postings/{id}/application", headers={"Accept": "text/html"})
    assert answer.status_code == 403
    assert "scope write" in answer.text
    away = asking(None, "192.0.2.7").get("/statistics?a=b", follow_redirects=False)
    typed = asking(None, "192.0.2.7").get("/?text=a", headers={"HX-Request": "true"})
    assert (typed.status_code, typed.headers["hx-redirect"]) == (401, "/login?next=%2F%3Ftext%3Da")
    assert (away.status_code, away.headers["location"]) == (
        303,
        "/login?next=%2Fstatistics%3Fa%3Db",
    )


def test_strangers_are_asked_to_sign_in_whatever_they_ask_for(asking: Asking) -> None:
    stranger = asking(None, "192.0.2.7")
    open_to_all = ("/login", "/logout", "/static/{name}", "/openapi.json")
    routes = [*stranger.app.routes]
    pages = [each for each in routes if is_page(each.path)]
    asked = [each for each in pages if each.path not in open_to_all]
    assert len(asked) > 10
    for each in asked:
        for method in each.methods:
            path = each.path_format.replace("{id}", "0" * 8 + "-0000-0000-0000-" + "0" * 12)
            answer = stranger.request(method, path, follow_redirects=False)
            assert answer.headers["location"].startswith("/login?next="), (method, path)


@pytest.mark.parametrize("next", ["//evil.example", "/\\evil.example", "https://evil.example", "x"])
def test_signing_in_leads_to_pages_of_ours_alone(client: TestClient, next: str) -> None:
    answer = client.get("/login", params={"next": next}, follow_redirects=False)
    assert answer.headers["location"] == "/"


def test_cookies_are_for_https_where_it_is_spoken(asking: Asking) -> None:
    browser = asking("write")
    browser.base_url = "https://localhost"
    cookie = browser.get("/login").headers["set-cookie"]
    assert "jobstore_csrf=" in cookie
    for part in ("Secure", "HttpOnly", "SameSite=strict"):
        assert part in cookie


def test_what_goes_wrong_is_a_page_for_browsers_and_a_document_for_programs(
    client: TestClient,
) -> None:
    nothing = "/postings/" + "0" * 8 + "-0000-0000-0000-" + "0" * 12
    assert "No posting has" in said(shown(client, nothing, 404))
    assert "To the search" in said(shown(client, "/nowhere", 404))
    assert "version" in said(shown(client, f"{nothing}?version=x", 400))
    for place in ("/nowhere", "/v1/nowhere"):
        answer = client.get(place)
        assert answer.headers["content-type"] == "application/problem+json"
    shown_to_program = client.get("/v1/nowhere", headers={"Accept": "text/html"})
    assert shown_to_program.headers["content-type"] == "application/problem+json"
    assert client.post("/statistics", headers={"Accept": "text/html"}).status_code == 405
    assert client.head("/statistics").status_code == 200


def test_a_page_loads_little_and_from_here_alone(client: TestClient) -> None:
    for number in range(20):
        stored(client, number, description="Pipelines of data. " * 40, salary_min=5, country="DE")
    for place in (*PAGES, "/?text=data"):
        answer = client.get(place, headers={"Accept": "text/html"})
        page = html.document_fromstring(answer.text)
        files = [each.get("href") for each in page.iter("link")]
        files += [each.get("src") for each in page.iter("script")]
        loaded = len(answer.content)
        for file in files:
            found = client.get(file, headers={"Accept-Encoding": "identity"})
            assert found.status_code == 200
            assert "immutable" in found.headers["cache-control"]
            again = client.get(file, headers={"If-None-Match": found.headers["etag"]})
            assert again.status_code == 304
            loaded += len(found.content)
        # Without being compressed at all.
        assert loaded < MOST_BYTES, place


def test_files_are_compressed_once_and_nothing_else_is_a_file(client: TestClient) -> None:
    squeezed = client.get("/static/page.css", headers={"Accept-Encoding": "gzip"})
    assert squeezed.headers["content-encoding"] == "gzip"
    assert b":root" in squeezed.content
    assert client.head("/static/page.css").status_code == 200
    for name in ("..%2Ffiles.py", "../files.py", "htmx-LICENSE.txt", "none.css"):
        assert client.get(f"/static/{name}").status_code == 404


def test_every_address_is_below_the_path_that_a_proxy_adds(
    client: TestClient, settings: Settings
) -> None:
    id = stored(client, 1, url="https://x.example/1", workplace="remote", skills=["Python"])
    root = "/jobs"
    behind = TestClient(client.app, "http://localhost", root_path=root, client=("127.0.0.1", 1))
    behind.portal = client.portal
    behind.headers["Authorization"] = client.headers["Authorization"]
    for place in (*PAGES, f"/postings/{id}", "/?text=data&workplace=remote", "/nowhere"):
        page = html.document_fromstring(
            behind.get(root + place, headers={"Accept": "text/html"}).text
        )
        for element in page.iter():
            for name in ("href", "src", "action", "hx-get"):
                value = element.get(name, root + "/")
                assert value.startswith((root + "/", "https://", "#")), (place, value)
    behind.cookies.clear()
    cookie = behind.get(root + "/login").headers["set-cookie"]
    assert f"Path={root};" in cookie


def test_statistics_say_in_tables_what_charts_show(client: TestClient) -> None:
    for number in range(3):
        pay = {"salary_min": 50_000 + number, "salary_currency": "EUR", "salary_period": "year"}
        stored(client, number, workplace="remote", **pay)
    page = shown(client, "/statistics")
    text = said(page)
    assert "3 postings" in text
    assert "EUR 3 50,000 50,001 50,002" in text
    assert "board 3" in text
    (chart,) = page.cssselect("svg[role=img]")
    assert len(chart.findall("rect")) == len(page.cssselect("details tbody tr"))


def test_health_says_how_the_store_is_and_how_fast_it_was(client: TestClient) -> None:
    text = said(shown(client, "/health"))
    # What it is depends on the machine.
    assert re.search(r"Health: (pass|warn|fail)", text)
    assert "schema" in text
    assert "No program wrote down" in text


def test_a_description_is_read_in_paragraphs_and_lists() -> None:
    job = jobstore.Job(
        **dict.fromkeys(("id", "status", "first_seen_at", "last_seen_at", "updated_at")),
        version=1, source="a", source_job_id="1", title="t", company="c",
        description_text="One\nline.\n- a\n- b\n\nTwo.",
    )  # fmt: skip
    assert [*texts.blocks(job)] == [
        (False, ("One", "line.")),
        (True, ("a", "b")),
        (False, ("Two.",)),
    ]


def test_markdown_is_read_as_it_was_meant_and_stays_text(client: TestClient) -> None:
    text = (
        "**Who we are**\n---\n\n## Your **work** ##\n# C#\n+ bake **bread**\n* 2 ** 3\n<b>x</b>#1 "
    )
    id = stored(client, 1, description=text)
    page = shown(client, f"/postings/{id}")
    (told,) = page.cssselect(".description")
    assert [each.text for each in told.iter("strong")] == ["Who we are", "Your work", "C#", "bread"]
    assert [each.text_content() for each in told.iter("li")] == ["bake bread", "2 ** 3"]
    assert [each.text_content() for each in told.iter("p")][:2] == ["Who we are", "Your work"]
    assert not [*told.iter("b")]


def test_an_application_that_was_begun_again_hides_no_other(client: TestClient) -> None:
    id = stored(client, 1)
    place = f"/postings/{id}"
    sent(client, place, "/application", state="applied", note="First time.")
    again = {"state": "saved", "force": True, "note": "Second time."}
    assert client.post(f"/v1{place}/applications", json=again).status_code == 201
    page = shown(client, place)
    (earlier,) = page.cssselect("#application details")
    assert "First time." in earlier.text_content()
    assert "Second time." not in earlier.text_content()
    assert "Second time." in said(page)


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
