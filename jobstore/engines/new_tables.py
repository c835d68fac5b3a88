"""Making the tables of a database that is new and empty, whatever its engine.

For copies: whoever migrates a store that may have postings uses :mod:`jobstore.migrating`.
"""

from __future__ import annotations

from jobstore import resources
from jobstore.engines.schema import Schema
from jobstore.engines.scripts import last_that_stops, read_scripts
from jobstore.progress import silent
from jobstore.settings import StoreURL

# Seconds to wait for others, of whom there should be none.
_PATIENCE = 10.0


def make_tables(schema: Schema, url: StoreURL) -> None:
    """Bring a database that has no tables to the newest schema.

    Raises what :class:`~jobstore.engines.schema.Schema` raises.
    """
    scripts = read_scripts(resources.migrations_folder(schema.migrations))
    schema.make(url)
    with schema.changing(url, patience=_PATIENCE) as migrator:
        for script in scripts:
            with migrator.transaction():
                migrator.run(script, "up")
        with migrator.transaction():
            # There are no programs of earlier versions.
            if any(script.finish for script in scripts):
                migrator.finish(scripts)
            migrator.let(last_that_stops(scripts))
    if schema.applied(url, patience=_PATIENCE).derived_form < schema.derived_form:
        schema.renew(url, keep=False, patience=_PATIENCE, progress=silent)
