"""What is kept of a posting to compare it: small, so that a store can hold it for each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from hashlib import blake2b
from typing import Any

from jobstore.derived.salaries import yearly_range
from jobstore.exchange.identity import identity, plain_address
from jobstore.intake.markup import plain_text
from jobstore.lifecycle.duplicates.changes import requisitions, years
from jobstore.lifecycle.duplicates.companies import company_words
from jobstore.lifecycle.duplicates.places import Place, places
from jobstore.lifecycle.duplicates.texts import (
    letters,
    minima,
    runs,
    shingles,
    signature,
    size,
    text_words,
)
from jobstore.lifecycle.duplicates.titles import Title, lasting, title
from jobstore.lifecycle.duplicates.vocabulary import ESTIMATING, REMOTE
from jobstore.records import ExperienceLevel, Job, JobPosting, Location
from jobstore.search.words import fold, words

BANDS = 20
"""How many pairs of places of the signature are looked up."""

# What titles say of hours, of how long a job lasts, and of where it is done.
_KINDS: tuple[dict[str, set[str]], ...] = (
    {"full time": {"full", "fulltime"}, "part time": {"part", "parttime"}},
    {"permanent": {"permanent"}, "contract": {"contract", "contractor", "temporary", "temp"}},
    {"remote": {*REMOTE}, "on site": {"onsite"}, "hybrid": {"hybrid"}},
)
# Boards write one for the other.
_STATED = {"temporary": "contract", "other": None}
_WORKPLACES = {"remote": "remote", "onsite": "on site"}
_YEAR = re.compile(r"\b20[0-9]{2}\b")
_LEVELS = [*ExperienceLevel]


@dataclass(frozen=True, slots=True)
class Features:
    """What is kept of a posting to compare it with others.

    ``signature`` is empty and ``length`` 0 where there is no text; ``length`` counts the letters
    and digits of the text, those of scripts without spaces thrice. ``salary`` is a range per year
    in ``currency``. ``addresses`` are 64-bit hashes of the posting's own addresses, without what
    only tracks readers. ``bands`` are those of the text by which it is looked up.
    """

    source: str
    company: tuple[str, ...]
    title: Title
    places: tuple[Place, ...]
    salary: tuple[float, float] | None
    currency: str | None
    addresses: tuple[int, ...]
    length: int
    signature: bytes
    bands: tuple[int, ...]


class Read:
    """A posting whose text is at hand, for :func:`~jobstore.lifecycle.duplicates.judge`."""

    def __init__(self, job: Job | JobPosting) -> None:
        text = job.description_text if isinstance(job, Job) else None
        if text is None and job.description is not None:
            text = plain_text(job.description)
        self.words = text_words(text)
        self.company = fold(job.company)
        self.level = _LEVELS.index(job.experience_level) if job.experience_level else None
        said = {*words(job.title)}
        self.kinds = [{kind for kind, names in each.items() if names & said} for each in _KINDS]
        stated = None
        # Who guesses the pay guesses this too.
        if job.employment_type and job.source not in ESTIMATING:
            stated = _STATED.get(job.employment_type, job.employment_type.replace("_", " "))
        if stated in _KINDS[0]:
            self.kinds[0].add(stated)
        if job.workplace in _WORKPLACES:
            self.kinds[2].add(_WORKPLACES[job.workplace])
        if REMOTE.intersection(words(job.location or "")):
            self.kinds[2].add("remote")
        self.kinds += [
            lasting(job.title),
            {*_YEAR.findall(job.title)},
            {stated} if stated else set(),
        ]
        self._job = job

    @cached_property
    def shingles(self) -> set[int]:
        """The hashes of all runs of words."""
        return shingles(self.words)

    @cached_property
    def runs(self) -> list[bytes]:
        """The runs of letters by which texts are compared."""
        return runs(letters(self.words))

    @cached_property
    def distinct_runs(self) -> set[bytes]:
        """The same, each once."""
        return {*self.runs}

    @cached_property
    def years(self) -> set[str]:
        """The numbers of years that the text asks for."""
        return years(self.words)

    @cached_property
    def requisitions(self) -> set[str]:
        """The long numbers in the text."""
        return requisitions(self.words)

    @cached_property
    def features(self) -> Features:
        """What is kept of the posting."""
        least = minima(self.shingles)
        pairs = [(at, least[2 * at], least[2 * at + 1]) for at in range(BANDS if least else 0)]
        return replace(
            self.facts,
            signature=signature(least),
            bands=tuple(hashed(f"{at} {one} {other}") for at, one, other in pairs),
        )

    @cached_property
    def facts(self) -> Features:
        """The same without signature and bands, which are for postings that are not read."""
        job = self._job
        salary = yearly_range(_amount(job.salary_min), _amount(job.salary_max), job.salary_period)
        keys = {address_key(url) for url in (job.url, job.apply_url) if url}
        return Features(
            source=job.source,
            company=company_words(job.company),
            title=title(job.title),
            places=places(
                job.location or ("Remote" if job.workplace == "remote" else None),
                map(_location, job.locations),
            ),
            salary=salary,
            currency=job.salary_currency,
            addresses=tuple(sorted(key for key in keys if key is not None)),
            length=size(self.words),
            signature=b"",
            bands=(),
        )


def _amount(given: Decimal | int | float | str | None) -> Decimal | None:
    return given if given is None or isinstance(given, Decimal) else Decimal(str(given))


def _location(given: Location | str | Mapping[str, Any]) -> Location:
    if isinstance(given, Location):
        return given
    return Location(given) if isinstance(given, str) else Location(**given)


def read(job: Job | JobPosting) -> Read:
    """Return a posting, as it is stored or checked, with its text at hand."""
    return Read(job)


def features(job: Job | JobPosting) -> Features:
    """Return what is kept of a posting, as it is stored or checked."""
    return Read(job).features


def address_key(url: str) -> int | None:
    """Return by what an address is looked up; ``None`` where it is no single posting's."""
    source, key = identity(plain_address(url))
    return hashed(f"{source} {key}") if key else None


def hashed(text: str) -> int:
    """Return a hash of 63 bits, so that it is a positive integer in every engine."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) >> 1
