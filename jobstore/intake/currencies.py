"""The currency that a sign or a name means for certain, as its ISO 4217 code.

Names are those of CLDR (https://cldr.unicode.org, through babel), signs those of
``currencies.toml``. babel is imported when a text is looked up that is no code.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from jobstore.intake.spellings import CURRENCIES

_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "ru", "ja", "zh")
_LONGEST = 60


def currency_code(text: str, *, country: str | None = None) -> str | None:
    """Return the ISO 4217 code of a code, sign or name of a currency; ``None`` if it is unclear.

    ``country`` (ISO 3166-1 alpha-2) settles what ``kr``, ``Rs`` and ``dollars`` are. A bare ``$``
    is the country's dollar or peso, and else the US dollar.
    """
    key = " ".join(text.casefold().split()).strip(" .()[]")
    if not key or len(key) > _LONGEST:
        return None
    if key.isascii() and (code := key.upper()) in CURRENCIES:
        return code
    data = _data()
    if found := data["signs"].get(key) or _names().get(key):
        return str(found)
    if shared := data["shared"].get(key):
        return _of(country, shared["words"]) or shared.get("else")
    # A code and its sign or name: "EUR (€)", "USD - US Dollar".
    parts = [part for part in re.split(r"[\s()/,:-]+", key) if part]
    codes = {part.upper() for part in parts if part.isascii() and part.upper() in CURRENCIES}
    if len(codes) != 1 or len(parts) < 2:
        return None
    (code,) = codes
    rest = " ".join(part for part in parts if part.upper() != code)
    sign = data["shared"].get(rest)
    fits = sign and (sign.get("else") == code or _has_word(code, sign["words"]))
    return code if fits or data["signs"].get(rest) == code or _names().get(rest) == code else None


def _of(country: str | None, words: list[str]) -> str | None:
    from babel.numbers import get_territory_currencies

    if country is None:
        return None
    used = [code for code in get_territory_currencies(country) if _has_word(code, words)]
    return used[0] if len(used) == 1 else None


def _has_word(code: str, words: list[str]) -> bool:
    from babel.numbers import get_currency_name

    return not set(words).isdisjoint(get_currency_name(code, locale="en").casefold().split())


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


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("currencies.toml").read_text("utf-8"))
