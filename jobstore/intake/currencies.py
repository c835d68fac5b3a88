"""The currency that a sign or a name means for certain, as its ISO 4217 code.

Names are those of CLDR (https://cldr.unicode.org, through babel), signs and what CLDR lacks those
of ``currencies.toml``. babel is imported when a text is looked up that is no code.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from jobstore.intake.spellings import CURRENCIES

_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "ru", "ja", "zh")
_LONGEST = 60


class _Sign(NamedTuple):
    """The currencies that use a sign, and the one that it means where no country says which."""

    codes: tuple[str, ...]
    alone: str | None


def currency_code(text: str, *, country: str | None = None) -> str | None:
    """Return the ISO 4217 code of a code, sign or name of a currency; ``None`` if it is unclear.

    ``country`` (ISO 3166-1 alpha-2) settles what ``kr``, ``Rs`` and ``dollars`` are. A bare ``$``
    is the country's dollar or peso, and else the US dollar.
    """
    key = _key(text)
    if not key or len(key) > _LONGEST:
        return None
    if key.isascii() and (code := key.upper()) in CURRENCIES:
        return code
    signs, names = _signs(), _names()
    if sign := signs.get(text.strip()) or signs.get(key):
        return _of(country, sign)
    if code_of_name := names.get(key):
        return code_of_name
    # A code and its sign or name: "EUR (€)", "USD - US Dollar".
    parts = [part for part in re.split(r"[\s()/,:-]+", key) if part]
    codes = {part.upper() for part in parts if part.isascii() and part.upper() in CURRENCIES}
    if len(codes) != 1 or len(parts) < 2:
        return None
    (code,) = codes
    rest = " ".join(part for part in parts if part.upper() != code)
    sign = signs.get(rest)
    return code if names.get(rest) == code or (sign and code in sign.codes) else None


@lru_cache(maxsize=300)
def currencies_of(country: str) -> frozenset[str]:
    """Return the currencies that are in use in a country."""
    from babel.numbers import get_territory_currencies

    return frozenset(get_territory_currencies(country))


def currency_signs() -> dict[str, Any]:
    """Return the tables of ``currencies.toml``."""
    return tomllib.loads(files(__package__).joinpath("currencies.toml").read_text("utf-8"))


def _key(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .()[]")


def _of(country: str | None, sign: _Sign) -> str | None:
    if len(sign.codes) > 1 and country is not None:
        used = [code for code in sign.codes if code in currencies_of(country)]
        if used:
            return used[0] if len(used) == 1 else None
    return sign.alone


@cache
def _signs() -> dict[str, _Sign]:
    data = currency_signs()
    found: dict[str, _Sign] = {}
    for table, key in (("certain", _key), ("exact", str)):
        for code, spellings in data[table].items():
            for spelling in spellings.split():
                found[key(spelling.replace("_", " "))] = _Sign((code,), code)
    for shared in data["shared"]:
        codes = tuple(shared["codes"].split())
        sign = _Sign(codes, codes[0] if shared.get("alone") else None)
        for spelling in shared["spellings"].split():
            found[_key(spelling.replace("_", " "))] = sign
    return found


@cache
def _names() -> dict[str, str | None]:
    """Return the codes by the names in large languages; ``None`` where a name has several."""
    from babel.numbers import get_currency_name

    names: dict[str, str | None] = {}
    for language in _LANGUAGES:
        for code in sorted(CURRENCIES):
            for count in (None, 1, 2):
                name = get_currency_name(code, count=count, locale=language).casefold()
                names[name] = code if names.get(name, code) == code else None
    return names
