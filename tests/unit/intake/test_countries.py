"""The country that a text means."""

from __future__ import annotations

import subprocess
import sys

from jobstore.intake.countries import _MORE_NAMES, country_code
from jobstore.intake.spellings import COUNTRIES
from tests.fixtures.cases import each_case


def test_each_code_is_the_code_of_itself_in_any_case() -> None:
    for code in COUNTRIES:
        assert country_code(code) == country_code(f" {code.lower()} ") == code


@each_case(
    ("code", "texts"),
    [
        ("US", "USA|usa|U.S.|U.S.A.|United States|united states of america|The United States|EUA"),
        (
            "US",
            "Vereinigte Staaten|États-Unis|Etats Unis|Estados Unidos|EE. UU.|США|미국|アメリカ",
        ),
        ("GB", "UK|U.K.|GBR|Great Britain|United Kingdom|England|SCOTLAND|Wales|Northern Ireland"),
        ("GB", "Vereinigtes Königreich|Royaume-Uni|Reino Unido|Regno Unito|Wielka Brytania"),
        ("DE", "DEU|Germany|Deutschland|Allemagne|Alemania|Germania|Niemcy|ドイツ|Германия|독일"),
        ("AT", "Österreich|Osterreich|Oesterreich|Austria|Autriche|AUT"),
        ("CZ", "Czech Republic|Czechia|Česko|Cesko|Česká republika|Tschechien|République tchèque"),
        ("CZ", "République Tchèque|republique tcheque|Tschechische Republik|Chequia|Чехия"),
        ("JP", "JPN|Japan|日本|일본|Япония|اليابان|יפן"),
        ("KR", "KOR|South Korea|대한민국|한국|Republic of Korea|Korea, Republic of|Korea (South)"),
        ("KP", "North Korea|Korea, Democratic People's Republic of|Korea (North)"),
        ("NL", "The Netherlands|Netherlands|Nederland|Holland|Pays-Bas|Países Bajos|Niederlande"),
        ("TR", "Turkey|Türkiye|Turkiye|Türkei|Turquie|TUR"),
        ("AE", "UAE|U.A.E.|United Arab Emirates|VAE|Emiratos Árabes Unidos|ARE"),
        ("HK", "Hong Kong|Hongkong|香港|HKG|Hong Kong SAR"),
        ("VN", "Viet Nam|Vietnam|Việt Nam|VNM"),
        ("RU", "Russia|Russian Federation|Россия|Rusia|Russland"),
        ("CI", "Côte d'Ivoire|Cote d’Ivoire|Ivory Coast"),
        ("BA", "Bosnia & Herzegovina|Bosnia and Herzegovina|Bosnien und Herzegowina"),
        ("LC", "St. Lucia|Saint Lucia"),
        ("CD", "Congo, The Democratic Republic of the|Congo - Kinshasa|DRC"),
        ("MD", "Moldova, Republic of|Moldova"),
        ("TZ", "Tanzania, United Republic of|Tanzania"),
        ("IR", "Iran, Islamic Republic of|Iran"),
        ("VG", "Virgin Islands, British|British Virgin Islands"),
        ("VI", "Virgin Islands, U.S.|U.S. Virgin Islands"),
        ("TW", "Taiwan, Province of China|Taiwan|台灣|台湾|Republic of China"),
        ("CN", "China|中国|中國|People's Republic of China|Chine"),
        ("IN", "India|भारत|Indien|Inde|IND"),
        ("TH", "Thailand|ไทย|ประเทศไทย"),
        ("SA", "Saudi Arabia|KSA|السعودية|المملكة العربية السعودية"),
        ("GR", "Greece|Ελλάδα|Grèce|Griechenland"),
        ("UA", "Ukraine|Україна|Украина"),
        ("MK", "North Macedonia|Macedonia, the former Yugoslav Republic of"),
        ("GW", "Guinea-Bissau|Guinea (Bissau)"),
        ("GN", "Guinea"),
        ("GE", "Georgia|Georgien|GEO"),
        ("IE", "Ireland|Republic of Ireland|Éire|Irland"),
        ("ES", "España|Kingdom of Spain|Spanien"),
        ("FR", "🇫🇷|🇫🇷 France|France (FR)|FR - France|France, FRA|Frankreich|法国"),
    ],
)
def test_names_and_codes_of_a_country_in_many_languages(code: str, texts: str) -> None:
    assert {text: country_code(text) for text in texts.split("|")} == dict.fromkeys(
        texts.split("|"), code
    )


@each_case(
    "text",
    [
        *("", " ", "-", "EU", "XX", "ZZ", "XK", "European Union", "Europe", "Worldwide", "LATAM"),
        *("EMEA", "APAC", "Asia", "Africa", "North America", "America", "Remote", "Anywhere"),
        *("Global", "276", "840", "N/A", "n.a.", "none", "nan", "null", "?", "Y", "Mỹ"),
        # Of several countries, and what is in one.
        *("Congo", "Kongo", "Germany, Austria", "DE/AT/CH", "Georgia (USA)", "Georgia, USA"),
        *("London, UK", "Berlin", "California", "US/CA", "State of Georgia"),
        *("United", "Republic of", "Kingdom", "Republic of the", "Germany and Austria"),
        *("Germany " * 50, "(" * 90, ", " * 50, "Republic of " * 8, "\ud800", "\x00"),
    ],
)
def test_what_names_no_single_country_is_none(text: str) -> None:
    assert country_code(text) is None


def test_every_name_of_our_own_table_is_found_and_no_code_is_unknown() -> None:
    assert _MORE_NAMES.keys() <= COUNTRIES
    for code, names in _MORE_NAMES.items():
        assert {country_code(name) for name in names.split(", ")} == {code}, code


def test_babel_is_not_imported_for_codes_of_two_letters() -> None:
    lines = (
        "import sys, jobstore",
        "from jobstore.intake.countries import country_code",
        "assert country_code('de') == 'DE' and 'babel' not in sys.modules",
        "assert country_code('Germany') == 'DE' and 'babel' in sys.modules",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)


def test_babel_s_data_of_languages_stays_whole() -> None:
    lines = (
        "from datetime import timedelta",
        "from jobstore.intake.countries import country_code",
        "assert country_code('Atlantis') is None",
        "from babel.dates import format_timedelta",
        "told = format_timedelta(timedelta(days=3), add_direction=True, locale='de')",
        "assert told == 'in 3 Tagen'",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)
