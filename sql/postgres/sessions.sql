-- What a connection asks and sets when it is made, what a server knows of transactions, and how far
-- servers have got.

-- name: set_all
SELECT set_config(t.name, t.value, %s) FROM unnest(%s::text[], %s::text[]) AS t (name, value);

-- part: history
-- What is different after a restart, a crash or a failover. No two servers were started at the same
-- microsecond. After a crash, also of one session alone, the server has forgotten its statistics,
-- though not when it was started.
concat_ws(
    ' ', extract(epoch FROM pg_postmaster_start_time()),
    (SELECT extract(epoch FROM b.stats_reset) FROM pg_stat_bgwriter AS b)
)

-- name: look
-- The pid differs from the one that the connection was told where a pooler stands between them.
SELECT
    pg_backend_pid(), current_setting('synchronous_commit'), pg_postmaster_start_time()::text,
    pg_is_in_recovery(), {history};

-- name: backend
SELECT pg_backend_pid();

-- name: transaction_status
-- NULL where it was so long ago that the server has forgotten it, and where its number is of another
-- history: a pooler may have led the connection to another server since it was made.
SELECT CASE WHEN {history} = %s THEN pg_xact_status(%s::text::xid8) END;

-- name: current_position
-- Where the log is to be written next, since what is committed without waiting for the disk may not
-- be written yet.
SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn()::text END;

-- name: has_reached
-- One that was promoted meanwhile has everything.
SELECT NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= %s::text::pg_lsn;
