"""Three nodes that elect their primary: Patroni and etcd of Debian, each in a network namespace.

A node is a namespace with an address of its own on one bridge: it is killed with everything that
runs in it, or cut off from all others.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.fixtures.cluster import eventually
from tests.fixtures.postgres import account

PROGRAMS = ("ip", "setpriv", "etcd", "patroni")
# Nobody else's: the second half of what RFC 2544 keeps for measuring networks.
_NET = "198.19.77"
_BRIDGE = "jobstore0"
_PATIENCE = 120.0


class Node:
    """One machine: an etcd, a Patroni, and the PostgreSQL that this looks after."""

    def __init__(self, number: int, folder: Path, binaries: Path) -> None:
        self.number = number
        self.name = f"jobstore{number}"
        self.address = f"{_NET}.{number}"
        self.folder = folder / self.name
        self._binaries = binaries

    def connect(self) -> None:
        """Make its namespace, with an interface on the bridge."""
        outside = f"{self.name}v"
        _system("ip", "netns", "add", self.name)
        pair = ("type", "veth", "peer", "name", "eth0", "netns", self.name)
        _system("ip", "link", "add", outside, *pair)
        _system("ip", "link", "set", outside, "master", _BRIDGE, "up")
        _system("ip", "-n", self.name, "address", "add", f"{self.address}/24", "dev", "eth0")
        for interface in ("lo", "eth0"):
            _system("ip", "-n", self.name, "link", "set", interface, "up")

    def start(self, nodes: Sequence[Node]) -> None:
        """Start etcd and Patroni; after a kill, with what it had."""
        self.folder.mkdir(exist_ok=True)
        if (user := account()) is not None:
            os.chown(self.folder, user, user)
        client, peer = f"http://{self.address}:2379", f"http://{self.address}:2380"
        etcd = {
            "name": self.name,
            "data-dir": self.folder / "etcd",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": ",".join(f"{x.name}=http://{x.address}:2380" for x in nodes),
            "initial-cluster-state": "new",
            "unsafe-no-fsync": "true",
        }
        self._run("etcd", *(f"--{name}={value}" for name, value in etcd.items()))
        settings = self.folder / "patroni.json"
        settings.write_text(json.dumps(self._settings(nodes)))
        self._run("patroni", settings)

    def _run(self, program: str, *arguments: object) -> None:
        user = str(account() or os.getuid())
        inside = ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")
        with (self.folder / f"{program}.log").open("ab") as log:
            subprocess.Popen(
                ["ip", "netns", "exec", self.name, *inside, program, *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "ETCD_UNSUPPORTED_ARCH": ""},
            )

    def _settings(self, nodes: Sequence[Node]) -> dict[str, Any]:
        everybody = f"{_NET}.0/24"
        known = {"username": "postgres", "password": "postgres"}
        return {
            "scope": "jobs",
            "name": self.name,
            "restapi": {
                "listen": f"{self.address}:8008",
                "connect_address": f"{self.address}:8008",
            },
            "etcd3": {"hosts": [f"{each.address}:2379" for each in nodes]},
            "bootstrap": {
                # The shortest times that it takes: ttl >= loop_wait + 2 * retry_timeout.
                "dcs": {
                    "ttl": 20,
                    "loop_wait": 2,
                    "retry_timeout": 5,
                    "maximum_lag_on_failover": 16 * 1024 * 1024,
                    # Only who has what was acknowledged may be elected.
                    "synchronous_mode": True,
                    "postgresql": {"use_pg_rewind": True},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
                "pg_hba": [f"host {what} all {everybody} trust" for what in ("all", "replication")],
            },
            "postgresql": {
                "listen": f"{self.address}:5432",
                "connect_address": f"{self.address}:5432",
                "data_dir": str(self.folder / "data"),
                "bin_dir": str(self._binaries),
                "pgpass": str(self.folder / "pgpass"),
                "authentication": {"superuser": known, "replication": known},
                "parameters": {
                    "fsync": "off",
                    "shared_buffers": "16MB",
                    "unix_socket_directories": "",
                    "wal_retrieve_retry_interval": "100ms",
                },
            },
        }

    def says(self, path: str) -> bool:
        """Tell whether Patroni answers yes to ``/primary``, ``/sync`` and the like."""
        with suppress(OSError):
            url = f"http://{self.address}:8008/{path}"
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        return False

    def kill(self) -> None:
        """End everything that runs on it at once."""
        for _ in range(10):
            pids = _system("ip", "netns", "pids", self.name).split()
            if not pids:
                return
            for pid in map(int, pids):
                with suppress(ProcessLookupError):
                    os.kill(pid, 9)

    def cut_off(self, wanted: bool) -> None:
        """Let nothing pass between it and the others, or everything again."""
        _system("ip", "link", "set", f"{self.name}v", "down" if wanted else "up")

    def disconnect(self) -> None:
        """End what runs on it, and remove its namespace."""
        with suppress(subprocess.CalledProcessError):
            self.kill()
        # The kernel takes its time with the interfaces of a namespace that is gone.
        for what in (("link", "delete", f"{self.name}v"), ("netns", "delete", self.name)):
            with suppress(subprocess.CalledProcessError):
                _system("ip", *what)


class Nodes(list[Node]):
    """All of them."""

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a store that has all nodes as hosts."""
        hosts = ",".join(f"{each.address}:5432" for each in self)
        return f"postgresql://postgres:postgres@{hosts}/{database}"

    def primary(self, but: Node | None = None) -> Node:
        """Return the node that takes writes, waiting for one; never ``but``."""
        found: list[Node] = []

        def elected() -> bool:
            found[:] = [each for each in self if each is not but and each.says("primary")]
            return bool(found)

        eventually(elected, "a primary is elected", _PATIENCE)
        return found[0]

    def synchronous(self) -> None:
        """Wait until a standby has what is committed before that is acknowledged."""
        eventually(lambda: any(each.says("sync") for each in self), "a standby", _PATIENCE)


@contextmanager
def nodes(binaries: Path, count: int = 3) -> Iterator[Nodes]:
    """Nodes that run until the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="jobstore-nodes-"))
    folder.chmod(0o755)
    every = Nodes(Node(number, folder, binaries) for number in range(1, count + 1))
    try:
        _system("ip", "link", "add", _BRIDGE, "type", "bridge")
        _system("ip", "address", "add", f"{_NET}.254/24", "dev", _BRIDGE)
        _system("ip", "link", "set", _BRIDGE, "up")
        for node in every:
            node.connect()
        for node in every:
            node.start(every)
        every.primary()
        every.synchronous()
        yield every
    finally:
        for node in every:
            node.disconnect()
        with suppress(subprocess.CalledProcessError):
            _system("ip", "link", "delete", _BRIDGE)
        shutil.rmtree(folder, ignore_errors=True)


def _system(*command: str) -> str:
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout
