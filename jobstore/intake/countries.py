"""The country that a text means, as its ISO 3166-1 alpha-2 code.

Codes of three letters and the names of countries in many languages are those of Unicode's CLDR
(https://cldr.unicode.org, through babel); what it lacks is in a table here. babel is imported, and
a table built, when a text is first looked up that is no code of two letters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache

from jobstore.intake.spellings import COUNTRIES

_LONGEST = 100

# The languages whose names are known, most frequent first; those in Latin letters apart.
_LATIN = "en de fr es it pt nl pl sv da no fi cs sk tr hu ro vi id ms hr sl et lv lt ca eu is"
OTHER_SCRIPTS = "ja zh zh_Hant ko ru uk ar el he bg sr hi th fa"

# What CLDR does not say: short and official forms, the names of ISO 3166-1 itself, and parts of
# the United Kingdom, which English postings state as countries.
_MORE_NAMES = {
    "AE": "uae, u.a.e., vae, eau, emirates",
    "AT": "oesterreich",
    "BA": "bosnia, bih",
    "BO": "plurinational state of bolivia",
    "BQ": "bonaire sint eustatius and saba",
    "CD": "democratic republic of the congo, dr congo, drc, congo drc",
    "CG": "republic of the congo",
    "CI": "ivory coast",
    "CN": "people's republic of china, prc, mainland china, 中华人民共和国, 中國大陸",
    "CZ": "czech republic, czech rep, czechia republic, tschechische republik, "
    "république tchèque, república checa, repubblica ceca, tsjechische republiek, "
    "česká republika, republika czeska, tjeckiska republiken, tschechei, чешская республика",
    "DE": "brd, bundesrepublik deutschland, deutchland",
    "DO": "dominican rep",
    "FK": "falkland islands (malvinas)",
    "FM": "federated states of micronesia",
    "GB": "uk, u.k., great britain, britain, england, scotland, wales, northern ireland, "
    "united kingdom of great britain and northern ireland, großbritannien, grande-bretagne, "
    "gran bretaña, gran bretagna, grã-bretanha, groot-brittannië, inglaterra, angleterre, "
    "inghilterra, engeland, anglia, schottland, écosse, escocia, cymru, англия, "
    "イングランド, 英格兰, 영국",
    "HK": "hong kong, hongkong, 香港, 홍콩, гонконг, ホンコン",
    "IE": "republic of ireland, éire, southern ireland",
    "IR": "islamic republic of iran",
    "KN": "saint kitts",
    "KP": "democratic people's republic of korea, dprk",
    "KR": "korea, republic of korea, rok, s. korea, corée, corea, coreia, "
    "한국, 韓國, 大韓民国, 大韩民国",
    "LA": "lao people's democratic republic, lao pdr",
    "LY": "libyan arab jamahiriya",
    "MK": "macedonia, the former yugoslav republic of macedonia, fyrom",
    "MM": "burma",
    "MO": "macao, macau, macau sar, 澳门, 澳門",
    "NL": "holanda, olanda, hollande, kingdom of the netherlands",
    "PL": "rzeczpospolita polska",
    "PS": "palestine, state of palestine, palestinian territory, occupied palestinian territory",
    "RU": "russian federation, российская федерация, рф",
    "SA": "ksa, k.s.a., السعودية",
    "SY": "syrian arab republic",
    "SZ": "swaziland",
    "TH": "ประเทศไทย",
    "TL": "east timor",
    "TR": "turkey, turkiye cumhuriyeti, republic of turkiye, tuerkei",
    "TW": "taiwan roc, province of china taiwan, republic of china, chinese taipei",
    "TZ": "united republic of tanzania",
    "US": "u.s., u.s.a., united states of america, ee. uu., eeuu, "
    "ee.uu., e.u.a., eua, estados unidos de américa, estados unidos da américa, "
    "stati uniti d'america, vereinigte staaten von amerika, états-unis d'amérique, "
    "verenigde staten van amerika, сша, 미국, アメリカ, 米国",
    "VA": "holy see, vatican, vatican city state",
    "VE": "bolivarian republic of venezuela",
    "VG": "bvi",
    "VI": "usvi",
}
# Names that mean one country in one language and another in the next.
_AMBIGUOUS = ("kongo", "congo", "america")

_DROPPED = re.compile("[\u0300-\u036f]")
# Vowel signs of Indian scripts and Thai are no letters to Python.
_NO_LETTER = re.compile(r"(?:(?![\u0900-\u0eff])[\W\d_])+")
_STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe"})
_PARTS = re.compile(r"\s*[(),/|\-–—:]\s*")
_OFFICIAL = re.compile(
    r"(?:the\s+)?(?:(?:federal|federative|islamic|socialist|arab|co-operative|united)\s+)*"
    r"(?:republic|kingdom|principality|commonwealth|grand duchy|sultanate)\s+of\s+(.+)",
    re.IGNORECASE,
)
_FLAG_A = ord("🇦")
_FLAG = re.compile("([🇦-🇿])([🇦-🇿])")


@lru_cache(maxsize=4096)
def country_code(text: str) -> str | None:
    """Return the ISO 3166-1 alpha-2 code of the country that ``text`` names as a whole.

    Codes of two and three letters are taken in any case, names in some forty languages (CLDR) with
    or without accents, also as ISO writes them (``Korea, Republic of``), flags, and a name with its
    code (``Germany (DE)``). ``Georgia`` is the country: a text that states a country is read.
    England, Scotland, Wales and Northern Ireland are parts of ``GB``.

    ``None`` for anything else: several countries, regions of the world (``Europe``, ``EU``),
    ``Remote``, cities, and names of several countries (``Congo``).
    """
    text = _FLAG.sub(_letters, text.strip())
    if len(text) > _LONGEST:
        return None
    if text.isascii() and text.isalpha() and len(text) <= 3:
        code = text.upper()
        if code in COUNTRIES:
            return code
        if len(code) == 3 and (found := _codes().get(code)):
            return found
    return _named(text) or _in_parts(text)


def _letters(flag: re.Match[str]) -> str:
    return "".join(chr(ord(sign) - _FLAG_A + ord("A")) for sign in flag.groups()) + " - "


def _named(name: str) -> str | None:
    key = _key(name)
    if not key:
        return None
    if key in (names := _more_names()):
        return names[key]
    # One after another: most texts are English, and loading all takes a tenth of a second.
    for language in (_LATIN if _is_latin(key) else OTHER_SCRIPTS).split():
        if (found := _names(language).get(key)) is not None:
            return found
    official = _OFFICIAL.fullmatch(name)
    return _named(official[1]) if official else None


def _in_parts(text: str) -> str | None:
    """Return the country that every part of a text names, or both of its parts turned round."""
    parts = [part for part in _PARTS.split(text) if part]
    if len(parts) == 2 and (found := _named(f"{parts[1]} {parts[0]}")):
        return found
    if len(parts) == 1 and parts[0] == text:
        return None
    codes = {country_code(part) for part in parts}
    return codes.pop() if len(codes) == 1 else None


def _key(name: str) -> str:
    """Return a name without case, accents, white space, punctuation and articles."""
    text = unicodedata.normalize("NFKD", name.casefold().replace("&", " and "))
    words = _NO_LETTER.sub(" ", _DROPPED.sub("", text).replace("'", "")).translate(_STROKES).split()
    return "".join("saint" if word == "st" else word for word in words if word not in _LITTLE)


_LITTLE = frozenset(("the", "and"))


def _is_latin(key: str) -> bool:
    return key < "\u0250"


@cache
def _codes() -> Mapping[str, str]:
    from babel.core import get_global

    return {
        alias: codes[0]
        for alias, codes in get_global("territory_aliases").items()
        if len(alias) == 3 and len(codes) == 1 and codes[0] in COUNTRIES
    }


@cache
def _more_names() -> Mapping[str, str | None]:
    """Return the code of each name in our own table, and none for ambiguous ones."""
    found: dict[str, str | None] = dict.fromkeys(_AMBIGUOUS)
    for code, names in _MORE_NAMES.items():
        found.update((_key(name), code) for name in names.split(", "))
    return found


@cache
def _names(language: str) -> Mapping[str, str]:
    from babel import Locale

    # What a language inherits are codes. (Its own data alone would stay in babel's cache, and dates
    # would then be without what they inherit.)
    names = Locale.parse(language).territories
    keys = ((_key(names[code]), code) for code in COUNTRIES & names.keys() if names[code] != code)
    # Short ones, of Vietnamese, are words of other languages as well.
    return {key: code for key, code in keys if len(key) > 3 or not _is_latin(key)}
