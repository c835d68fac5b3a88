-- What a connection asks and sets when it is made.

-- name: set_all
SELECT set_config(t.name, t.value, %s) FROM unnest(%s::text[], %s::text[]) AS t (name, value);

-- name: look
-- The pid differs from the one that the connection was told where a pooler stands between them. No
-- two servers were started at the same microsecond. After a crash, also of one session alone, the
-- server has forgotten its statistics, though not when it was started.
SELECT
    pg_backend_pid(), current_setting('synchronous_commit'), pg_postmaster_start_time()::text,
    pg_is_in_recovery(), (SELECT b.stats_reset::text FROM pg_stat_bgwriter AS b);
