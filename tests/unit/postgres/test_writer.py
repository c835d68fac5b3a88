"""The writer on PostgreSQL: groups, what one operation's error means to the others, other programs
that write the same postings, and transactions of one caller."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import chain
from typing import Any
from uuid import UUID

import psycopg
import pytest

from jobstore import (
    InvalidPosting,
    JobNotFound,
    JobStoreError,
    Outcome,
    SchemaMismatch,
    StoreBusy,
    StoreClosed,
    StoreTimeout,
    StoreUnavailable,
)
from jobstore.engines.kept import EVENT
from jobstore.engines.writing.operations import QueuedWrites
from jobstore.records import UpsertResult, job_id
from tests.fixtures.writers import open_writer, posting, stored, until_somebody_waits

# The server takes no text with this character; intake lets none through.
_REFUSED = "\0"


def id_of(number: int | str) -> UUID:
    return job_id("board", str(number))


async def test_what_waits_together_is_one_transaction(database: str) -> None:
    async with open_writer(database) as writer:
        found = await asyncio.gather(*(writer.upsert(posting(number)) for number in range(16)))

        assert writer.queue.group == 16
        assert {each.outcome for each in found} == {Outcome.INSERTED}
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT count(DISTINCT xmin::text) FROM posting").fetchone() == (1,)


async def test_much_that_waits_together_is_two_transactions(database: str) -> None:
    async with open_writer(database) as writer:
        await asyncio.gather(*(writer.upsert(posting(number)) for number in range(50)))

        assert writer.queue.group == 25
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT count(DISTINCT xmin::text) FROM posting").fetchone() == (2,)


async def test_writes_of_one_posting_in_one_group_see_each_other(database: str) -> None:
    async with open_writer(database) as writer:
        found = await asyncio.gather(
            writer.upsert(posting(1)),
            writer.upsert(posting(1, title="Second")),
            writer.update(id_of(1), {"company": "Third"}, 2),
            writer.delete(id_of(1)),
            writer.upsert(posting(1, title="Fourth")),
            writer.join(id_of(1), "board", "2"),
            writer.upsert(posting(2, title="Sixth")),
        )
        assert [getattr(each, "version", each) for each in found] == [1, 2, 3, True, 1, 2, 3]
    assert stored(database) == {"2": 3}


async def test_an_operation_that_is_refused_fails_alone(database: str) -> None:
    async with open_writer(database) as writer:
        found = await asyncio.gather(
            writer.upsert(posting(1)),
            writer.update(id_of("absent"), {"title": "Other"}, None),
            writer.upsert(posting(2)),
            return_exceptions=True,
        )
        assert isinstance(found[1], JobNotFound)
    assert stored(database) == {"1": 1, "2": 1}


async def test_a_row_that_the_server_refuses_fails_alone(database: str) -> None:
    postings = [posting(number) for number in range(40)]
    postings[7] = replace(postings[7], description=_REFUSED)
    postings[30] = replace(postings[30], description=_REFUSED)
    async with open_writer(database) as writer:
        found = await writer.upsert_many(postings)

        failed = [number for number, each in enumerate(found) if isinstance(each, InvalidPosting)]
        assert failed == [7, 30]
    assert stored(database).keys() == {str(number) for number in range(40)} - {"7", "30"}


async def test_two_programs_that_insert_the_same_keys_both_succeed(database: str) -> None:
    postings = [posting(number) for number in range(200)]
    async with open_writer(database) as one, open_writer(database) as other:
        results = await asyncio.gather(
            *(one.upsert(each) for each in postings),
            *(other.upsert(each) for each in reversed(postings)),
            one.upsert_many(postings[::3]),
            other.upsert_many(postings[::-2]),
        )
        inserted = [
            each
            for each in chain(results[:400], *results[400:])
            if isinstance(each, UpsertResult) and each.outcome is Outcome.INSERTED
        ]
        assert len(inserted) == len({each.id for each in inserted}) == 200


async def test_changes_of_several_programs_at_once_are_all_made(database: str) -> None:
    async with open_writer(database) as one, open_writer(database) as other:
        await one.upsert_many([posting(number) for number in range(10)])

        async def change(writer: QueuedWrites, name: str) -> None:
            for turn in range(10):
                numbers = range(10) if writer is one else range(9, -1, -1)
                await writer.upsert_many(
                    [posting(number, title=f"{name} {turn}") for number in numbers]
                )

        await asyncio.gather(change(one, "one"), change(other, "other"))
    assert set(stored(database).values()) == {21}


async def test_what_others_remove_and_store_anew_in_one_transaction_never_seems_absent(
    database: str,
) -> None:
    async with open_writer(database) as writer, open_writer(database) as other:
        await writer.upsert_many([posting(number) for number in range(3)])
        async with other.transaction(30) as unit:
            for number in range(3):
                await unit.delete(id_of(number))
                await unit.upsert(posting(number, company="Anew"))
            writes = asyncio.gather(
                writer.update(id_of(0), {"title": "Other"}, 1),
                writer.delete(id_of(1)),
                writer.join(id_of(2), "board", "9"),
                writer.delete(id_of(8)),
            )
            await until_somebody_waits(database)
        changed, gone, joined, absent = await writes
        assert (changed.company, gone, joined.company, absent) == ("Anew", True, "Anew", False)
    assert stored(database) == {"0": 2, "9": 2}


async def test_a_transaction_finds_what_others_make_of_two_postings_meanwhile(
    database: str,
) -> None:
    async with open_writer(database) as writer, open_writer(database) as other:
        await writer.upsert_many([posting(1), posting(2)])
        async with writer.transaction(30) as unit:
            async with other.transaction(30) as rival:
                await rival.join(id_of(1), "board", "2")
                write = asyncio.ensure_future(unit.delete(id_of(2)))
                await until_somebody_waits(database)
            assert await write is True
    assert stored(database) == {}


@pytest.mark.parametrize("number", [16, 17, 32, 33, 70])
async def test_keys_that_change_together_are_all_changed(database: str, number: int) -> None:
    async with open_writer(database) as writer:
        await writer.upsert_many([posting(each) for each in range(number)])
        joined = [writer.join(id_of(each), "board", f"new-{each}") for each in range(number)]
        await asyncio.gather(*joined)
    assert stored(database) == {f"new-{each}": 2 for each in range(number)}


async def test_what_was_kept_of_both_alike_is_kept_once_when_they_are_joined(
    database: str,
) -> None:
    async with open_writer(database) as writer:
        await writer.upsert_many([posting(1), posting(2)])
        async with writer.transaction(30) as unit:
            both = [id_of(number).bytes for number in (1, 2)]
            await unit.put(EVENT, [(id, 1, "note", "{}", None, None) for id in both])
        await writer.join(id_of(1), "board", "2")
    with psycopg.connect(database) as conn:
        found = conn.execute("SELECT e.id, e.at FROM event AS e").fetchall()
    assert found == [(id_of(2), 1)]


async def test_two_deletions_of_one_group_fail_nobody(database: str) -> None:
    async with open_writer(database) as writer:
        await writer.upsert(posting(1))
        gone, back, again = await asyncio.gather(
            writer.delete(id_of(1)), writer.upsert(posting(1)), writer.delete(id_of(1))
        )
        assert (gone, back.outcome, again) == (True, Outcome.INSERTED, True)
    with psycopg.connect(database) as conn:
        # One transaction has one time.
        assert conn.execute("SELECT count(*) FROM deletion").fetchone() == (1,)


async def test_a_deadlock_is_run_again(database: str) -> None:
    async with open_writer(database) as writer:
        await writer.upsert_many([posting(1), posting(2)])
        first, last = sorted((id_of(1), id_of(2)))
        with psycopg.connect(database) as rival:
            lock = "SELECT id FROM posting WHERE id = %s FOR UPDATE"
            rival.execute("SET deadlock_timeout = '60s'")
            rival.execute(lock, (last,))
            write = asyncio.ensure_future(
                writer.upsert_many([posting(1, title="Other"), posting(2, title="Other")])
            )
            await until_somebody_waits(database)
            # The writer holds the first and waits for the last: it is the one who gives way.
            await asyncio.to_thread(rival.execute, lock, (first,))
            rival.rollback()
        assert [getattr(each, "version", each) for each in await write] == [2, 2]


async def test_whoever_waits_too_long_for_others_is_told(database: str) -> None:
    async with open_writer(database, busy_timeout=0.3) as writer:
        await writer.upsert(posting(1))
        with psycopg.connect(database) as rival:
            rival.execute("SELECT id FROM posting FOR UPDATE")

            with pytest.raises(StoreBusy):
                await writer.upsert(posting(1, title="Other"))
        await writer.upsert(posting(1, title="Third"))
    assert stored(database) == {"1": 2}


async def test_a_transaction_waits_no_longer_than_a_write_to_begin(database: str) -> None:
    async with open_writer(database, busy_timeout=0.3) as writer:
        with psycopg.connect(database) as rival:
            rival.execute("LOCK TABLE posting")

            with pytest.raises(StoreBusy):
                async with asyncio.timeout(30), writer.transaction(60):
                    pass


async def test_a_write_that_has_begun_is_finished_without_its_caller(database: str) -> None:
    async with open_writer(database) as writer:
        await writer.upsert(posting(1))
        with psycopg.connect(database) as rival:
            rival.execute("SELECT id FROM posting FOR UPDATE")
            write = asyncio.ensure_future(writer.upsert(posting(1, title="Other")))
            await until_somebody_waits(database)
            waiting = asyncio.ensure_future(writer.upsert(posting(2)))
            await asyncio.sleep(0)
            write.cancel()
            waiting.cancel()
        await asyncio.gather(write, waiting, return_exceptions=True)
        assert write.cancelled()
        await writer.upsert(posting(3))
    # The one that only waited was withdrawn.
    assert stored(database) == {"1": 2, "3": 1}


async def test_what_was_accepted_is_stored_before_it_closes(database: str) -> None:
    async with open_writer(database) as writer:
        writes = [asyncio.ensure_future(writer.upsert(posting(number))) for number in range(5)]
        await asyncio.sleep(0)
        await writer.writer.close()
        await asyncio.gather(*writes)

        with pytest.raises(StoreClosed):
            await writer.upsert(posting(9))
    assert len(stored(database)) == 5


async def test_the_same_error_is_given_to_each_caller_apart(database: str) -> None:
    async with open_writer(database) as writer:
        with psycopg.connect(database, autocommit=True) as admin:
            admin.execute("ALTER TABLE posting RENAME TO gone")
            failed = await asyncio.gather(
                *(writer.upsert(posting(number)) for number in range(3)), return_exceptions=True
            )
            admin.execute("ALTER TABLE gone RENAME TO posting")
        assert len({id(each) for each in failed}) == 3
        assert (await writer.upsert(posting(1))).outcome is Outcome.INSERTED


async def test_an_operation_of_a_transaction_that_fails_leaves_no_trace(database: str) -> None:
    async with open_writer(database) as writer, writer.transaction(30) as unit:
        await unit.upsert(posting(1))
        with pytest.raises(InvalidPosting):
            await unit.upsert(replace(posting(2), description=_REFUSED))
        with pytest.raises(JobNotFound):
            await unit.update(id_of(2), {"title": "Other"}, None)
        await unit.upsert(posting(3))
        assert [each and each.source_job_id for each in await unit.get_many([id_of(1), id_of(2)])]
    assert stored(database) == {"1": 1, "3": 1}


async def test_a_transaction_sees_a_key_that_others_insert_meanwhile(database: str) -> None:
    async with open_writer(database) as writer, writer.transaction(30) as unit:
        with psycopg.connect(database) as rival:
            async with open_writer(database) as other:
                await other.upsert(posting(2))
            rival.execute("DELETE FROM posting")
            write = asyncio.ensure_future(unit.upsert(posting(2, title="Other")))
            await until_somebody_waits(database)
            rival.rollback()
        assert (await write).outcome is Outcome.UPDATED


async def test_a_transaction_ends_when_its_time_is_over(database: str) -> None:
    async with open_writer(database) as writer:
        await writer.upsert(posting(1))
        with psycopg.connect(database) as rival:
            rival.execute("SELECT id FROM posting FOR UPDATE")

            async def wait() -> None:
                async with writer.transaction(0.5) as unit:
                    await unit.upsert(posting(2))
                    await unit.upsert(posting(1, title="Other"))

            with pytest.raises(StoreTimeout):
                await wait()
            # The server, too, no longer waits for the lock that is still held.
            await writer.upsert(posting(3))
    assert stored(database) == {"1": 1, "3": 1}


async def test_a_transaction_waits_for_others_no_longer_than_any_write(database: str) -> None:
    async with open_writer(database, busy_timeout=0.3) as writer:
        await writer.upsert(posting(1))
        with psycopg.connect(database) as rival:
            rival.execute("SELECT id FROM posting FOR UPDATE")
            async with writer.transaction(600) as unit:
                await unit.upsert(posting(2))
                with pytest.raises(StoreBusy):
                    await unit.upsert(posting(1, title="Other"))
                await unit.upsert(posting(3))
    assert stored(database) == {"1": 1, "2": 1, "3": 1}


async def test_what_a_transaction_has_read_is_locked_until_it_ends(database: str) -> None:
    async with (
        open_writer(database, busy_timeout=0.3) as one,
        open_writer(database, busy_timeout=30) as two,
    ):
        await one.upsert_many([posting(1), posting(2)])
        async with two.transaction(30) as theirs:
            await theirs.get_many([id_of(2)])
            async with one.transaction(30) as mine:
                await mine.get_many([id_of(1), id_of("absent")])
                # What takes too long fails alone, and whoever was waited for goes on.
                with pytest.raises(StoreBusy):
                    await mine.get_many([id_of(2), id_of(1)])
                await mine.upsert(posting(3))
                waiting = asyncio.ensure_future(theirs.update(id_of(1), {"title": "Theirs"}, None))
                await until_somebody_waits(database)
                await mine.update(id_of(1), {"title": "Mine"}, 1)
            assert (await waiting).version == 3
    assert stored(database) == {"1": 3, "2": 1, "3": 1}


async def test_of_two_transactions_that_wait_for_each_other_one_is_busy(database: str) -> None:
    async def both(unit: Any, own: int, other: int, have: asyncio.Barrier) -> None:
        await unit.get_many([id_of(own)])
        await have.wait()
        await unit.get_many([id_of(other)])

    async def run(writer: QueuedWrites, own: int, other: int, have: asyncio.Barrier) -> None:
        async with writer.transaction(60) as unit:
            await both(unit, own, other, have)

    async with open_writer(database) as one, open_writer(database) as two:
        await one.upsert_many([posting(1), posting(2)])
        have = asyncio.Barrier(2)
        ends = await asyncio.gather(
            run(one, 1, 2, have), run(two, 2, 1, have), return_exceptions=True
        )
        assert {type(end) for end in ends} == {StoreBusy, type(None)}


async def test_whoever_goes_on_after_an_error_that_undid_all_is_told_of_that_error(
    database: str,
) -> None:
    async with open_writer(database) as writer:

        async def go_on() -> None:
            async with writer.transaction(30) as unit:
                with pytest.raises(JobStoreError):
                    await unit.rows("posting_by_id", "no id")
                await unit.upsert(posting(1))

        with pytest.raises(StoreUnavailable) as caught:
            await go_on()
        assert isinstance(caught.value.__cause__, psycopg.Error)
        assert "connection" not in str(caught.value)
    assert stored(database) == {}


async def test_a_transaction_that_an_error_has_undone_is_not_committed(database: str) -> None:
    async def work() -> None:
        async with writer.transaction(30) as unit:
            await unit.upsert(posting(1))
            with pytest.raises(JobStoreError):
                await unit.rows("posting_by_id", "no id")

    async with open_writer(database) as writer:
        with pytest.raises(StoreUnavailable, match="run it again"):
            await work()
    assert stored(database) == {}


async def test_a_program_that_a_newer_one_shut_out_writes_nothing(database: str) -> None:
    async with open_writer(database) as writer:
        await writer.upsert(posting(1))
        with psycopg.connect(database) as conn:
            let = "UPDATE store_property SET value = %s WHERE name = 'compatible' RETURNING 1"
            assert conn.execute(let, (b"9999.later",)).fetchall()
        with pytest.raises(SchemaMismatch, match="Upgrade jobstore"):
            await writer.upsert(posting(2))

        async def insert() -> None:
            async with writer.transaction(30) as unit:
                await unit.upsert(posting(3))

        with pytest.raises(SchemaMismatch):
            await insert()
    assert stored(database) == {"1": 1}
