"""The values by which candidates are looked up in a store."""

from __future__ import annotations

from jobstore.lifecycle.duplicates.companies import company_key
from jobstore.lifecycle.duplicates.features import Features, hashed
from jobstore.lifecycle.duplicates.places import place_words

MOST = 50
"""As many candidates are taken of one key, the newest ones; a band of the text that more postings
have is of phrases that all use, and says nothing."""
_CITIES = 8


def blocks(posting: Features) -> tuple[int, ...]:
    """Return the keys of a posting, 63-bit integers; candidates are those that share one.

    One for each of its addresses, one for the first word of its company and the words of its title,
    and one for each band of its text, whatever the company.
    """
    keys = [*posting.addresses, *posting.bands]
    if posting.company:
        names = posting.title.names.difference(place_words(posting.places)) or posting.title.names
        words = " ".join(sorted(names))
        # Boards have longer and shorter names of one company; a letter names none.
        first = posting.company[0]
        job = f"{first if len(first) > 1 else company_key(posting.company)}\n{words}"
        # Of a company with an opening in each of a hundred cities those of one city meet.
        cities = sorted({each.city for each in posting.places if each.city})[:_CITIES]
        keys += [hashed(job), *(hashed(f"{job}\n{city}") for city in cities)]
    return tuple(dict.fromkeys(keys))
