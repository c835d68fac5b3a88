"""Every error that jobstore raises on purpose, as one tree.

Only exception classes live here; nothing is imported from the rest of the package.

::

    JobStoreError
    ├── InvalidPosting      a posting from outside has faults, named field by field
    ├── InvalidQuery        a search, a filter, a limit or a cursor cannot be answered
    ├── JobNotFound         no posting has that id
    ├── VersionConflict     the posting changed since the caller read it
    ├── DuplicateApplication  an application to the same opening is there already
    ├── StoreBusy           the store is saturated or locked; trying again later is safe
    ├── StoreTimeout        an operation took longer than it was allowed to
    ├── StoreClosed         the store was closed, or never opened
    ├── StoreUnavailable    the store cannot be reached: wrong URL, missing folder, permissions
    │   ├── InvalidSettings a configuration has faults, named key by key with the file
    │   ├── StoreCorrupt    the file is damaged, or is no jobstore database
    │   └── StorageFull     no space is left for a write
    ├── SchemaMismatch      the schema is older or newer than this version of jobstore
    ├── MigrationError      a migration was edited, is missing or failed
    ├── BackupError         a backup cannot be made, kept, read or restored
    ├── CopyError           a store cannot be made a copy of another one
    └── OutcomeUnknown      a write may or may not have been stored; repeating it is safe

Messages say what to do. They never carry SQL, credentials or values of other rows.
An error raised without a message says the first line of its class docstring.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

__all__ = [
    "BackupError",
    "CopyError",
    "DuplicateApplication",
    "Fault",
    "InvalidPosting",
    "InvalidQuery",
    "InvalidSettings",
    "JobNotFound",
    "JobStoreError",
    "MigrationError",
    "OutcomeUnknown",
    "SchemaMismatch",
    "StorageFull",
    "StoreBusy",
    "StoreClosed",
    "StoreCorrupt",
    "StoreTimeout",
    "StoreUnavailable",
    "VersionConflict",
]


class Fault(NamedTuple):
    """One thing that is wrong with one field.

    ``field`` is the field's public name (``""`` when the fault concerns the whole);
    ``reason`` completes the sentence "<field> ...".
    """

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}" if self.field else self.reason


class JobStoreError(Exception):
    """Something went wrong in the job store."""

    def __init__(self, message: str | None = None) -> None:
        doc = (type(self).__doc__ or "").strip().splitlines()
        super().__init__(message or (doc[0] if doc else type(self).__name__))


class _Faulty(JobStoreError):
    """The input has faults."""

    def __init__(self, faults: str | Iterable[Fault]) -> None:
        listed = (Fault("", faults),) if isinstance(faults, str) else tuple(faults)
        self.faults: tuple[Fault, ...] = listed
        super().__init__("; ".join(map(str, listed)) or None)

    def __reduce__(self) -> tuple[type[_Faulty], tuple[tuple[Fault, ...]]]:
        return type(self), (self.faults,)


class InvalidPosting(_Faulty):
    """The posting has faults.

    ``faults`` lists all of them, a :class:`Fault` each.
    """


class InvalidQuery(_Faulty):
    """The query cannot be answered.

    ``faults`` lists everything that is wrong with it, a :class:`Fault` each.
    """


class JobNotFound(JobStoreError):
    """No posting has this id."""


class VersionConflict(JobStoreError):
    """The posting was changed by someone else; read it again and repeat the update."""


class DuplicateApplication(JobStoreError):
    """There is an application to the same opening already.

    ``job_id`` and ``application`` are the ids of the earlier application's posting and of itself,
    ``applied_at`` is when it was sent. ``why``: ``posting`` (to the same
    posting), ``address`` (the posting has the same address), ``duplicate`` (both are known to be
    the same opening) or ``look-alike`` (company and title are the same); of the last two fewer
    than 90 days lie between.
    """

    def __init__(
        self,
        message: str | None = None,
        job_id: UUID | None = None,
        application: UUID | None = None,
        why: str | None = None,
        applied_at: datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.job_id = job_id
        self.application = application
        self.why = why
        self.applied_at = applied_at

    def __reduce__(self) -> tuple[type[DuplicateApplication], tuple[object, ...]]:
        return type(self), (*self.args, self.job_id, self.application, self.why, self.applied_at)


class StoreBusy(JobStoreError):
    """The store is busy; nothing was written, try again."""


class StoreTimeout(JobStoreError):
    """The operation took longer than allowed and was given up."""


class StoreClosed(JobStoreError):
    """The store is closed; open it with jobstore.connect()."""


class StoreUnavailable(JobStoreError):
    """The store cannot be reached."""


class InvalidSettings(_Faulty, StoreUnavailable):
    """The configuration has faults, so no store is opened.

    ``faults`` lists all of them, a :class:`Fault` each, with where the wrong value stands.
    """


class StoreCorrupt(StoreUnavailable):
    """The database file is damaged or is not a jobstore database."""


class StorageFull(StoreUnavailable):
    """No space is left; nothing of this write was stored. Free some space and repeat it."""


class SchemaMismatch(JobStoreError):
    """The store's schema does not fit this version of jobstore."""


class MigrationError(JobStoreError):
    """The migrations cannot be applied."""


class BackupError(JobStoreError):
    """The backup cannot be made, kept, read or restored."""


class CopyError(JobStoreError):
    """The store cannot be made a copy of the other one."""


class OutcomeUnknown(JobStoreError):
    """The write may or may not have been stored; repeating it is safe."""
