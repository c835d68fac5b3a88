"""PostgreSQL's errors, translated into those of the store.

Only the translation lives here. A translated error keeps the original as ``__cause__``; its
message says what to do and repeats nothing of the original's text, which may quote SQL, values or
a part of the URL.
"""

from __future__ import annotations

import errno
import os
from contextlib import AbstractContextManager

import psycopg

from jobstore.engines import meanings
from jobstore.engines.protocol import MissingRights
from jobstore.errors import (
    InvalidPosting,
    JobStoreError,
    OutcomeUnknown,
    StorageFull,
    StoreBusy,
    StoreCorrupt,
    StoreTimeout,
    StoreUnavailable,
)

UNREACHABLE = (
    "The database server cannot be reached; check that it runs, and the host, the port and the "
    "TLS settings in the store's URL."
)
_NO_TLS = (
    "TLS with the database server failed; check sslmode, sslrootcert and the host's name in the "
    "store's URL, and the certificates on both sides."
)
_LOST = "The connection to the database server was lost; try again when it is back."
# The command is not quoted: it would be completed for the account that may not run it.
_RIGHTS = (
    "This account lacks rights on the store: reading takes the reading role, writing the writing "
    "role, and migrating the owner of the tables; give one of them in the store's URL. Who owns "
    "the tables makes the others, with: jobstore migrate roles"
)
_REFUSED = (
    "The database server refused the account or its password; check the user in the store's URL, "
    "and ~/.pgpass, PGPASSWORD or the service file for the password."
)
_NO_DATABASE = (
    "The server has no database of that name; make it ('createdb'), or check the store's URL."
)

# By SQLSTATE, or by its first two characters, its class
# (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_MEANINGS: dict[str, tuple[type[JobStoreError], str | None]] = {
    "08": (StoreUnavailable, _LOST),
    "22": (InvalidPosting, "has a value that its column cannot hold"),
    "23": (InvalidPosting, "breaks a rule of the database"),
    "25006": (
        StoreUnavailable,
        "Only a standby answers, and writes need the primary; name its host in the store's URL, or "
        "promote the standby if the primary is gone.",
    ),
    "25P03": (StoreTimeout, "The transaction took longer than allowed and was rolled back."),
    "25P04": (StoreTimeout, "The transaction took longer than allowed and was rolled back."),
    "28": (StoreUnavailable, _REFUSED),
    "3D000": (StoreUnavailable, _NO_DATABASE),
    "40": (StoreBusy, None),
    "40003": (OutcomeUnknown, None),
    "42501": (MissingRights, _RIGHTS),
    "53100": (StorageFull, None),
    "53200": (StoreUnavailable, "The database server ran out of memory."),
    "53": (
        StoreBusy,
        "The database server has no connection left for this account; end programs that need "
        "none, use fewer readers or a pooler, or raise its max_connections or the account's limit.",
    ),
    "54": (InvalidPosting, "is larger than the database can hold"),
    "55006": (StoreBusy, None),
    "55P03": (StoreBusy, None),
    "57014": (StoreTimeout, None),
    "57": (StoreUnavailable, _LOST),
    "58": (
        StoreUnavailable,
        "The database server failed to read or write its files; look at its log and its disk.",
    ),
    "XX001": (StoreCorrupt, "The database is damaged; restore a backup."),
    "XX002": (StoreCorrupt, "An index is damaged; 'REINDEX DATABASE' in psql makes it anew."),
}

# Undefined tables, columns, functions and schemas, or columns of another type than they had when a
# statement was prepared: somebody migrated, or never did.
_MISSING = frozenset({"42P01", "42703", "42704", "42883", "3F000", "0A000"})

TOO_MANY = "53300"
"""The SQLSTATE of a server that has no connection left."""

