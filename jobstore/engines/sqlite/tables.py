"""The statements of SQLite on the tables of the life cycle."""

from __future__ import annotations

from functools import partial

from jobstore.engines.kept import statements

tables = partial(statements, bound="?", values="VALUES ({bound})", wanted="= ?")
