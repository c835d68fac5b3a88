"""What errors mean to callers where that is the same for every engine.

What a driver's own errors mean, each engine says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jobstore.engines.rows import DamagedRow
from jobstore.errors import InvalidPosting, JobStoreError, SchemaMismatch, StoreCorrupt


def of_values(error: BaseException) -> JobStoreError | None:
    """Return what it means that a value cannot be stored, or was read and makes no sense."""
    # Drivers refuse the first two before the database sees them.
    if isinstance(error, UnicodeEncodeError):
        return InvalidPosting("has text that is not valid Unicode")
    if isinstance(error, OverflowError):
        return InvalidPosting("has an integer beyond 64 bits")
    if isinstance(error, (DamagedRow, UnicodeDecodeError)):
        return StoreCorrupt(
            "Stored values are damaged; run 'jobstore doctor', then restore a backup."
        )
    return None


def other_schema() -> SchemaMismatch:
    """Return the error for a table, a column or an index that is not there."""
    return SchemaMismatch(
        "The schema is not the one this jobstore works with, it may have been migrated "
        "meanwhile; see 'jobstore migrate status', then open the store again."
    )


def unknown() -> JobStoreError:
    """Return the error for what a database says that is not expected."""
    return JobStoreError("The database refused a statement; run 'jobstore doctor'.")


def raisable(error: BaseException) -> Exception:
    """Return an error without a meaning as one that a future can carry."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    # A future refuses to carry a StopIteration; SystemExit would end the event loop.
    return RuntimeError(f"an operation raised {type(error).__name__}")


@contextmanager
def translating(translate: Callable[[BaseException], Exception]) -> Iterator[None]:
    """Raise errors of the block as errors of the store."""
    try:
        yield
    except Exception as error:
        meaning = translate(error)
        if meaning is error:
            raise
        raise meaning from meaning.__cause__
