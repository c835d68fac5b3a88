"""Committing: when a transaction is kept, and when that has to be proven."""

from __future__ import annotations

from jobstore.engines import named_statements
from jobstore.engines.postgres.connection import Session
from jobstore.engines.postgres.errors import is_lost
from jobstore.engines.postgres.hearing import Heard, Unconfirmed
from jobstore.engines.postgres.writing.batch import Stored
from jobstore.engines.postgres.writing.proof import Evidence
from jobstore.errors import JobStoreError, OutcomeUnknown

_SQL = named_statements.load("postgres")


def unanswered(error: BaseException) -> bool:
    """Tell whether an error of COMMIT leaves open what is kept."""
    return isinstance(error, Unconfirmed) or is_lost(error)


async def committed(conn: Session) -> None:
    """Commit. Raises Unconfirmed."""
    with Heard(conn) as heard:
        await conn.execute("COMMIT")
        heard.confirm()


async def commit_proof(conn: Session) -> None:
    """Commit after all that is stored, so that this is kept wherever that has to be."""
    # It has to be written to the log also where no row was left to lock.
    await conn.execute(_SQL["mark_log"])
    await committed(conn)


async def is_stored(
    conn: Session, evidence: Evidence, stored: Stored, *, repeats: bool = False
) -> bool:
    """Tell whether a transaction is stored whose rows are locked.

    Raises UnderWay, and OutcomeUnknown where nothing tells.
    """
    if evidence.transaction is not None:
        found = await conn.execute(_SQL["transaction_status"], evidence.transaction)
        ((status,),) = await found.fetchall()
        if status == "in progress":
            raise UnderWay
        if status is not None:
            return bool(status == "committed")
    found = await conn.execute(_SQL["revision_digests"], (evidence.ids,))
    verdict = evidence.verdict(stored.identities(), await found.fetchall(), repeats=repeats)
    if verdict is None:
        raise OutcomeUnknown
    return verdict


class UnderWay(JobStoreError):
    """The server still works on the transaction, or has not noticed that nobody does."""


class NotStored(JobStoreError):
    """The transaction was rolled back."""
