"""Who sees pages and sends their forms: tokens that a browser keeps."""

from __future__ import annotations

from functools import partial

import pytest
from lxml import html
from starlette.testclient import TestClient

import jobstore
from jobstore.service import page
from jobstore.service.holding import Service
from jobstore.service.page import is_page
from jobstore.settings.sections import Settings
from tests.service.conftest import Asking
from tests.service.pages import sent, shown, stored


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


def test_strangers_are_asked_to_sign_in_whatever_they_ask_for(
    asking: Asking, settings: Settings
) -> None:
    stranger = asking(None, "192.0.2.7")
    open_to_all = ("/login", "/logout", "/static/{name}")
    every = page.routes(Service(settings, partial(jobstore.connect, settings.store.url)))
    assert (
        {*open_to_all}
        <= {each.path for each in every}
        <= {each.path for each in stranger.app.routes}
    )
    asked = [each for each in every if each.path not in open_to_all]
    assert len(asked) > 10
    for each in asked:
        # The token that a browser keeps is good there, and faults are told by a page.
        assert is_page(each.path), each.path
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
