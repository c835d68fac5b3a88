"""Everything that can be looked at in a store, in order: its library, file, schema and content.

Nothing is changed here.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobstore import migrating
from jobstore.engines.sqlite.upkeep import inspection
from jobstore.engines.sqlite.upkeep.inspection import Finding, Verdict
from jobstore.errors import JobStoreError, StoreUnavailable
from jobstore.settings import StoreURL, parse_store_url


def examine(url: str | StoreURL, *, full: bool = False, verify: bool = False) -> Iterator[Finding]:
    """Yield what is found, as it is found.

    ``full`` checks every page, every index and the schema's definitions, ``verify`` reads every
    posting and recounts everything; both take time on a large store. Raises StoreUnavailable
    when there is no file.
    """
    store = parse_store_url(url)
    if not store.path.is_file():
        raise StoreUnavailable(f"There is no database file at {store.path}.")
    yield inspection.inspect_library()
    yield from inspection.inspect_files(store.path)
    try:
        (migrating.verify if full else migrating.check_schema)(store)
        yield Finding("schema", Verdict.OK, "up to date")
        current = True
    except JobStoreError as error:
        yield Finding("schema", Verdict.PROBLEM, str(error))
        current = False
    yield from inspection.inspect_pages(store.path, full=full and current)
    if verify and current:
        yield from inspection.inspect_rows(store.path)
