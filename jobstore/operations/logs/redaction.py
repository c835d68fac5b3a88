"""What may stand in a log line: numbers, names and short texts of the code's own.

Texts of postings, bound values and credentials are taken out here, whoever logs them. Nothing
is written from this module.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, ValuesView
from dataclasses import fields
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from jobstore.errors import InvalidPosting, InvalidQuery, JobStoreError
from jobstore.records import JobPosting

REMOVED = "[removed]"

# Longer texts are nobody's own words.
_LONGEST = 300
_MOST_ITEMS = 50

# Values under these names come from postings or searches, whatever they look like. Numbers are
# let through: a count of rows tells nothing of what is in them.
_FOREIGN = {field.name for field in fields(JobPosting)} - {"source", "url", "location"}
_FOREIGN |= {"description_text"}
_BOUND = {"args", "bound", "cursor", "job", "params", "parameters", "posting", "query", "row"}
_BOUND |= {"sql", "statement", "text"}
_SECRET = re.compile(
    r"secret|passw|token|credential|authori[sz]ation|api_?key|access_?key|private|cookie|identity",
    re.IGNORECASE,
)

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, flags), put)
    for pattern, flags, put in (
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*-----|\Z)", re.DOTALL, REMOVED),
        (r"AGE-SECRET-KEY-1[0-9A-Z]+", re.IGNORECASE, REMOVED),
        (r"jobstore-key-[0-9a-f]+", re.IGNORECASE, REMOVED),
        (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", 0, REMOVED),
        # RFC 3986, section 3.2.1: what stands before the host, up to the last @; to libpq a '?' or
        # a '#' does not end it.
        (r"(?<=://)[^/\s]*@", 0, f"{REMOVED}@"),
        (r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE, rf"\1 {REMOVED}"),
        (
            r"""(\b[\w-]*(?:secret|passw\w*|token|api_?key|access_?key|signature|credential)[\w-]*"""
            r"""["']?\s*[=:]\s*["']?)[^\s"'&,;}]+""",
            re.IGNORECASE,
            rf"\1{REMOVED}",
        ),
    )
)


def secrets_of(value: Any) -> Iterator[str]:
    """Yield every secret value in the settings, or in a part of them."""
    from pydantic import BaseModel, SecretStr

    from jobstore.settings.sections import StoreSection

    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    if isinstance(value, StoreSection) and value.has_secret:
        yield value.url
        yield unquote(urlsplit(value.url).password or "")
    if isinstance(value, BaseModel):
        value = dict(value)
    parts = value.values() if isinstance(value, Mapping) else value
    if isinstance(parts, list | tuple | ValuesView):
        for part in parts:
            yield from secrets_of(part)


def secrets_of_environment(environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield the values of variables that are named like secrets, AWS_SECRET_ACCESS_KEY say."""
    for name, value in (os.environ if environment is None else environment).items():
        # A variable that names a file holds no secret itself, nor does one that says yes or no.
        if _SECRET.search(name) and len(value) >= 8 and not name.endswith(("_FILE", "_PATH")):
            yield value


class Redactor:
    """Takes out of texts and values what may not be logged; ``secrets`` are known ones."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # Shorter ones would tear up every text; longer ones go first, as they may hold others.
        known = sorted({each for each in secrets if len(each) >= 4}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        """Return ``text`` without credentials, and cut to some length."""
        length = len(text)
        # Patterns need not look at what is cut off anyway.
        text = self._without_patterns(self._without_known(text)[: 4 * _LONGEST])
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({length:,} characters)"

    def whole(self, text: str) -> str:
        """Return ``text`` without credentials, however long it is."""
        return self._without_patterns(self._without_known(text))

    def _without_known(self, text: str) -> str:
        return self._known.sub(REMOVED, text) if self._known is not None else text

    @staticmethod
    def _without_patterns(text: str) -> str:
        for pattern, put in _PATTERNS:
            text = pattern.sub(put, text)
        return text

    def value(self, value: Any, name: str = "") -> Any:
        """Return what may be logged of ``value`` under ``name``; an object is only named."""
        if value is None or isinstance(value, bool | int | float | Decimal):
            return REMOVED if value is not None and _SECRET.search(name) else value
        if name in _FOREIGN or name in _BOUND or _SECRET.search(name):
            return REMOVED
        if isinstance(value, Enum):
            return self.value(value.value)
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Path | UUID | date | timedelta):
            return self.text(str(value))
        if isinstance(value, BaseException):
            return self.error(value)
        if isinstance(value, Mapping):
            some = list(value.items())[:_MOST_ITEMS]
            return {self.text(str(key)): self.value(item, str(key)) for key, item in some}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in list(value)[:_MOST_ITEMS]]
        return f"<{type(value).__name__}>"

    def error(self, error: BaseException) -> str:
        """Return an error's name, with its message where that is our own.

        Those of drivers and libraries may quote the values they failed on.
        """
        name = type(error).__name__
        if isinstance(error, InvalidPosting | InvalidQuery):
            return f"{name}: {', '.join(dict.fromkeys(fault.field for fault in error.faults))}"
        if isinstance(error, JobStoreError):
            return f"{name}: {self.text(str(error))}"
        if isinstance(error, OSError) and error.strerror:
            return f"{name}: {error.strerror}"
        return name
