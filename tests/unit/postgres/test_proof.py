"""What stored states say about a transaction whose COMMIT was not answered."""

from __future__ import annotations

from uuid import UUID

import pytest

from jobstore.engines.postgres.writing.batch import Batch, Identity
from jobstore.engines.postgres.writing.proof import Evidence

A, B = UUID(int=1), UUID(int=2)
OLD: Identity = (1, b"content1", b"seen1")
NEW: Identity = (2, b"content2", b"seen2")
OTHER: Identity = (3, b"content3", b"seen3")

Change = tuple[Identity | None, Identity | None]


def evidence(changes: dict[UUID, Change], revisions: list[tuple[UUID, int, bytes]]) -> Evidence:
    rows = [{"id": id, "version": version, "digest": digest} for id, version, digest in revisions]
    found = Evidence()
    states = {id.bytes: each for id, each in changes.items()}
    found.add(Batch([], [], [], [], rows, [], states, {}))
    return found


@pytest.mark.parametrize(
    ("changes", "there", "kept", "verdict"),
    [
        pytest.param({A: (OLD, NEW)}, {A: NEW}, [], True, id="as it was to be"),
        pytest.param({A: (OLD, NEW)}, {A: OLD}, [], False, id="as it was before"),
        pytest.param({A: (None, NEW)}, {A: NEW}, [], True, id="inserted"),
        pytest.param({A: (None, NEW)}, {}, [], None, id="not there, or removed by others since"),
        pytest.param({A: (OLD, None)}, {}, [], True, id="removed"),
        pytest.param({A: (OLD, None)}, {A: OLD}, [], False, id="not removed"),
        pytest.param(
            {A: (OLD, None), B: (None, NEW)}, {B: OTHER}, [], None, id="removed, the rest not ours"
        ),
        pytest.param({A: (OLD, NEW)}, {A: OTHER}, [], None, id="others wrote since"),
        pytest.param({A: (OLD, NEW)}, {A: OTHER}, [(A, 2, b"mine")], True, id="on top of it"),
        pytest.param({A: (OLD, NEW)}, {A: OTHER}, [(A, 2, b"theirs")], False, id="instead of it"),
        pytest.param({A: (OLD, NEW), B: (OLD, NEW)}, {A: OTHER, B: NEW}, [], True, id="one says"),
        pytest.param({A: (OLD, OLD)}, {}, [], True, id="nothing to be changed"),
    ],
)
def test_what_is_stored_tells_or_not(
    changes: dict[UUID, Change],
    there: dict[UUID, Identity],
    kept: list[tuple[UUID, int, bytes]],
    verdict: bool | None,
) -> None:
    found = evidence(changes, [(A, 2, b"mine")])
    states = {id.bytes: each for id, each in there.items()}
    revisions = [(id.bytes, version, digest) for id, version, digest in kept]

    assert found.verdict(states, revisions) is verdict


def test_whoever_inserts_the_same_again_learns_the_rest_from_that() -> None:
    found = evidence({A: (None, NEW)}, [])

    assert found.verdict({}, [], repeats=True) is False


def test_what_follows_in_one_transaction_counts_at_its_end() -> None:
    found = evidence({A: (OLD, NEW), B: (None, OLD)}, [])
    found.follow(evidence({A: (NEW, OTHER), B: (OLD, None)}, []))

    assert found.ids == [A, B]
    assert found.verdict({A.bytes: OTHER}, []) is True
    assert found.verdict({A.bytes: OLD}, []) is False


def test_states_prove_nothing_of_a_transaction_that_writes_other_rows_alone() -> None:
    found = Evidence()
    found.more = True

    assert found.verdict({}, []) is None
    found.follow(evidence({A: (OLD, NEW)}, []))
    assert found.verdict({A.bytes: NEW}, []) is True


def test_what_follows_in_one_transaction_has_its_number() -> None:
    found = Evidence()
    assert found.number is None
    found.transaction = ("then", "7")

    found.follow(Evidence(found.transaction))
    found.follow(Evidence())
    assert found.number == "7"
