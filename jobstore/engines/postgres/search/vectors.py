"""The words of a posting as PostgreSQL's index holds them: a ``tsvector``, made here.

Pure text. The words are those that SQLite's index has, so that both find the same; the server
folds and parses nothing. A position is left out between the parts of a posting, so that no phrase
reaches from one into the next. In phrases a weight says the field: A title, B company, C location,
D all else. For single words the index does not know weights, and each match would be read to see
whether it is one: so words of fields are there twice, once with :data:`MARK` and the letter of the
field. These and the words of facets have no position.

A ``tsvector`` keeps at most 255 positions of a word, none above 16,383, words of up to 2,046 bytes,
and a megabyte in all [1]_. What it cannot keep must not change what is found:

- Which words a posting has, and in which fields, does not depend on positions that are left out.
- Phrases do. A posting with positions left out has the word :data:`LONG`, and its texts are kept
  as :attr:`Indexed.spoken`, in which phrases are looked for one by one.
- Of a word that is too long the beginning is kept, with a hash of the whole.
- Words beyond a megabyte of different ones are not found. A text is only made so on purpose.

.. [1] PostgreSQL, "Text Search Types" and "Limitations" of full text search.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from jobstore.derived.facet_words import MARK, facet_words, skill_word
from jobstore.derived.record import Derived
from jobstore.search.words import indexed_words

FIELDS = ("title", "company", "location")
"""The fields that a term may ask for, in their order in :attr:`Indexed.spoken`; all else follows
in a part without a name."""
LABELS = dict(zip(FIELDS, "ABC", strict=True))
"""The weights that stand for them."""
LONG = MARK + "1"
"""The word of postings with positions left out."""
PART, FIELD = "\n", "\f"
"""What ends the parts of a field, and the fields, in :attr:`Indexed.spoken`."""

# PostgreSQL takes 16,383 for all above it, and it keeps 255 of a word, of those that it is given.
_MOST_POSITIONS = 255
_LAST = 16_382
_MOST_BYTES = 2_046
_HASHED = 2_000
# What the words and their positions may have together, well below the limit of 2^20 - 1.
_MOST_IN_ALL = 1_000_000

_PLACES = {
    label: tuple(f"{place}{label}" for place in range(_LAST + 1)) for label in ("A", "B", "C", "")
}


class Indexed(NamedTuple):
    """What the columns of a posting's words hold."""

    vector: str
    """The text of a ``tsvector``."""
    spoken: str | None
    """The words in their order, where the vector cannot say it; mostly ``None``. Each is between
    spaces, ``PART`` ends a part of a field and ``FIELD`` each of ``FIELDS``."""


def indexed(derived: Derived) -> Indexed:
    """Return what the columns of a posting's words hold; it follows from the posting alone."""
    words = derived.words
    parts = [("A", indexed_words(words.title)), ("B", indexed_words(words.company))]
    parts += [("C", indexed_words(text)) for text in words.locations]
    parts += [("", indexed_words(text)) for text in words.skills]
    if words.description:
        parts.append(("", indexed_words(words.description)))
    facets = [*map(skill_word, derived.job.skills)]
    facets += facet_words(derived).split()
    fields: dict[str, list[str]] = {
        field_word(label, word): [] for label, said in parts if label for word in said
    }
    found: dict[str, list[str]] = {}
    place = 0
    for label, said in parts:
        # No more places are taken out than are needed: there are 16,383.
        places = _PLACES[label][place + 1 : place + 1 + len(said)]
        for word, at in zip(said, places, strict=False):
            if (known := found.get(word)) is None:
                found[word] = [at]
            else:
                known.append(at)
        place += len(said) + 1
    is_whole = place <= _LAST + 1 and max(map(len, found.values()), default=0) <= _MOST_POSITIONS
    if is_whole:
        return Indexed(_vector(facets, fields | found), None)
    # What stands behind has no position.
    every = dict.fromkeys(word for _, said in parts for word in said)
    shortened = {word: found.get(word, [])[:_MOST_POSITIONS] for word in every}
    return Indexed(_vector([*facets, LONG], fields | shortened), _spoken(parts))


def field_word(label: str, word: str) -> str:
    """Return the word of the index that says that a field has a word."""
    return f"{MARK}{label}{word}"


def lexeme(word: str) -> str:
    """Return a word as the index holds it, however long it is."""
    octets = word.encode()
    if len(octets) <= _MOST_BYTES:
        return word
    return octets[:_HASHED].decode(errors="ignore") + blake2b(octets, digest_size=16).hexdigest()


def _spoken(parts: Iterable[tuple[str, Sequence[str]]]) -> str:
    fields: dict[str, list[str]] = {"A": [], "B": [], "C": [], "": []}
    for label, said in parts:
        fields[label].append(f" {' '.join(said)} ")
    return FIELD.join(PART.join(texts) for texts in fields.values())


def _vector(facets: Sequence[str], words: Mapping[str, Sequence[str]]) -> str:
    # No word has a quotation mark or a backslash in it.
    entries = [f"'{word}':{','.join(at)}" if at else f"'{word}'" for word, at in words.items()]
    text = " ".join((*(f"'{word}'" for word in facets), *entries))
    # Few texts are so long that it has to be looked whether the server takes them.
    if max(map(len, words), default=0) * 4 > _MOST_BYTES or len(text) * 4 > _MOST_IN_ALL:
        return _fitting(facets, words)
    return text


def _fitting(facets: Sequence[str], words: Mapping[str, Sequence[str]]) -> str:
    entries, left = [f"'{word}'" for word in facets], _MOST_IN_ALL
    for word, places in words.items():
        entry = lexeme(word)
        # Two bytes a position, two for their number, and one to lie at an even place.
        left -= len(entry.encode()) + 2 * len(places) + 3
        if left < 0:
            break
        entries.append(f"'{entry}':{','.join(places)}" if places else f"'{entry}'")
    return " ".join(entries)
