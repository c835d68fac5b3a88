"""Digests are the same on every machine: what is stored was made with them."""

from __future__ import annotations

from jobstore.derived.digests import content_digest, revision_digest, seen_digest

ID = bytes(range(16))


def test_digests_stay_what_is_stored_in_the_stores_that_were_made() -> None:
    values = [ID, 2, "open", "café", None, 1.5, 10**18]

    assert content_digest(values, "Text", None, '{"a":1}').hex() == "b99e3a51e72a1059"
    assert content_digest(values, None, None, None).hex() == "09d4f97fc0606755"
    assert seen_digest(ID, -1, 2**63 - 1, 0, 7).hex() == "fc4b43cc8549d9c6"
    assert revision_digest(ID, 3, 5, "{}").hex() == "9ef3f370d7784257"


def test_every_part_counts() -> None:
    found = {
        content_digest([1, 2], "a", None, "b"),
        content_digest([2, 1], "a", None, "b"),
        content_digest([1, 2], "b", None, "a"),
        content_digest([1, 2], "", None, "b"),
        content_digest([1, 2, "b"], "a", None, None),
        content_digest([1, "2"], "a", None, "b"),
        content_digest([1, 2], "a", "", "b"),
        content_digest([1, 2], "a", "c", "b"),
        content_digest([1, 2], "ac", None, "b"),
        content_digest([1, 2], "ac", "", "b"),
    }

    assert len(found) == 10


def test_a_damaged_text_has_a_digest_too() -> None:
    assert content_digest([], "\udcff", "\udcff", None) != content_digest([], "\udcff", "", None)
    assert content_digest([], "\udcff", None, None) != content_digest([], "\udcfe", None, None)
    assert revision_digest(ID, 1, 1, "\udcff") != revision_digest(ID, 1, 1, "")
