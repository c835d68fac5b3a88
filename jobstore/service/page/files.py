"""The files that pages load: read once, compressed once, kept by browsers until they change."""

from __future__ import annotations

import gzip
import hashlib
from importlib.resources import files
from typing import NamedTuple

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class _File(NamedTuple):
    content: bytes
    compressed: bytes
    kind: str
    version: str


def _read() -> dict[str, _File]:
    found = {}
    for each in (files(__package__) / "static").iterdir():
        kind = _TYPES.get(each.name.rpartition(".")[2])
        if kind is not None:
            content = each.read_bytes()
            version = hashlib.sha256(content).hexdigest()[:12]
            found[each.name] = _File(content, gzip.compress(content, mtime=0), kind, version)
    return found


_FILES = _read()


def place(name: str) -> str:
    """Return where a file is, below the root; another content has another place."""
    return f"/static/{name}?v={_FILES[name].version}"


def routes() -> APIRouter:
    """Return the route of the files. Anybody may have them: they say nothing of a store."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/static/{name}", methods=["GET", "HEAD"])
    async def file(request: Request, name: str, v: str = "") -> Response:
        found = _FILES.get(name)
        if found is None:
            raise HTTPException(404, "There is no such file.")
        headers = {"ETag": f'"{found.version}"', "Vary": "Accept-Encoding"}
        if v == found.version:
            headers["Cache-Control"] = "public, max-age=31536000, immutable"
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        content = found.content
        if "gzip" in request.headers.get("accept-encoding", ""):
            content, headers["Content-Encoding"] = found.compressed, "gzip"
        return Response(content, headers=headers, media_type=found.kind)

    return router
