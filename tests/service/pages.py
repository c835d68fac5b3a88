"""Pages as a browser without a script reads them, and sends their forms."""

from __future__ import annotations

from typing import Any

from lxml import html
from starlette.testclient import TestClient

POSTING = {"title": "Data Engineer", "company": "Acme"}
NASTY = (
    "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{7777*7777}}\u202e **a** hx-get=/"
)
PAGES = ("/", "/applications", "/searches", "/statistics", "/health", "/login")


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
