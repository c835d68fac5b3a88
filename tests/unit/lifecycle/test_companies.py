"""Names of companies without their legal forms, whatever the script."""

from __future__ import annotations

from jobstore.lifecycle.duplicates.companies import company_key, company_words, related
from jobstore.records import COMPANY_NOT_STATED
from tests.fixtures.cases import each_case


@each_case(
    "names",
    [
        ("Acme", "ACME Inc.", "Acme, Inc", "Acme LLC", "The Acme Company", "Acme (Boston)"),
        ("Nord Wasser", "Nord Wasser GmbH", "Nord-Wasser GmbH & Co. KG", "Nord Wasser G.m.b.H."),
        ("Aqua", "Aqua S.p.A.", "Aqua S.A.", "Aqua SARL", "Aqua B.V.", "Aqua Pty Ltd"),
        ("水道", "株式会社水道", "水道株式会社", "水道(株)", "㈱水道", "水道有限公司"),
        ("수도", "주식회사 수도", "수도(주)"),
        ("Вода", "ООО Вода", "ООО «Вода»", "ВОДА, АО"),
        ("Νερό", "ΝΕΡΟ Α.Ε."),
        ("Zoom Info", "ZoomInfo"),
        ("O'Reilly", "OReilly", "O\u2019Reilly"),
    ],
)
def test_forms_case_and_spaces_do_not_matter(names: tuple[str, ...]) -> None:
    assert len({company_key(company_words(name)) for name in names}) == 1
    assert company_key(company_words(names[0]))


def test_a_name_of_legal_forms_only_stays() -> None:
    assert company_words("AG") == ("ag",)
    assert company_words("Co. KG") == ("co",)
    assert company_words("(株)") != ()


def test_no_name_is_no_company() -> None:
    assert company_words(COMPANY_NOT_STATED) == ()
    assert not related((), ())
    assert not related((), ("acme",))


def test_longer_forms_of_a_name_are_related() -> None:
    assert related(company_words("Aetna"), company_words("Aetna, a CVS Health Company"))
    assert related(company_words("River Valley Health"), company_words("Valley River"))
    assert related(company_words("NWL"), company_words("Northern Water Laboratory"))
    assert not related(company_words("Acme"), company_words("Bolt"))
    assert not related(("ab",), ("ab", "electric"))
