"""All pages: what they show and let through, and how little they need of a browser."""

from __future__ import annotations

import json
import re

import pytest
from lxml import html
from starlette.testclient import TestClient

from jobstore.service.page import failing, texts
from jobstore.service.problems import MEDIA_TYPE as PROBLEM
from jobstore.settings.sections import Settings
from tests.service.pages import NASTY, PAGES, said, shown, stored

SHORT = "\"'><script>alert(1)</script>"
MOST_BYTES = 100_000


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


def test_a_fault_of_an_error_page_leaves_the_document_that_it_was_of(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failing, "rendered", lambda *_, **__: {}["missing"])
    answer = client.get("/nowhere", headers={"Accept": "text/html", "X-Request-ID": "mine-0001"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
    assert answer.headers["x-request-id"] == "mine-0001"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.json()["status"] == 404


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
    # What begins with the same letters is no page: not for whoever sent it, nor to go on to.
    beside = behind.get(f"{root}applications")
    assert (beside.status_code, beside.headers["content-type"]) == (404, PROBLEM)
    for before, next in ((f"{root}/statistics", "/statistics"), (f"{root}statistics", "/")):
        login = behind.get(f"{root}/login", headers={"Referer": f"http://localhost{before}"})
        (form,) = html.document_fromstring(login.text).cssselect("main form")
        assert form.fields["next"] == next
    behind.cookies.clear()
    cookie = behind.get(root + "/login").headers["set-cookie"]
    assert f"Path={root};" in cookie


def test_statistics_say_in_tables_what_charts_show(client: TestClient) -> None:
    stored(client, 0)
    assert "Statistics 1 posting." in said(shown(client, "/statistics"))
    assert texts.counted(1234, "posting") == "1,234 postings"
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
    assert "0 programs; waiting: 0 writes; 0 failures." in text
    assert "9 right steps" in text
