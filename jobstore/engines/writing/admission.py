"""Whether a program may still write to a store that a newer one may have migrated."""

from __future__ import annotations

from jobstore import resources
from jobstore.engines.scripts import read_scripts
from jobstore.errors import SchemaMismatch


def newest_migration(engine: str) -> str:
    """Return the newest migration that this program knows. Reads files, which may change later: it
    is to be asked once, when a store is opened."""
    return read_scripts(resources.migrations_folder(engine))[-1].id


def require_admission(compatible: bytes | None, newest: str) -> None:
    """Raise SchemaMismatch where programs that know migrations up to ``newest`` may not write.

    ``compatible`` is what the store says of itself, within the transaction that writes: the oldest
    migration whose programs may go on. A newer jobstore may have moved it while this one ran.
    """
    if compatible is not None and compatible.decode() > newest:
        raise SchemaMismatch(
            "The store was migrated by a newer jobstore, and this one may no longer write to it; "
            "nothing was written. Upgrade jobstore and start this program again."
        )
