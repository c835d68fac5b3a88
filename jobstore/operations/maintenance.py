"""Examining a store, and what a repair can do about what is found.

How an engine looks at its database, and how it mends it, is its own business
(:class:`jobstore.engines.backend.Upkeep`). Nothing is changed here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jobstore import migrating
from jobstore.engines import is_there, upkeep_of
from jobstore.engines.backend import RESTORE_ADVICE
from jobstore.engines.schema import NotComparable, NotValid
from jobstore.errors import JobStoreError, StoreCorrupt, StoreUnavailable
from jobstore.settings import StoreURL, parse_store_url
from jobstore.verdicts import Check, Verdict, finding


def examine(url: str | StoreURL, *, full: bool = False, verify: bool = False) -> Iterator[Check]:
    """Yield everything that can be looked at in a store, in order, as it is found.

    ``full`` checks every page, every index and the schema's definitions, ``verify`` reads every
    posting and recounts everything; both take time on a large store. Raises StoreUnavailable
    when there is no file.
    """
    store = parse_store_url(url)
    if not is_there(store):
        raise StoreUnavailable(f"There is no database file at {store.path}.")
    upkeep = upkeep_of(store)
    yield from upkeep.inspect_files(store)
    try:
        (migrating.verify if full else migrating.check_schema)(store)
        yield finding("schema", Verdict.PASS, "up to date")
        current = True
    except NotComparable as error:
        yield finding("schema", Verdict.WARN, f"up to date by its record. {error}")
        current = True
    except NotValid:
        # That is told, and mended, with the structure.
        yield finding("schema", Verdict.PASS, "up to date")
        current = True
    except JobStoreError as error:
        yield finding("schema", Verdict.FAIL, str(error))
        current = False
    yield from upkeep.inspect_content(store, full=full and current, rows=verify and current)


def plan(url: str | StoreURL, findings: Iterable[Check]) -> dict[str, str]:
    """Return what a repair rebuilds, in words, by the names of the findings it can mend.

    Raises StoreCorrupt when there is a problem that it cannot mend.
    """
    repairs = upkeep_of(parse_store_url(url)).repairs
    wrong = {each.name: each for each in findings if each.verdict is Verdict.FAIL}
    beyond = [each for name, each in wrong.items() if name not in repairs]
    if beyond:
        told = "; ".join(f"{each.name}: {each.output.rstrip('.')}" for each in beyond)
        raise StoreCorrupt(f"This cannot be rebuilt: {told}. Nothing was changed; {RESTORE_ADVICE}")
    return {name: what for name, what in repairs.items() if name in wrong}
