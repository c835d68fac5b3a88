"""Postings in and out of files: one module per format, all of them streaming.

Importers are plain iterators of :class:`Record`; they translate a source's fields into ours and
check nothing, since the store checks every posting it takes in. Exporters take postings
one by one. Nothing here opens a store.
"""

from __future__ import annotations

from jobstore.exchange.entries import BadMapping
from jobstore.exchange.formats import IMPORT_FORMATS, open_records
from jobstore.exchange.mapping import parse_columns
from jobstore.exchange.programs import postings_from, postings_from_jobspy
from jobstore.exchange.rows import Batch, BrokenFile, Record, batches
from jobstore.exchange.writing import EXPORT_FORMATS, Writer, export, open_writer
from jobstore.intake.salaries import parse_salary

__all__ = [
    "EXPORT_FORMATS",
    "IMPORT_FORMATS",
    "BadMapping",
    "Batch",
    "BrokenFile",
    "Record",
    "Writer",
    "batches",
    "export",
    "open_records",
    "open_writer",
    "parse_columns",
    "parse_salary",
    "postings_from",
    "postings_from_jobspy",
]
