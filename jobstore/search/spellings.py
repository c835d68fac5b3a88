"""Names that are written in several ways, each of which finds the others: Node.js, NodeJS, node js.

Only what is asked for gets other spellings. The index has the words as they stand in the text:
``Node.js`` is two, so that ``node`` finds it, and ``NodeJS`` is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, product

from jobstore.search.pieces import Term

# What is called by its first word alone, and may be written in one with "js".
_JS = "js"
_NAMES = frozenset(
    (
        *("alpine", "angular", "aurelia", "babylon", "backbone", "chart", "d3", "discord"),
        *("electron", "ember", "express", "ext", "fastify", "gatsby", "handlebars", "highcharts"),
        *("knockout", "koa", "leaflet", "meteor", "mithril", "moment", "nest", "next", "node"),
        *("nuxt", "p5", "phaser", "pixi", "polymer", "preact", "react", "redux", "require", "rx"),
        *("sails", "sequelize", "socket", "solid", "stimulus", "svelte", "tensorflow", "three"),
        "vue",
    )
)
# What else is one name in several words.
_Words = tuple[str, ...]
_FAMILIES: tuple[tuple[_Words, ...], ...] = (
    (("dotnet",), ("dot", "net")),
    *(((name, "dotnet"), (name, "net"), (f"{name}net",)) for name in ("asp", "vb", "ado")),
    (("csharp",), ("c", "sharp")),
    (("fsharp",), ("f", "sharp")),
    (("objective", "c"), ("objectivec",)),
)
_OTHERS = {
    words: tuple(other for other in family if other != words)
    for family in _FAMILIES
    for words in family
}
# Most words are in none of these, and then there is nothing to look for.
_KNOWN = _NAMES.union(*chain(*_FAMILIES))


def also(term: Term) -> Iterator[Term]:
    """Yield the other spellings of a word or phrase."""
    asked = term.words
    if not term.prefix and not any(word in _KNOWN or word[-2:] == _JS for word in asked):
        return
    if len(asked) == 1 and asked[0] in _NAMES and not term.prefix:
        yield term._replace(words=(f"{asked[0]}{_JS}",))
    if term.prefix and asked[-1][-1] == "j" and asked[-1][:-1] in _NAMES:
        # The beginning of a name in one word, which is two in the text.
        yield term._replace(words=(*asked[:-1], asked[-1][:-1], _JS), prefix=False)
    for other in (_in_one(asked), _in_two(asked)):
        if other != asked:
            yield term._replace(words=other)
    for start, size in product(range(len(asked)), (1, 2)):
        for other in _OTHERS.get(asked[start : start + size], ()):
            yield term._replace(words=(*asked[:start], *other, *asked[start + size :]))


def together(first: Term, second: Term) -> Iterator[tuple[Term, Term]]:
    """Yield what two words that follow each other may be in one: the word, and the other."""
    if first.prefix or second.prefix or first.field != second.field:
        return
    if len(first.words) != 1 or len(second.words) != 1:
        return
    pair = first.words + second.words
    others = [_in_one(pair)] if second.words == (_JS,) else _OTHERS.get(pair, ())
    for other in others:
        if len(other) == 1:
            yield first, first._replace(words=other)
        yield second, second._replace(words=other[-1:])


def _in_one(asked: tuple[str, ...]) -> tuple[str, ...]:
    """Return a phrase with the ends of names of JavaScript joined to them."""
    found: list[str] = []
    for word in asked:
        if found and word == _JS and not found[-1].endswith(_JS):
            found[-1] += _JS
        else:
            found.append(word)
    return tuple(found)


def _in_two(asked: tuple[str, ...]) -> tuple[str, ...]:
    """Return a phrase with the ends of names of JavaScript as words of their own."""
    found: list[str] = []
    for word in asked:
        stem = word.removesuffix(_JS)
        found += (word,) if stem in ("", word) else (stem, _JS)
    return tuple(found)
