"""The page of a posting: its text, its history, verdicts and applications."""

from __future__ import annotations

import re

import pytest
from lxml import html
from starlette.testclient import TestClient

import jobstore
from jobstore.service.page import texts
from tests.service.pages import said, sent, shown, stored


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
