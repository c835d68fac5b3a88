"""``jobstore serve`` as a program: workers, signals, silent clients, what keeps it from it."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
import pytest
from pydantic import ValidationError

from jobstore.service.listening import most_connections
from jobstore.settings.sections import Settings

PATIENCE = 120.0
PUT = b"PUT /v1/postings/board/%d HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BODY = b'{"title": "Cook", "company": "Acme"}'


class Served:
    """A running ``jobstore serve``."""

    def __init__(self, process: subprocess.Popen[str], said: list[str]) -> None:
        self.process = process
        self.said = said
        self.port = int(said[-1].partition("http://127.0.0.1:")[2].partition("/")[0])

    def get(self, path: str) -> Any:
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE) as answer:
            return answer.read().decode()

    def workers(self) -> set[int]:
        return {each.pid for each in psutil.Process(self.process.pid).children()}

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def until_workers(self, change: Any) -> set[int]:
        """Wait until there are two workers for whom ``change`` holds."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            found = self.workers()
            if change(found):
                return found
            time.sleep(0.05)
        raise AssertionError(f"the workers are {self.workers()}")


@contextmanager
def serving(url: str, *arguments: str, **settings: str) -> Iterator[Served]:
    process = subprocess.Popen(
        [sys.executable, "-m", "jobstore", "serve", "--store", url, "--port", "0", *arguments],
        env={**os.environ, "JOBSTORE_SERVICE__ANONYMOUS": "write", **settings},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = []
    try:
        for line in process.stderr:
            said.append(line)
            if line.startswith("Serving"):
                break
        assert said, process.wait()
        assert said[-1].startswith("Serving http://127.0.0.1:"), said
        yield Served(process, said)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()


@pytest.mark.slow
def test_workers_share_a_store_are_replaced_and_end_with_grace(
    migrated_url: str, tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("service: {workers: 2}\n")
    with serving(migrated_url, "--config", str(config), "--root-path", "/jobs") as served:
        # What is told is where it is; what a proxy makes of it is its own.
        proxied = "A proxy has to serve it as /jobs/."
        there = f"http://127.0.0.1:{served.port}/"
        assert served.said[-1] == f"Serving {there}. {proxied} Ctrl-C ends it.\n"
        first = served.until_workers(lambda found: len(found) == 2)
        for number in range(8):
            head = PUT % number + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(BODY)
            with served.connect() as connection:
                connection.sendall(head + BODY)
                assert connection.recv(100).startswith(b"HTTP/1.1 201")
        # Whichever worker answers, all is there.
        for _ in range(8):
            assert len(json.loads(served.get("/v1/postings"))["items"]) == 8

        # One that dies is replaced, and the other answers meanwhile.
        os.kill(min(first), signal.SIGKILL)
        served.get("/healthz")
        second = served.until_workers(lambda found: len(found) == 2 and min(first) not in found)

        # Wrong settings change nothing; right ones replace all workers.
        assert served.process.stderr is not None
        config.write_text("service: {workers: many}\n")
        served.process.send_signal(signal.SIGHUP)
        told = served.process.stderr.readline()
        assert told.startswith("Error: The settings stay as they were:"), told
        assert "service.workers" in told
        assert served.workers() == second
        config.write_text("service: {workers: 1}\n")
        served.process.send_signal(signal.SIGHUP)
        served.until_workers(lambda found: len(found) == 1 and not found & second)
        assert served.process.stderr.readline() == "The settings were read again.\n"
        served.get("/readyz")

        # What was accepted is answered, and what comes later is not accepted.
        with served.connect() as connection, served.connect() as silent:
            connection.sendall(PUT % 99 + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY[:10])
            served.get("/healthz")
            served.process.send_signal(signal.SIGTERM)
            # Closed at once, since it has asked for nothing.
            assert silent.recv(100) == b""
            connection.sendall(BODY[10:])
            answer = connection.recv(10_000)
            assert answer.startswith(b"HTTP/1.1 201")
            assert b"connection: close" in answer.lower()
        assert served.process.wait(PATIENCE) == 0
        with pytest.raises(OSError):
            served.connect()
    listed = subprocess.run(
        [sys.executable, "-m", "jobstore", "count", "--store", migrated_url],
        capture_output=True,
        check=True,
        text=True,
    )
    assert listed.stdout.strip() == "9"


@pytest.mark.slow
def test_silent_clients_keep_nobody_out_and_are_sent_away(migrated_url: str) -> None:
    few = {"JOBSTORE_SERVICE__CONNECTIONS": "20", "JOBSTORE_SERVICE__HEADER_SECONDS": "600"}
    with serving(migrated_url, **few) as served:
        silent = [served.connect() for _ in range(200)]
        try:
            silent[-1].sendall(b"GET / HTTP/1.1\r\nHost: ")
            for _ in range(3):
                assert served.get("/healthz") == "ok\n"
            (worker,) = served.workers()
            assert len(psutil.Process(worker).net_connections("tcp")) <= 21
            # One that is being answered is not sent away, and holds up the end but once.
            with served.connect() as busy:
                busy.sendall(PUT % 1 + b"Content-Length: 1000\r\n\r\n{")
                more = [served.connect() for _ in range(60)]
                assert served.get("/healthz") == "ok\n"
                for each in more:
                    each.close()
                served.process.send_signal(signal.SIGINT)
                time.sleep(0.5)
                assert served.process.poll() is None
                served.process.send_signal(signal.SIGINT)
                assert served.process.wait(10) == 0
        finally:
            for each in silent:
                each.close()


def _refused(*arguments: str, **settings: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "jobstore", "serve", "--quiet", *arguments],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return done.returncode, done.stderr


def test_what_keeps_it_from_beginning_is_told_in_a_sentence(
    migrated_url: str, tmp_path: Path
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        code, said = _refused("--store", migrated_url, "--port", port)
    assert code == 1
    assert said.startswith(f"Error: The service cannot listen at 127.0.0.1, port {port}: Address")
    assert said.count("\n") == 1
    code, said = _refused("--store", migrated_url, "--host", "no.such.host.invalid")
    assert code == 2
    assert "there is no machine called 'no.such.host.invalid'" in said
    mistaken = {
        "JOBSTORE_SERVICE__HOSTS": '["https://jobs.example"]',
        "JOBSTORE_SERVICE__TRUSTED_PROXIES": '["10.0.0.1/8"]',
    }
    code, said = _refused("--store", migrated_url, "--root-path", "jobs", **mistaken)
    assert code == 2
    assert "service.root_path: must be empty, or a path such as /jobs" in said
    assert "service.hosts[0]: must be a server's name or IP address, without a port" in said
    assert "service.trusted_proxies[0]: must be an IP address, or a network" in said
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN")
    files = {
        "JOBSTORE_SERVICE__CERTIFICATE": str(broken),
        "JOBSTORE_SERVICE__KEY": str(tmp_path / "missing.pem"),
    }
    code, said = _refused("--store", migrated_url, **files)
    assert code == 2
    assert "service.certificate" in said
    assert "Traceback" not in said
    code, said = _refused("--store", f"sqlite:///{tmp_path}/none.db")
    assert code == 1
    assert "migrate up" in said


@pytest.mark.parametrize(("command", "package"), [("serve", "uvicorn"), ("mcp", "mcp")])
def test_without_the_extra_it_says_what_to_install(command: str, package: str) -> None:
    program = (
        f"import sys; sys.modules['{package}'] = None; sys.argv = ['jobstore', '{command}']; "
        "from jobstore.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: The service needs {package}; install it: pip install 'jobstore[service]'.\n"
    )


@pytest.mark.parametrize(
    ("setting", "right", "wrong"),
    [
        ("root_path", ["", "/jobs", "/a/b.c"], ["jobs", "/", "/jobs/", "//a", "/jobs\n", "/a b"]),
        ("trusted_proxies", [["10.0.0.1"], ["10.0.0.0/8", "::1"]], [["proxy"], ["10.0.0.1/8"]]),
        ("hosts", [["jobs.example"], ["192.0.2.7"]], [["*"], ["jobs.example:443"], [""]]),
    ],
)
def test_what_no_proxy_and_no_name_can_be_is_refused(
    setting: str, right: list[Any], wrong: list[Any]
) -> None:
    for value in right:
        Settings.model_validate({"service": {setting: value}})
    for value in wrong:
        with pytest.raises(ValidationError):
            Settings.model_validate({"service": {setting: value}})


@pytest.fixture
def limits() -> Iterator[tuple[int, int]]:
    """The limits of files of this process, which are its own again after the test."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_settings_say_how_many_connections_there_may_be(limits: tuple[int, int]) -> None:
    soft, hard = limits
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1024), hard))
    few = Settings.model_validate({"service": {"connections": 7}}).service
    assert most_connections(few) == 7
    assert most_connections(Settings().service) > 100
    # Before that the system's limit is raised as far as it may be.
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
