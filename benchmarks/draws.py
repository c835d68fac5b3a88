"""What is asked for: parameters drawn from the data, many different ones for each operation.

The same seed draws the same from the same database. Nothing is measured here.
"""

from __future__ import annotations

import random
import re
import sqlite3
from typing import Any, NamedTuple
from uuid import UUID

from benchmarks import even_draws
from benchmarks.generator import SEED
from benchmarks.vocabulary import FUNCTION_WORDS, JOB_WORDS, SECTORS
from jobstore.records import SearchQuery, Sort

DRAWS = 200
"""How many different parameters an operation has."""

_WORD = re.compile(r"[A-Za-z]{3,}")
_COLUMNS = (
    "id, source, source_job_id, title, company, location, workplace, status, yearly_max,"
    " salary_currency, employment_type, experience_level, country, applicant_count"
)


# The filters of a search, and what of a posting they are drawn from where that is another name.
_FILTERS = (
    "source", "status", "workplace", "employment_type", "experience_level", "country", "company",
    "location", "salary_min", "applicants_max",
)  # fmt: skip
_STATED = {"salary_min": "yearly_max", "applicants_max": "applicant_count"}


class Row(NamedTuple):
    """A stored posting, as far as queries are made of it."""

    id: UUID
    source: str
    source_job_id: str
    title: str
    company: str
    location: str | None
    workplace: str | None
    status: str
    yearly_max: float | None
    salary_currency: str | None
    employment_type: str | None
    experience_level: str | None
    country: str | None
    applicant_count: int | None
    description: str | None


class Draws:
    """The parameters of all operations on one database."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._chance = random.Random(SEED)
        self.rows = [self._row(conn) for _ in range(DRAWS)]

    def _row(self, conn: Any) -> Row:
        # Ids are hashes, so the next one after random bytes is a random posting.
        found = None
        while found is None:
            found = conn.execute(
                f"SELECT {_COLUMNS}, t.description FROM posting AS p JOIN posting_text AS t"
                " USING (place) WHERE id >= ? ORDER BY id LIMIT 1",
                (self._chance.randbytes(16),),
            ).fetchone()
        return Row(UUID(bytes=found[0]), *found[1:])

    def title(self) -> list[SearchQuery]:
        """One or two words of a title."""
        return [
            SearchQuery(text=" ".join(f"title:{word}" for word in self._some(row.title)))
            for row in self.rows
        ]

    def company(self) -> list[SearchQuery]:
        """The company of a posting: large ones more often, small ones too."""
        return [SearchQuery(company=row.company) for row in self.rows]

    def words(self) -> list[SearchQuery]:
        """One or two words of a text, anywhere."""
        return [
            SearchQuery(text=" ".join(self._some(f"{row.title} {row.description or ''}")))
            for row in self.rows
        ]

    def common(self) -> list[SearchQuery]:
        """One to three of the most common words."""
        pool = (*FUNCTION_WORDS, *JOB_WORDS[:60])
        return [
            SearchQuery(text=" ".join(self._chance.sample(pool, self._chance.randint(1, 3))))
            for _ in range(DRAWS)
        ]

    def strangers(self) -> list[SearchQuery]:
        """Two common words that never meet: each of a line of work of its own."""
        found = []
        for _ in range(DRAWS):
            one, two = self._chance.sample(list(SECTORS.values()), 2)
            pair = (self._chance.choice(one[:8]), self._chance.choice(two[:8]))
            found.append(SearchQuery(text=" ".join(pair)))
        return found

    def prefix(self) -> list[SearchQuery]:
        """The first four or five letters of a word of a title or of a common word."""
        found = []
        for row in self.rows:
            pool = [word for word in (*_WORD.findall(row.title), *JOB_WORDS[:100]) if len(word) > 5]
            word = self._chance.choice(pool)
            found.append(SearchQuery(text=f"{word[: self._chance.randint(4, 5)].lower()}*"))
        return found

    def complex(self) -> list[SearchQuery]:
        """Words with company or location, workplace, salary and status.

        A quarter each: all of one posting, common values, values of several postings (few or
        no matches), and what nobody pays.
        """
        return [self._complex(number % 4, row) for number, row in enumerate(self.rows)]

    def _complex(self, kind: int, row: Row) -> SearchQuery:
        chance = self._chance
        other, third = chance.sample(self.rows, 2)
        if kind == 0:
            fields: dict[str, Any] = {
                "text": " ".join(self._some(row.title)),
                **self._where(row),
                "workplace": row.workplace or "remote",
                "status": row.status,
            }
            if row.yearly_max is not None:
                fields["salary_min"] = row.yearly_max * 0.9
                fields["salary_currency"] = row.salary_currency
            return SearchQuery(**fields)
        common = chance.choice((*FUNCTION_WORDS[:20], *JOB_WORDS[:40]))
        if kind == 1:
            return SearchQuery(
                text=common,
                location=("New York, NY", "London", "Berlin"),
                workplace=chance.choice(("onsite", "hybrid", "remote")),
                salary_min=chance.choice((30_000, 50_000, 80_000)),
                status="open",
            )
        if kind == 2:
            return SearchQuery(
                text=" ".join((common, *self._some(row.title)[:1])),
                **self._where(other),
                workplace=third.workplace or "hybrid",
                salary_min=chance.randrange(20_000, 300_000, 1000),
                status=chance.choice(("open", "closed")),
            )
        return SearchQuery(
            text=common, workplace="remote", salary_min=9e11, status="open", **self._where(row)
        )

    def _where(self, row: Row) -> dict[str, Any]:
        if row.location is None or self._chance.random() < 0.5:
            return {"company": row.company}
        return {"location": row.location}

    def filtered(self) -> list[SearchQuery]:
        """Words with any combination of one to six filters.

        The words are those of a title, of a text, or common ones. A half has the values of one
        posting, the other half those of several, which few or none have together.
        """
        return [self._filtered(number, row) for number, row in enumerate(self.rows)]

    def _filtered(self, number: int, row: Row) -> SearchQuery:
        chance = self._chance
        text = (row.title, row.description or row.title, chance.choice(JOB_WORDS[:40]))[number % 3]
        filters: dict[str, Any] = {}
        for name in chance.sample(_FILTERS, chance.randint(1, 6)):
            one = chance.choice(self.rows) if number % 2 else row
            if (value := getattr(one, _STATED.get(name, name))) is not None:
                filters[name] = value
        return SearchQuery(text=" ".join(self._some(text)), **filters)

    def four(self) -> list[SearchQuery]:
        """Four common filters that few postings have together, of even draws, without words and
        with one."""
        found = []
        for number in range(DRAWS):
            text = (None, "engineer", self._chance.choice(even_draws.words()))[number % 3]
            filters: dict[str, Any] = even_draws.combination(self._chance, rare=True)
            found.append(SearchQuery(text=text, **filters))
        return found

    def sorted_by(self, sort: Sort) -> list[SearchQuery]:
        """Common words and titles, and no words but a filter, in an order of their own."""
        found = []
        for number, row in enumerate(self.rows):
            text = (
                self._chance.choice(FUNCTION_WORDS),
                " ".join(self._some(row.title)),
                self._chance.choice(JOB_WORDS[:40]),
                None,
            )[number % 4]
            status = None if text else "open"
            found.append(SearchQuery(text=text, status=status, sort=sort))
        return found

    def _some(self, text: str) -> list[str]:
        words = list(dict.fromkeys(_WORD.findall(text))) or ["engineer"]
        return self._chance.sample(words, min(len(words), self._chance.randint(1, 2)))
