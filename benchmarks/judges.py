"""Other ways to say whether two postings are one opening, as small as they can be told.

Each gives a figure; from some figure on a pair is called the same. What people use: company and
title alone, 64-bit SimHash (Manku, Jain and Das Sarma, WWW 2007), and the cosine of TF-IDF vectors,
as JobFunnel has it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from itertools import pairwise

from benchmarks.pairs import Pair, Postings
from jobstore.search.words import fold, words

Measure = Callable[[Pair], float]


def company_and_title(postings: Postings) -> Measure:
    """1 where company and title are the same text, whatever their case and spaces."""
    keys = {name: (fold(each.company), fold(each.title)) for name, each in postings.items()}
    return lambda pair: float(keys[pair.left] == keys[pair.right])


def simhash(postings: Postings) -> Measure:
    """64 less the bits in which the SimHashes of the texts' pairs of words differ."""
    prints = {name: _simhash(words(each.description or "")) for name, each in postings.items()}
    return lambda pair: 64 - (prints[pair.left] ^ prints[pair.right]).bit_count()


def _simhash(found: list[str]) -> int:
    hashes = [blake2b(" ".join(pair).encode(), digest_size=8).digest() for pair in pairwise(found)]
    bits = [f"{int.from_bytes(each):064b}" for each in hashes]
    # A bit is set where it is in more than half of the hashes.
    set_bits = (
        column.count("1") > len(bits) / 2 for column in map("".join, zip(*bits, strict=True))
    )
    return sum(1 << place for place, is_set in enumerate(set_bits) if is_set)


def cosine(postings: Postings) -> Measure:
    """The cosine of the TF-IDF vectors of the texts, over all postings."""
    counts = {name: Counter(words(each.description or "")) for name, each in postings.items()}
    holders = Counter(word for each in counts.values() for word in each)
    vectors = {}
    for name, each in counts.items():
        vector = {
            word: count * (1 + math.log((1 + len(counts)) / (1 + holders[word])))
            for word, count in each.items()
        }
        length = math.sqrt(sum(value * value for value in vector.values())) or 1
        vectors[name] = {word: value / length for word, value in vector.items()}

    def measured(pair: Pair) -> float:
        left, right = vectors[pair.left], vectors[pair.right]
        return sum(value * right.get(word, 0.0) for word, value in left.items())

    return measured
