"""Figures where no service runs: ``jobstore agent --metrics``."""

from __future__ import annotations

from collections.abc import Iterator
from socket import create_connection
from threading import Event
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from jobstore.errors import InvalidQuery, StoreUnavailable
from jobstore.operations import figures
from jobstore.operations.exposing import exposing, place_of
from jobstore.settings.sections import Settings


def test_figures_are_served_and_nothing_else(migrated_url: str) -> None:
    settings = Settings.model_validate({"store": {"url": migrated_url}})
    with exposing(settings, "127.0.0.1", 0) as address:
        with urlopen(address, timeout=60) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            text = answer.read().decode()
        port = int(address.split(":")[2].split("/")[0])
        with create_connection(("127.0.0.1", port), timeout=60) as asking:
            asking.sendall(b"HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with asking.makefile("rb") as told:
                head, _, body = told.read().partition(b"\r\n\r\n")
        # Their text may be longer by now.
        assert b"\r\nContent-Length: " in head
        assert body == b""
        with pytest.raises(HTTPError, match="404"):
            urlopen(address.replace("/metrics", "/jobs.db"), timeout=60)
        with pytest.raises(StoreUnavailable, match="in use"), exposing(settings, "127.0.0.1", port):
            pass
    families = {each.name: each for each in text_string_to_metric_families(text)}
    (schema,) = families["jobstore_schema_version"].samples
    assert schema.labels == {"store": "jobs", "environment": "development"}
    assert schema.value >= 18
    # Nothing was backed up yet, so there is no age of it; nothing is missing either.
    assert not families["jobstore_backup_age_seconds"].samples
    assert not any(each.value for each in families["jobstore_figures_missing"].samples)


def test_what_cannot_be_read_is_said_to_be_missing(migrated_url: str) -> None:
    settings = Settings.model_validate({"store": {"url": migrated_url}})
    settings.state_folder.mkdir()
    settings.operations_db.write_text("no database at all, but a text that is long enough")
    with exposing(settings, "127.0.0.1", 0) as address, urlopen(address, timeout=60) as answer:
        text = answer.read().decode()
    families = {each.name: each for each in text_string_to_metric_families(text)}
    missing = families["jobstore_figures_missing"].samples
    parts = {each.labels["part"] for each in missing if each.value}
    assert {"operations", "alerts", "health"} <= parts
    assert "schema" not in parts


def test_what_hangs_is_missing_and_keeps_nobody_from_the_rest(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.model_validate({"store": {"url": migrated_url}})
    answered, looks = Event(), []

    def hang(_: Settings) -> Iterator[Metric]:
        looks.append(True)
        answered.wait(60)
        yield from ()

    monkeypatch.setattr(figures, "_PATIENCE", 0.05)
    monkeypatch.setitem(figures._PARTS, "archive", hang)
    try:
        # The second time nothing more is left behind.
        for _ in range(2):
            told = text_string_to_metric_families(figures.figures(settings))
            families = {each.name: each for each in told}
            missing = families["jobstore_figures_missing"].samples
            assert "archive" in {each.labels["part"] for each in missing if each.value}
            assert "jobstore_build_info" in families
        assert looks == [True]
    finally:
        answered.set()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:9464", ("0.0.0.0", 9464)),
        ("[::1]:0", ("::1", 0)),
        ("host.example:1", ("host.example", 1)),
    ],
)
def test_a_place_is_a_port_or_a_host_and_a_port(text: str, place: tuple[str, int]) -> None:
    assert place_of(text) == place


@pytest.mark.parametrize("text", ["", "host", "1:2:3", "70000", "host:", ":80", "::1"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery, match="metrics"):
        place_of(text)
