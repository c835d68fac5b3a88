"""A store on PostgreSQL goes back to a moment by the log that its server has archived."""

from __future__ import annotations

import jobstore
from tests.fixtures.cluster import eventually, servers
from tests.fixtures.postings import posting


async def test_a_store_goes_back_to_the_moment_before_a_mistake() -> None:
    with servers() as made:
        log = made.folder / "archive"
        keeping = f"mkdir -p {log} && test ! -f {log}/%f && cp %p {log}/%f"
        server = made.running("server", {"archive_mode": "on", "archive_command": keeping})
        server.execute("CREATE DATABASE jobs")
        async with jobstore.connect(server.url("jobs"), migrate=True) as store:
            before = await store.upsert(posting("before the copy"))
            again = made.new("again")
            again.copy(server)

            after = await store.upsert(posting("after the copy"))
            # The log tells times by the transaction; the moment is after the last one here.
            ((moment,),) = server.execute("SELECT clock_timestamp()::text")
            await store.delete(before.id)
            mistake = await store.upsert(posting("a mistake"))
        ((segment,),) = server.execute("SELECT pg_walfile_name(pg_current_wal_lsn())")
        server.execute("SELECT pg_switch_wal()")
        archived = f"SELECT last_archived_wal >= '{segment}' FROM pg_stat_archiver"
        eventually(lambda: server.execute(archived) == [(True,)], "the log is archived")
        server.kill()

        again.settings |= {
            "restore_command": f"cp {log}/%f %p",
            "recovery_target_time": moment,
            "recovery_target_action": "promote",
        }
        (again.folder / "recovery.signal").touch()
        again.start()
        recovered = "SELECT NOT pg_is_in_recovery()"
        eventually(lambda: again.execute(recovered) == [(True,)], "the end of the recovery")
        async with jobstore.connect(again.url("jobs")) as store:
            found = await store.get_many([before.id, after.id, mistake.id])
            assert [job is not None for job in found] == [True, True, False]
            assert await store.count() == (await store.statistics()).total == 2
            await store.upsert(posting("life goes on"))
            assert await store.count() == 3
