"""Messages of agents over HTTP: read as a whole, and refused where they are none of JSON-RPC 2.0.

The library would answer such with the words of its own validation, and would log one that is cut
off as a fault of ours.
"""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive

# By JSON-RPC 2.0, section 5.1.
_NO_JSON, _NO_REQUEST = -32700, -32600


async def read(request: Request) -> tuple[Receive, Response | None]:
    """Return what gives the body of a request again, and what is answered where it is no message.

    Raises ClientDisconnect where it does not come to its end.
    """
    body = await request.body()
    fault = _fault(body)
    return _again(body, request.receive), None if fault is None else _refused(*fault)


def _fault(body: bytes) -> tuple[int, str, object] | None:
    """Return the code and the text of what is wrong with a message, and its id."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return _NO_JSON, "The body is no JSON.", None
    if isinstance(message, list):
        return _NO_REQUEST, "Send one message at a time: there are no batches.", None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return _NO_REQUEST, 'The body is no message of JSON-RPC: its "jsonrpc" is "2.0".', None
    id = message.get("id")
    if "id" in message and (isinstance(id, bool) or not isinstance(id, str | int)):
        return _NO_REQUEST, "The id of a message is text or an integer.", None
    if "result" in message or "error" in message:
        # An answer to something that nobody asked.
        return None
    if not isinstance(message.get("method"), str):
        return _NO_REQUEST, 'A message says in "method" what is to be done.', id
    if not isinstance(message.get("params", {}), dict):
        return _NO_REQUEST, 'The "params" of a message are an object.', id
    return None


def _refused(code: int, text: str, id: object) -> Response:
    return JSONResponse(
        {"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": text}}, status_code=400
    )


def _again(body: bytes, receive: Receive) -> Receive:
    given = False

    async def once() -> Message:
        nonlocal given
        if given:
            # This waits for the client to go.
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once
