"""Odd URLs, as people write them who have a password to tell: it is nowhere to be seen."""

from __future__ import annotations

import logging
import traceback
from contextlib import suppress

import pytest

import jobstore
from jobstore.errors import JobStoreError
from jobstore.settings import parse_store_url
from tests.contract.cli.commands import run as invoke
from tests.fixtures.cases import each_case

SECRET = "s3cret"

# Each with the secret in the place of {}.
URLS = (
    "postgresql://u@h/d;password={}",
    "postgresql://u@h/d;{}",
    "postgresql://u@h/d/password={}",
    "postgresql://u@h/d%3Fpassword={}",
    "postgresql://u@h/d%3Fpassword%3D{}",
    "postgresql://u@h/d?sslmode=prefer;password={}",
    "postgresql://u@h/d?sslmode=prefer%26password={}",
    "postgresql://u@h/password={}",
    "postgresql://u@h/d password={}",
    "postgresql://u@h/d%20password={}",
    "postgresql://u@h/d?password={}&password={}2",
    "postgresql://u@h/d?PASSWORD={}",
    "postgresql://u@h/d?options=-cpassword={}",
    "postgresql://u@h/d?options=-c%20app.password%3D{}",
    "postgresql://u@h/d?password%3D{}",
    "postgresql://u@h/d?application_name=password={}",
    "postgresql://u@h/d?user=u:{}",
    "postgresql://u%3A{}@h/d",
    "postgresql://u;{}@h/d",
    "postgresql://h/d?user=u%3A{}",
    "postgresql://u@h/d#password={}",
    "postgresql://u@h/d?sslmode=prefer#{}",
    "postgresql://u@h:5432;password={}/d",
    "postgresql://u@h;password={}/d",
    "postgresql://u@h,password={}/d",
    "postgresql://password={}@h/d",
    "postgresql://user=u&password={}@h/d",
    "postgresql://?user=u&password={}",
    "postgresql:///d?host=u:{}@h",
    "postgresql:///d?host=h&dbname=password={}",
    "postgresql:///?dbname=user=u%20password={}",
    "postgresql:///?dbname=postgresql://u:{}@h/d",
    "postgresql:///postgresql://u:{}@h/d",
    "postgresql://u@h//u:{}@h/d",
    "postgresql:u:{}@h/d",
    "postgresql:password={}",
    "postgresql://u:{}",
    "postgresql://u:{}@",
    "postgresql://:{}@h/d",
    "postgresql://u:{}:x@h/d",
    "postgresql://u:p:{}@h/d",
    "postgresql://u:a/{}@h/d",
    "postgresql://u:#{}@h/d",
    "postgresql://u:%{}@h/d",
    "postgresql://u:[{}@h/d",
    "postgresql://u:{}@[::1/d",
    "postgresql://u@h/d?{}",
    "postgresql://u@h/d?{}=1",
    "postgresql://u@h/d?sslkey=/k&sslpassword={}",
    "postgresql://u@h/d?sslpasswor%64={}",
    "postgresql://u@h/d?pass%77ord={}",
    "postgresql://u@h/d?oauth_client_secret={}",
    "postgresql://u:{}@h:port/d",
    "postgresql://u:{}@h:5432:1/d",
    "postgresql+psycopg://u:{}@h/d",
    "jdbc:postgresql://u:{}@h/d",
    "user=u password={} host=h",
    "postgresql://u:\n{}@h/d",
    "postgresql://u:\0{}@h/d",
    "postgresql://u:{} @h/d",
    "postgresql://u@h/d?user=a&pwd={}",
    "postgresql://u@h/d?passwd={}",
    "postgresql://u@h/d&password={}",
    "postgresql://u@h/d,password={}",
    "postgresql://u@h/d:{}",
    "postgresql://u@h:5432?password={}",
    "postgresql://u@h?password={}",
    "postgresql://u@?password={}",
)


def all_of(error: BaseException | None) -> str:
    """Return everything that somebody may print of an error, and of what it came from."""
    if error is None:
        return ""
    printed = "".join(traceback.format_exception(error))
    own = f"{error} {error!r} {error.args!r} {printed}"
    return own + all_of(error.__cause__) + all_of(error.__context__)


@each_case("url", URLS)
async def test_a_secret_in_an_odd_url_is_nowhere(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Where it is understood, nobody is there.
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
    monkeypatch.setenv("PGPORT", "1")
    caplog.set_level(logging.DEBUG)
    url = url.replace("{}", SECRET).replace("@h/", "@localhost:1/")
    with pytest.raises(JobStoreError) as raised:
        async with jobstore.connect(url):
            pass
    # Frames of a traceback show lines of code, but no values.
    assert SECRET not in all_of(raised.value)
    assert SECRET not in caplog.text
    with suppress(JobStoreError):
        found = parse_store_url(url)
        assert SECRET not in f"{found} {found!r} {found.path}"


def test_commands_do_not_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in URLS:
        given = url.replace("{}", SECRET)
        if "\0" in given:
            continue
        monkeypatch.setenv("JOBSTORE_URL", given)
        done = invoke("config", "show")
        assert SECRET not in done.output, given


@each_case(
    "url",
    [
        "postgresql:///jobs?host=/run/a:b",
        "postgresql://%2Frun%2Fpostgresql/jobs",
        "postgresql://ann%40example.org@host/my%20jobs%40home",
        "postgresql://[::1]:5433/jobs",
        "postgresql://[fe80::1%25eth0]/jobs",
        "postgresql:///jobs?options=-csearch_path%3Djobs%2Cpublic",
        "postgresql://a:1,b:2/jobs?passfile=/etc/jobs.pgpass&service=jobs&require_auth=scram-sha-256",
    ],
)
def test_unusual_ones_without_a_secret_are_understood(url: str) -> None:
    assert str(parse_store_url(url)) == url
