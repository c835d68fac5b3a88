"""What is taken out of log lines, and what is let through."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from jobstore import Fault, InvalidPosting, Job, Sort, StoreBusy, StoreUnavailable
from jobstore.operations.logs import redactor
from jobstore.operations.logs.redaction import (
    REMOVED,
    Redactor,
    secrets_of,
    secrets_of_environment,
)
from jobstore.settings.sections import Settings
from tests.fixtures.cases import each_case

KEEP = Redactor(["hunter2", "hunter2-longer", "abc"])


@each_case(
    ("text", "left"),
    [
        ("up to date", "up to date"),
        ("5 tokens left, no secrets", "5 tokens left, no secrets"),
        ("see /srv/jobs.ops/logs", "see /srv/jobs.ops/logs"),
        ("it is hunter2-longer.", f"it is {REMOVED}."),
        ("it is hunter2!", f"it is {REMOVED}!"),
        ("the abc of it", "the abc of it"),
        ("https://ann:p@ss@host/x", f"https://{REMOVED}@host/x"),
        ("postgresql://ann:p?a#ss@host/x", f"postgresql://{REMOVED}@host/x"),
        ("s3://key@bucket", f"s3://{REMOVED}@bucket"),
        ("mail ann@example.com", "mail ann@example.com"),
        ("Authorization: Bearer eyJhbGciOi.x", f"Authorization: Bearer {REMOVED}"),
        ("password=pa55 next", f"password={REMOVED} next"),
        ('{"api_key": "k-123", "a": 1}', f'{{"api_key": "{REMOVED}", "a": 1}}'),
        ("?X-Amz-Signature=ab12&b=1", f"?X-Amz-Signature={REMOVED}&b=1"),
        ("AWS_SECRET_ACCESS_KEY=a/b+c", f"AWS_SECRET_ACCESS_KEY={REMOVED}"),
        ("id AKIAABCDEFGHIJKLMNOP", f"id {REMOVED}"),
        ("AGE-SECRET-KEY-1QQQQ.", f"{REMOVED}."),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII", REMOVED),
        ("-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----.", f"{REMOVED}."),
        ("x" * 2000, f"{'x' * 300}... (2,000 characters)"),
    ],
)
def test_texts(text: str, left: str) -> None:
    assert KEEP.text(text) == left


def test_a_long_text_without_credentials_may_be_had_whole() -> None:
    assert KEEP.whole("x" * 1000 + " hunter2") == "x" * 1000 + f" {REMOVED}"


@each_case(
    ("name", "value", "left"),
    [
        ("rows", 5, 5),
        ("ok", True, True),
        ("none", None, None),
        ("salary_min", 90_000, 90_000),
        ("ratio", Decimal("1.5"), Decimal("1.5")),
        ("operation", "search", "search"),
        ("sort", Sort.NEWEST, "newest"),
        ("path", Path("/srv/jobs.db"), "/srv/jobs.db"),
        ("id", UUID(int=5), str(UUID(int=5))),
        ("at", datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02 00:00:00+00:00"),
        ("on", date(2026, 1, 2), "2026-01-02"),
        ("took", timedelta(seconds=1), "0:00:01"),
        ("description", "We look for", REMOVED),
        ("title", "Engineer", REMOVED),
        ("skills", ["C++"], REMOVED),
        ("params", ("a", 1), REMOVED),
        ("text", "engineer", REMOVED),
        ("password", "x", REMOVED),
        ("webhook_secret", 5, REMOVED),
        ("raw", b"bytes", "<bytes>"),
        ("thing", object(), "<object>"),
        ("kind", Job, "<type>"),
        ("of", {"a": {"title": "x", "n": 1}}, {"a": {"title": REMOVED, "n": 1}}),
        ("list", [{"password": "x"}, "hunter2", 3], [{"password": REMOVED}, REMOVED, 3]),
        ("many", list(range(99)), list(range(50))),
    ],
)
def test_values(name: str, value: Any, left: Any) -> None:
    assert KEEP.value(value, name) == left


@each_case(
    ("error", "left"),
    [
        (StoreBusy(), "StoreBusy: The store is busy; nothing was written, try again."),
        (StoreUnavailable("at s3://k:v@b"), f"StoreUnavailable: at s3://{REMOVED}@b"),
        (
            InvalidPosting([Fault("title", "is 'Engineer'"), Fault("url", "'x'")]),
            "InvalidPosting: title, url",
        ),
        (OSError(28, "No space left on device", "/srv/x"), "OSError: No space left on device"),
        (OSError("Engineer"), "OSError"),
        (ValueError("could not convert 'Engineer'"), "ValueError"),
    ],
)
def test_errors(error: BaseException, left: str) -> None:
    assert KEEP.value(error) == left


def test_secrets_of_settings_and_of_the_environment_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings.model_validate(
        {
            "backup": {"places": ["s3://b"], "place_options": {"s3://b": {"k": "in-options"}}},
            "alerts": {
                "sinks": [{"type": "webhook", "url": "https://e/in-url", "secret": "in-sink"}]
            },
        }
    )
    assert [*secrets_of(settings)] == ["https://e/in-url", "in-sink", "in-options"]
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "in-environment")
    known = redactor(settings)
    text = "in-options in-sink in-environment"
    assert known.text(text) == f"{REMOVED} {REMOVED} {REMOVED}"


def test_variables_that_hold_no_secret_are_no_secrets() -> None:
    environment = {"TOKEN_FILE": "/run/token", "USE_TOKENS": "yes", "PATH": "/usr/bin:/bin"}
    assert [*secrets_of_environment(environment)] == []
