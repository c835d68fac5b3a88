"""The short way of searches and single postings: it answers as the usual one does."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from jobstore.service.rest.direct import Direct

from .conftest import Asking

_SHORT = (
    "/v1/postings",
    "/v1/postings?text=engineer&limit=1",
    "/v1/postings?company=Acme&company=Beta&facets=source,country&facets=company",
    "/v1/postings?fields=id,title&posted_since=2020-01-01&sort=newest&expired=false",
    "/v1/postings?salary_min=10.5&collapse_duplicates=no&text=%22data%20engineer%22",
    "/v1/postings?text=%22open",
    "/v1/postings?text=",
    "/v1/postings?cursor=none",
    "/v1/postings/{id}",
    "/v1/postings/{other}",
)
_USUAL = (
    "/v1/postings?limit=1&limit=2",
    "/v1/postings?txt=a",
    "/v1/postings?limit=500",
    "/v1/postings?sort=best",
    "/v1/postings/{id}?version=1",
    "/v1/postings/{id}?verson=1",
    "/v1/postings/board/1",
    "/v1/postings/{id}/history",
)


def test_both_ways_answer_the_same(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, title in enumerate(["Data Engineer", "Engineer (m/w/d) \u202e\x7f", "Cook"]):
        company = ["Acme", "Beta"][number % 2]
        posting = {"title": title, "company": company, "salary_min": "50000.10"}
        client.put(f"/v1/postings/board/{number}", json=posting)
    id = client.get("/v1/postings").json()["items"][0]["id"]
    known = {"If-None-Match": '"1"'}
    asked: list[tuple[str, dict[str, str]]] = [(path, {}) for path in (*_SHORT, *_USUAL)]
    asked += [("/v1/postings/{id}", known), ("/v1/postings/{id}", {"If-None-Match": '"7", W/"1"'})]
    taken: list[str] = []
    answer = Direct._answer

    async def counted(self: Direct, scope: Any) -> Any:
        taken.append(scope["path"])
        return await answer(self, scope)

    def answers() -> list[tuple[int, bytes, dict[str, str]]]:
        other = "00000000-0000-4000-8000-000000000000"
        found = []
        for path, headers in asked:
            given = client.get(path.format(id=id, other=other), headers=headers)
            own = ("x-request-id", "ratelimit")
            told = {name: value for name, value in given.headers.items() if name not in own}
            found.append((given.status_code, given.content, told))
        return found

    monkeypatch.setattr(Direct, "_answer", counted)
    short = answers()
    assert len(taken) == len(asked)

    async def never(self: Direct, scope: Any) -> None:
        return None

    monkeypatch.setattr(Direct, "_answer", never)
    for (path, _), one, other in zip(asked, short, answers(), strict=True):
        assert one == other, path


def test_the_short_way_is_taken_by_what_is_plainly_right_alone(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: dict[str, bool] = {}
    answer = Direct._answer

    async def noted(self: Direct, scope: Any) -> Any:
        raw = scope["path"] + (
            "?" + scope["query_string"].decode() if scope["query_string"] else ""
        )
        taken[raw] = True
        found = await answer(self, scope)
        taken[raw] = found is not None
        return found

    monkeypatch.setattr(Direct, "_answer", noted)
    id = "00000000-0000-4000-8000-000000000000"
    short, usual = ([path.format(id=id, other=id) for path in each] for each in (_SHORT, _USUAL))
    for path in (*short, *usual):
        client.get(path)
    assert [path for path, was in taken.items() if was] == [*dict.fromkeys(short)]


def test_strangers_take_neither(asking: Asking) -> None:
    client = asking(None, "10.1.2.3")
    assert client.get("/v1/postings").status_code == 401
    assert client.get("/v1/postings/00000000-0000-4000-8000-000000000000").status_code == 401