# Where it fails to connect, libpq gives no code, only what the server has said. In other languages
# than English the more general message is given.
_SAID: tuple[tuple[str, str], ...] = (
    ("password authentication failed", "28P01"),
    ("no password supplied", "28P01"),
    ("authentication failed", "28000"),
    ("no pg_hba.conf entry", "28000"),
    ("pg_hba.conf rejects connection", "28000"),
    ('" is not permitted to log in', "28000"),
    ("permission denied for database", "42501"),
    # None of the hosts is a primary.
    ("session is read-only", "25006"),
    ("server is in hot standby mode", "25006"),
    ("too many clients", TOO_MANY),
    ("too many connections", TOO_MANY),
    ("remaining connection slots", TOO_MANY),
    # Of a socket in a folder: more came at once than its queue holds.
    (os.strerror(errno.EAGAIN), TOO_MANY),
)

# Not "SSL error" alone, which a server that goes down in the middle gives as well.
_TLS_FAILED = ("certificate", "server does not support SSL")

_AGAIN = frozenset({"40001", "40P01", "23505"})
# What a server that goes down, was killed, or is coming up says; that it was cut off; and that it
# is no primary any more.
_GONE = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03", "25P04", "25006"})


def sqlstate(error: BaseException) -> str:
    """Return the error's SQLSTATE; ``""`` where there is none."""
    found: str | None = getattr(error, "sqlstate", None)
    if found or not isinstance(error, psycopg.OperationalError):
        return found or ""
    said = str(error)
    if 'FATAL:  database "' in said and "does not exist" in said:
        return "3D000"
    if 'FATAL:  role "' in said and "does not exist" in said:
        return "28000"
    return next((code for words, code in _SAID if words in said), "")


def retryable(error: BaseException) -> bool:
    """Tell whether the same transaction may succeed when it is tried again at once, as a whole.

    It is rolled back: two transactions wrote the same rows (40001), waited for each other (40P01),
    or inserted the same key (23505).
    """
    return getattr(error, "sqlstate", None) in _AGAIN


def is_lost(error: BaseException) -> bool:
    """Tell whether the connection is gone, so that only another one can be used."""
    if not isinstance(error, psycopg.Error):
        return False
    code = error.sqlstate or ""
    return code in _GONE or code.startswith("08") or (not code and _without_server(error))


def may_return(error: BaseException) -> bool:
    """Tell whether another connection may be had soon: it was lost, no primary answers now, or all
    that the server has are in use.

    Not where a server refuses the account, its password, or the name of the database.
    """
    code = sqlstate(error) or "08"
    return is_lost(error) and (code in _GONE or code.startswith("08") or code == TOO_MANY)


def translated(error: BaseException, *, committing: bool = False) -> Exception:
    """Return the error of the store that ``error`` stands for, or ``error`` if there is none.

    ``committing``: the error came out of COMMIT. A connection that was lost then leaves open
    whether the transaction is stored (OutcomeUnknown).
    """
    meaning = _meaning(error, committing) or meanings.raisable(error)
    if meaning is not error:
        meaning.__cause__ = error
    return meaning


def translating() -> AbstractContextManager[None]:
    """Raise errors of the block as errors of the store."""
    return meanings.translating(translated)


def _meaning(error: BaseException, committing: bool) -> Exception | None:
    if isinstance(error, JobStoreError):
        return None
    if not isinstance(error, psycopg.Error):
        return meanings.of_values(error)
    if committing and is_lost(error):
        return OutcomeUnknown()
    code = sqlstate(error)
    if code in _MISSING:
        return meanings.other_schema()
    found = _MEANINGS.get(code) or _MEANINGS.get(code[:2])
    if found is not None:
        kind, message = found
        return kind(message)
    if isinstance(error, psycopg.DataError):
        return InvalidPosting("has a value that its column cannot hold")
    if _without_server(error):
        said = str(error)
        if any(words in said for words in _TLS_FAILED):
            return StoreUnavailable(_NO_TLS)
        return StoreUnavailable(_LOST if "clos" in said else UNREACHABLE)
    return meanings.unknown()


def _without_server(error: psycopg.Error) -> bool:
    """Tell whether it was libpq or psycopg that found no server to talk to."""
    return isinstance(error, psycopg.OperationalError) and not error.sqlstate
