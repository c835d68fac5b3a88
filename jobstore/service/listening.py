"""Where a service listens, and how many connections a worker of it may have."""

from __future__ import annotations

import resource
import socket
from contextlib import suppress

from jobstore.errors import Fault, InvalidSettings, JobStoreError
from jobstore.settings.serving import ServiceSection

_BACKLOG = 2048
# Files of a worker that are no connections: the store's, logs, sockets of its own.
_OTHER_FILES = 200


def listening(service: ServiceSection) -> list[socket.socket]:
    """Return sockets that listen where the settings say. Raises JobStoreError."""
    host, port = service.host, service.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        reason = f"there is no machine called {host!r}"
        raise InvalidSettings([Fault("service.host", reason)]) from None
    made: list[socket.socket] = []
    trouble: OSError | None = None
    for family, kind, protocol, _, address in dict.fromkeys(found):
        each = socket.socket(family, kind, protocol)
        try:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            # Where any port will do, all addresses of a name have the same.
            chosen = made[0].getsockname()[1] if made else port
            each.bind((address[0], chosen, *address[2:]))
            each.listen(_BACKLOG)
        except OSError as error:
            # A name may have an address of a kind that this machine has not.
            each.close()
            trouble = error
        else:
            made.append(each)
    if not made:
        reason = trouble.strerror if trouble is not None and trouble.strerror else str(trouble)
        raise JobStoreError(
            f"The service cannot listen at {host}, port {port}: {reason}; see service.host and "
            "service.port."
        )
    return made


def most_connections(service: ServiceSection) -> int:
    """Return how many connections a worker may have; the system's limit is raised before."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        # Some systems say that there is no limit, and refuse that.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = 1_000_000 if soft == resource.RLIM_INFINITY else soft
    possible = max(files // 2, files - _OTHER_FILES)
    return min(service.connections or possible, possible)
