"""How answers and what is asked look on the wire, the same for all routes."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from starlette.exceptions import HTTPException

from jobstore.errors import Fault, InvalidPosting
from jobstore.json_text import escaped, to_json

# What the body of one thing may have: more than the longest posting, all of it escaped, and more
# names than that. It is read in one piece, and nobody else is answered meanwhile; many postings are
# a batch.
_MOST_MIB = 4
_MOST_VALUES = 100_000
_MOST_NAMES = 100

_TAG = re.compile(r'\s*(W/)?"([!\x23-\x7e\x80-\xff]*)"\s*')


def answered(value: object, status: int = 200, **headers: str) -> Response:
    """Return ``value`` as JSON; ``headers`` have ``_`` for ``-``."""
    named = {name.replace("_", "-"): content for name, content in headers.items()}
    return Response(escaped(to_json(value)), status, named, media_type="application/json")


def etag(version: int) -> str:
    """Return the entity tag of a version of a posting (RFC 9110, section 8.8.3)."""
    return f'"{version}"'


def tags(header: str | None, *, weak: bool = False) -> list[str] | None:
    """Return the entity tags of a condition; ``None`` without one, ``["*"]`` for any.

    What is no entity tag matches none, and a weak one only where ``weak`` ones are compared
    (RFC 9110, section 8.8.3.2): for If-None-Match, not for If-Match.
    """
    if header is None:
        return None
    if header.strip() == "*":
        return ["*"]
    found = [_TAG.fullmatch(each) for each in header.split(",")]
    return [each[2] for each in found if each and (weak or not each[1])]


async def body_of_one(request: Request, most: int = _MOST_VALUES) -> bytes:
    """Return a body that is about one thing, and has fewer than ``most`` values.

    Raises HTTPException where it is larger: a small body may hold so many values that looking at
    them takes many seconds.
    """
    body = await request.body()
    if len(body) > _MOST_MIB * 1024 * 1024:
        raise HTTPException(413, f"A body that is no batch has at most {_MOST_MIB} MiB.")
    if _signs(body) >= most and _values(body) >= most:
        raise HTTPException(413, f"A body that is no batch has fewer than {most:,} values here.")
    return body


def _values(body: bytes) -> float:
    """Return about how many values JSON has, in time that grows with its length alone."""
    plain = body.replace(rb"\\", b"").replace(rb"\"", b"")
    if plain.count(b'"') > 4 * _MOST_VALUES:
        # More than as many names and texts have.
        return float("inf")
    # Those of texts separate nothing.
    return sum(map(_signs, plain.split(b'"')[::2]))


def _signs(text: bytes) -> int:
    return text.count(b",") + text.count(b"{") + text.count(b"[")


async def object_of(request: Request) -> dict[str, Any]:
    """Return the JSON object of a body; numbers keep all their digits.

    Raises InvalidPosting, HTTPException.
    """
    body = await body_of_one(request)
    try:
        value = json.loads(body, parse_float=Decimal, parse_constant=_refused)
    except RecursionError:
        raise InvalidPosting("The body is nested too deeply.") from None
    except InvalidOperation:
        raise InvalidPosting("The body has a number whose exponent is too large.") from None
    except ValueError as error:
        raise InvalidPosting(f"The body is no JSON: {error}.") from None
    if not isinstance(value, dict):
        raise InvalidPosting("The body must be a JSON object.")
    if len(value) > _MOST_NAMES:
        raise InvalidPosting(f"The body has more than {_MOST_NAMES} names; no posting has so many.")
    return value


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Posting"}}},
    }
}
"""How OpenAPI describes an :data:`Object` that is a posting, or fields of one."""

Object = Annotated[dict[str, Any], Depends(object_of)]


def with_key(posting: dict[str, Any], source: str, source_job_id: str) -> dict[str, Any]:
    """Return a posting with the key of its address. Raises InvalidPosting where it has another."""
    key = {"source": source, "source_job_id": source_job_id}
    faults = [
        Fault(name, "is not the one in the address")
        for name, value in key.items()
        if posting.get(name, value) != value
    ]
    if faults:
        raise InvalidPosting(faults)
    return posting | key
