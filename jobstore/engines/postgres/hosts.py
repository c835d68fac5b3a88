"""Which of the hosts that a URL names is asked first, and what is asked of it.

A host that is frozen or gone costs the whole time to connect: so the one that was found last is
asked first, and who looks for another one asks the one it knows last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection

PRIMARY = "read-write"
STANDBY = "standby"
"""What a host has to be: values of libpq's ``target_session_attrs``."""

# Lists of the same length, or one value for all hosts.
_NAMES = ("host", "hostaddr", "port")

Place = tuple[str, str]


def place(conn: AsyncConnection[Any]) -> Place:
    """Return where a connection goes to: host and port."""
    return conn.info.host, str(conn.info.port)


def several(parameters: Mapping[str, Any]) -> bool:
    """Tell whether more than one host is named."""
    return any("," in str(parameters.get(name, "")) for name in _NAMES[:2])


def ordered(
    parameters: Mapping[str, Any], *, first: Place | None = None, last: Place | None = None
) -> dict[str, Any]:
    """Return the parameters of a connection with the hosts in the order to ask them."""
    if not several(parameters) or first == last:
        return dict(parameters)
    columns = {name: str(parameters[name]).split(",") for name in _NAMES if parameters.get(name)}
    most = max(map(len, columns.values()))
    if any(len(values) not in (1, most) for values in columns.values()):
        return dict(parameters)  # psycopg says what is wrong with it
    rows = [
        {name: values[number % len(values)] for name, values in columns.items()}
        for number in range(most)
    ]

    def rank(row: Mapping[str, str]) -> int:
        where = row.get("host") or row.get("hostaddr", ""), row.get("port") or "5432"
        return 0 if where == first else 2 if where == last else 1

    rows.sort(key=rank)
    return {**parameters, **{name: ",".join(row[name] for row in rows) for name in columns}}
