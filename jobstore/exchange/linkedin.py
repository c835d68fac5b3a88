"""The side tables of LinkedIn's ``job_postings.csv``.

They are joined to the rows before the mapping ``linkedin`` reads them, and are held in memory, some
200 bytes a row.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from jobstore.exchange.cells import whole
from jobstore.exchange.reading import FilePath, name_of, open_input
from jobstore.exchange.rows import BrokenFile, Row
from jobstore.exchange.tables import csv_rows

_SALARY = ("min_salary", "max_salary", "med_salary", "pay_period", "currency", "compensation_type")


def joined(
    rows: Iterable[Row],
    *,
    salaries: FilePath | None = None,
    skills: FilePath | None = None,
    companies: FilePath | None = None,
) -> Iterator[Row]:
    """Give the rows with what the side tables say of them, by ``job_id`` and ``company_id``."""
    pay = _salaries(salaries) if salaries is not None else {}
    abilities = _skills(skills) if skills is not None else {}
    names = _companies(companies) if companies is not None else {}
    for row in rows:
        if row.fault is None and isinstance(row.value, dict):
            key = row.value.get("job_id", "")
            row.value.update(pay.get(key, {}))
            if key in abilities:
                row.value["skill_abr"] = abilities[key]
            if names and "company_name" not in row.value:
                row.value["company_name"] = names.get(_id(row.value.get("company_id")))
        yield row


def _id(text: str | None) -> str:
    return str(whole(text))


def _side_table(path: FilePath, *columns: str) -> Iterator[Row]:
    name = name_of(path)
    with open_input(path) as stream:
        header, rows = csv_rows(stream, name)
        missing = [column for column in columns if column not in header]
        if missing:
            raise BrokenFile(f"{name} has no column {missing[0]!r}; it is not the side table.")
        for row in rows:
            if row.fault is not None:
                raise BrokenFile(f"{name}, line {row.line}: {row.fault}.")
            yield row


def _salaries(path: FilePath) -> dict[str, dict[str, str]]:
    return {
        row.value["job_id"]: {
            column: sys.intern(row.value[column]) for column in _SALARY if column in row.value
        }
        for row in _side_table(path, "job_id", "pay_period")
        if "job_id" in row.value
    }


def _skills(path: FilePath) -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for row in _side_table(path, "job_id", "skill_abr"):
        if "job_id" in row.value and "skill_abr" in row.value:
            table.setdefault(row.value["job_id"], []).append(sys.intern(row.value["skill_abr"]))
    return table


def _companies(path: FilePath) -> dict[str, str]:
    return {
        _id(row.value["company_id"]): row.value["name"]
        for row in _side_table(path, "company_id", "name")
        if "company_id" in row.value and "name" in row.value
    }
