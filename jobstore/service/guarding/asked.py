"""What a request says of itself in its headers, read once, and whether it can be so at all."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from starlette.responses import Response

from jobstore.service.problems import problem

# Bytes that the query, and all headers together, may have; and how many parameters and headers.
MOST_OF_QUERY = 16 * 1024
MOST_PARAMETERS = 256
MOST_OF_HEADERS = 32 * 1024
MOST_HEADERS = 100

_FORWARDED = frozenset((b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"))
# Whose second value another server on the way may have gone by.
_ONCE = frozenset(
    (
        b"authorization",
        b"content-length",
        b"content-type",
        b"host",
        b"idempotency-key",
        b"origin",
        b"sec-fetch-mode",
        b"sec-fetch-site",
        b"transfer-encoding",
    )
)
_WANTED = _ONCE | _FORWARDED | {b"cookie", b"x-request-id"}


def too_large(most: int) -> str:
    """Return what is said of a body of more bytes."""
    said = f"{most // 2**20} MiB" if most >= 2**20 else f"{most // 1024} KiB"
    return f"The body is larger than {said}; send it in pieces."


class Refused(Exception):
    """The request is not answered but by ``response``."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class Asked:
    """The headers of a request by which it is let in, or not."""

    __slots__ = ("_fault", "headers")

    def __init__(self, headers: Iterable[tuple[bytes, bytes]], query: bytes) -> None:
        self.headers: dict[bytes, bytes] = {}
        self._fault: tuple[HTTPStatus, str] | None = None
        size = number = 0
        for name, value in headers:
            number += 1
            size += len(name) + len(value)
            if name in _WANTED:
                if name in self.headers and name in _ONCE:
                    told = f"The header {name.decode()} came twice."
                    self._fault = (HTTPStatus.BAD_REQUEST, told)
                self.headers[name] = value
        if number > MOST_HEADERS or size > MOST_OF_HEADERS:
            told = f"At most {MOST_HEADERS} headers of {MOST_OF_HEADERS // 1024} KiB are read."
            self._fault = (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, told)
        elif len(query) > MOST_OF_QUERY:
            told = f"A query has at most {MOST_OF_QUERY // 1024} KiB."
            self._fault = (HTTPStatus.REQUEST_URI_TOO_LONG, told)
        elif query.count(b"&") >= MOST_PARAMETERS:
            told = f"A query has at most {MOST_PARAMETERS} parameters."
            self._fault = (HTTPStatus.REQUEST_URI_TOO_LONG, told)

    def text(self, name: bytes) -> str:
        """Return a header, empty where it is not there."""
        return self.headers.get(name, b"").decode("latin-1")

    def check_form(self) -> None:
        """Refuse what is too much, or says two things. Raises Refused."""
        if self._fault is not None:
            raise Refused(problem(*self._fault, headers={"Connection": "close"}))

    def check_body(self, most: int) -> None:
        """Refuse a body that says it has more bytes, before it is read. Raises Refused."""
        length = self.headers.get(b"content-length")
        if length is None:
            return
        if not length.isdigit():
            raise Refused(problem(HTTPStatus.BAD_REQUEST, "The Content-Length is no number."))
        if len(length) > 18 or int(length) > most:
            raise Refused(problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_large(most)))

    def body_size(self) -> float:
        """Return how many bytes of a body may come: without end where nobody says."""
        length = self.headers.get(b"content-length", b"")
        if length.isdigit() and len(length) < 19:
            return int(length)
        return float("inf") if length or b"transfer-encoding" in self.headers else 0

    def is_forwarded(self) -> bool:
        """Tell whether somebody passed it on."""
        return not _FORWARDED.isdisjoint(self.headers)

    def from_elsewhere(self) -> bool:
        """Tell whether a page of somebody else has a browser ask, other than by a link."""
        site = self.headers.get(b"sec-fetch-site")
        if site is None or site in (b"same-origin", b"none"):
            return False
        return self.headers.get(b"sec-fetch-mode") != b"navigate"
