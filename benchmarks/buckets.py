"""A bucket for S3 (moto), served on this machine by a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from benchmarks import Misuse

BUCKET = "benchmarks"
ACCOUNT = {"region": "us-east-1", "access_key_id": "benchmark", "secret_access_key": "benchmark"}

# Says where it listens, and ends with its standard input.
_SERVE = """
import logging, sys, urllib.request
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
address = "http://{}:{}".format(*server.get_host_and_port())
urllib.request.urlopen(urllib.request.Request(address + "/" + sys.argv[1], method="PUT")).close()
print(address, flush=True)
sys.stdin.read()
server.stop()
"""


class Server(NamedTuple):
    """The address of the bucket, and the process that serves it."""

    address: str
    process: subprocess.Popen[str]


@contextmanager
def bucket() -> Iterator[Server]:
    """Serve a bucket for S3 from a process of its own. Raises Misuse."""
    command = [sys.executable, "-c", _SERVE, BUCKET]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        try:
            address = run.stdout.readline().strip()
            if not address:
                raise Misuse("no bucket can be served; it needs pip install '.[dev]'")
            yield Server(address, run)
        finally:
            run.stdin.close()
