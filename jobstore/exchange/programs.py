"""Rows that a program holds: what an import does for a file, for any iterable of mappings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import chain, islice
from typing import Any, Protocol

from jobstore.exchange.entries import BadMapping
from jobstore.exchange.formats import MappingLike, find_mapping
from jobstore.exchange.mapping import mapping_from_options
from jobstore.exchange.paths import expression
from jobstore.exchange.recognition import mapping_of
from jobstore.exchange.self_mapping import translation

# Rows that are looked at to find out their mapping.
_FIRST = 50


class DataFrame(Protocol):
    """The part of a pandas DataFrame that is used here."""

    @property
    def columns(self) -> Any:
        """The names of the columns."""

    def itertuples(self, *, index: bool, name: None) -> Any:
        """The rows as tuples."""


def postings_from(
    records: Iterable[Mapping[str, Any]] | DataFrame,
    *,
    mapping: MappingLike | None = None,
    source: str | None = None,
    constants: Mapping[str, Any] | None = None,
) -> Iterator[dict[str, Any]]:
    """Translate rows, such as the answer of an API or a pandas DataFrame, into postings.

    ``mapping`` is the name of a built-in one, a TOML file, or what such a file says; without one
    it is recognised by the keys of the first 50 rows, as for a file. ``source`` names the source
    of rows that name none; ``constants`` gives fields that are the same in all rows. The result
    can be handed to :meth:`jobstore.JobStore.upsert_many` as it is; a value that is not
    understood is left out there. Rows that the mapping says are none are left out.

    Raises BadMapping for a mapping that cannot be used, or rows that none is known for.
    """
    rows = iter(_rows(records))
    if mapping is not None:
        found = find_mapping(mapping)
    else:
        first = list(islice(rows, _FIRST))
        rows = chain(first, rows)
        known = mapping_of(first)
        if known is None and first:
            raise BadMapping(
                "No mapping is known for rows with these keys; give mapping={'fields': "
                "{'title': ..., 'company': ...}}."
            )
        found = known or mapping_from_options()
    found = mapping_from_options(constants=constants, source=source, base=found)
    skip = expression(found.rows.skip) if found.rows.skip else None
    translate = translation(found)
    return (translate(row) for row in rows if skip is None or not skip(row))


def postings_from_jobspy(df: DataFrame) -> Iterator[dict[str, Any]]:
    """Translate the DataFrame that ``jobspy.scrape_jobs`` returns, row by row.

    The result can be handed to :meth:`jobstore.JobStore.upsert_many` as it is. pandas is not
    needed for anything but making ``df``; its ``NaN``, ``NaT`` and ``NA`` are "not stated".
    """
    return postings_from(df, mapping="jobspy")


def _rows(records: Iterable[Mapping[str, Any]] | DataFrame) -> Iterator[Mapping[str, Any]]:
    if hasattr(records, "itertuples") and hasattr(records, "columns"):
        columns = [str(column) for column in records.columns]
        for values in records.itertuples(index=False, name=None):
            yield dict(zip(columns, map(_plain, values), strict=True))
    else:
        yield from records


def _plain(value: Any) -> Any:
    """Return a value of pandas or numpy as plain Python."""
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, date):  # which a datetime is as well
        return value.isoformat()
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        value = value.tolist()
    return list(value) if isinstance(value, tuple | set) else value
