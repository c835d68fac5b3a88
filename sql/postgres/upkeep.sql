-- What looks after a database: what `jobstore doctor` reads and makes anew, what health asks the
-- server, and what puts one set of tables in the place of another. Tables stand in the first schema
-- of the search path. What is asked of the server's own catalogue is the same whatever the schema.

-- name: every_revision
SELECT r.id, r.version, r.changed_at, r.previous, r.digest FROM revision AS r
ORDER BY r.id, r.version;

-- name: every_count
-- Quartiles follow from the counts of salaries, and are compared by themselves.
SELECT c.kind, c.value, min(c.label), sum(c.amount)::bigint FROM (
    SELECT r.kind, r.value, r.label, r.amount FROM counter AS r
    UNION ALL
    SELECT d.kind, d.value, d.label, d.amount FROM counter_delta AS d
) AS c WHERE c.kind <> 'quartiles' GROUP BY c.kind, c.value HAVING sum(c.amount) <> 0;

-- name: every_quartiles
SELECT c.value, c.label, c.amount FROM counter AS c WHERE c.kind = 'quartiles';

-- name: counted_currencies
SELECT DISTINCT left(c.value, 3) FROM (
    SELECT r.value, r.amount FROM counter AS r WHERE r.kind = 'salary_bucket'
    UNION ALL
    SELECT d.value, d.amount FROM counter_delta AS d WHERE d.kind = 'salary_bucket'
) AS c GROUP BY c.value HAVING sum(c.amount) <> 0;

-- name: orphaned_revisions
SELECT r.id, r.version FROM revision AS r
WHERE NOT EXISTS (SELECT FROM posting AS p WHERE p.id = r.id) ORDER BY r.id, r.version;

-- name: delete_orphaned_revisions
DELETE FROM revision AS r WHERE NOT EXISTS (SELECT FROM posting AS p WHERE p.id = r.id);

-- name: other_words
-- Of some postings, those whose words are not these.
SELECT p.id FROM posting AS p
JOIN unnest(%s::uuid[], %s::text[], %s::text[]) AS n (id, words, spoken) ON n.id = p.id
WHERE p.words <> n.words::tsvector OR p.spoken IS DISTINCT FROM n.spoken;

-- name: write_words
UPDATE posting AS p SET words = n.words::tsvector, spoken = n.spoken
FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS n (id, words, spoken)
WHERE p.id = n.id AND (p.words <> n.words::tsvector OR p.spoken IS DISTINCT FROM n.spoken);

-- name: empty_counters
DELETE FROM counter;

-- name: empty_deltas
DELETE FROM counter_delta;

-- name: invalid_indexes
-- Each with the name of the index that it is a part of, in a table with partitions.
SELECT c.relname::text, coalesce(w.relname, c.relname)::text
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
LEFT JOIN pg_inherits AS h ON h.inhrelid = c.oid
LEFT JOIN pg_class AS w ON w.oid = h.inhparent
WHERE c.relnamespace = current_schema()::regnamespace AND NOT (i.indisvalid AND i.indisready)
ORDER BY c.relname;

-- name: checksum_failures
SELECT current_setting('data_checksums') = 'on', coalesce(d.checksum_failures, 0)
FROM pg_stat_database AS d WHERE d.datname = current_database();

-- name: functions_of_amcheck
SELECT p.proname::text, n.nspname::text
FROM pg_extension AS e
JOIN pg_namespace AS n ON n.oid = e.extnamespace
JOIN pg_proc AS p ON p.pronamespace = n.oid
WHERE e.extname = 'amcheck' AND has_function_privilege(p.oid, 'EXECUTE');

-- name: relations_to_check
SELECT c.oid, c.relname::text, c.relkind::text, coalesce(m.amname::text, '')
FROM pg_class AS c LEFT JOIN pg_am AS m ON m.oid = c.relam
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'i')
ORDER BY c.relname;

-- name: indexes_of_tables
-- One that is not valid is not ours, or was made anew before.
SELECT c.relname::text FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE c.relnamespace = current_schema()::regnamespace AND i.indisvalid ORDER BY c.relname;

-- name: sizes_of_indexes
-- How many rows the server takes a table to have: none are known before it was first looked at.
SELECT c.relname::text, i.indisvalid, greatest(t.reltuples, 0)::double precision
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_class AS t ON t.oid = i.indrelid
WHERE c.relnamespace = current_schema()::regnamespace;

-- name: octets_of_tables
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class AS c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'm');

-- name: server
SELECT
    current_setting('server_version'), pg_is_in_recovery(), current_database()::text,
    current_user::text;

-- name: rights
SELECT
    has_table_privilege('posting', 'SELECT'), has_table_privilege('posting', 'INSERT, UPDATE, DELETE'),
    (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user);

-- name: may_compare
-- Comparing makes temporary tables. A standby is always read-only.
SELECT has_database_privilege(current_database(), 'TEMPORARY')
    AND NOT current_setting('transaction_read_only')::boolean;

-- name: may_maintain
SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class AS c WHERE c.oid = to_regclass('posting');

-- name: signs_of_server
-- What health asks, as one row. Of other roles' sessions a role without pg_monitor sees no times.
SELECT
    (
        SELECT count(*) FROM pg_stat_activity AS a WHERE a.backend_type = 'client backend'
    ) AS connections,
    current_setting('max_connections')::bigint
        - current_setting('superuser_reserved_connections')::bigint
        - coalesce(current_setting('reserved_connections', true), '0')::bigint AS most_connections,
    t.pid::bigint AS oldest_pid, t.application_name::text AS oldest_name,
    extract(epoch FROM clock_timestamp() - t.xact_start)::double precision AS oldest_seconds,
    pg_is_in_recovery() AS replica,
    CASE
        WHEN NOT pg_is_in_recovery() THEN NULL
        WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
        ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())
    END::double precision AS behind_seconds,
    (SELECT count(*) FROM pg_stat_replication AS r) AS standbys,
    (
        SELECT max(extract(epoch FROM r.replay_lag)) FROM pg_stat_replication AS r
    )::double precision AS standby_seconds
FROM (SELECT 1) AS one
LEFT JOIN LATERAL (
    SELECT a.pid, a.application_name, a.xact_start FROM pg_stat_activity AS a
    WHERE a.datname = current_database() AND a.backend_type = 'client backend'
        AND a.pid <> pg_backend_pid() AND a.xact_start IS NOT NULL
    ORDER BY a.xact_start LIMIT 1
) AS t ON true;

-- name: signs_of_tables
SELECT
    (SELECT count(*) FROM (SELECT FROM counter_delta AS d LIMIT 1000001) AS d) AS deltas,
    s.n_live_tup AS live, s.n_dead_tup AS dead
FROM pg_stat_user_tables AS s WHERE s.relid = to_regclass('posting');

-- name: state_of_rows
-- What changes with every write: a row that is written anew stands elsewhere, or under another
-- transaction. No long value is read.
SELECT count(*), coalesce(sum(hashtextextended(p.ctid::text || p.xmin::text, 0)::numeric), 0)::text
FROM posting AS p;

-- name: schemas_like
SELECT n.nspname::text, pg_has_role(n.nspowner, 'USAGE') FROM pg_namespace AS n
WHERE starts_with(n.nspname, %s) ORDER BY n.nspname;

-- name: relations_of_schema
-- Tables first.
SELECT c.relname::text, c.relkind::text FROM pg_class AS c
WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind IN ('r', 'v')
ORDER BY c.relkind, c.relname;

-- name: rights_of_relation
-- What others than its owner may do with it.
SELECT a.grantee::regrole::text, a.privilege_type
FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a
WHERE c.oid = to_regclass(%s) AND a.grantee <> c.relowner AND a.grantee <> 0;

-- name: owner_of_relation
SELECT c.relowner::regrole::text, c.relowner = o.oid FROM pg_class AS c, pg_roles AS o
WHERE c.oid = to_regclass(%s) AND o.rolname = current_user;

-- name: turn_of_exchange
-- Two of them at once would both find that no tables are there.
SELECT pg_advisory_xact_lock(hashtextextended('jobstore: exchange', 0));

-- name: turn_of_schema
SELECT pg_try_advisory_lock(hashtextextended('jobstore: schema ' || %s, 0));

-- name: give_turn_of_schema
SELECT pg_advisory_unlock(hashtextextended('jobstore: schema ' || %s, 0));

-- name: place_of_roles
-- Who asks, where, what that role may do, and whose the store's tables are.
SELECT current_user::text, r.rolsuper, current_schema()::text, current_database()::text,
    pg_has_role(d.datdba, 'MEMBER'), pg_get_userbyid(c.relowner)::text
FROM pg_database AS d JOIN pg_roles AS r ON r.rolname = current_user
LEFT JOIN pg_class AS c
    ON c.relname = 'posting' AND c.relnamespace = current_schema()::regnamespace
WHERE d.datname = current_database();

-- name: might_of_role
-- Whether a role may do more than tables give it, or has the rights of another one.
SELECT r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls
    OR EXISTS (
        SELECT 1 FROM pg_roles AS o
        WHERE o.rolname = %s AND pg_has_role(r.oid, o.oid, 'MEMBER')
    )
FROM pg_roles AS r WHERE r.rolname = %s;

-- name: role_is_there
SELECT 1 FROM pg_roles AS r WHERE r.rolname = %s;

-- name: kinds_of_relations
SELECT c.relname::text, c.relkind = 'v', pg_get_userbyid(c.relowner)::text FROM pg_class AS c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY (%s)
ORDER BY c.relname;

-- name: schema_here
SELECT current_schema()::text;

-- The main statements as the server plans them. Which values are bound does not decide whether an
-- index can be used, so these stand for all.

-- name: plan_of_get
SELECT p.title FROM posting AS p WHERE p.id = ANY(ARRAY['00000000-0000-0000-0000-000000000000']::uuid[]);

-- name: plan_of_revisions
SELECT r.previous FROM revision AS r
WHERE r.id = '00000000-0000-0000-0000-000000000000'::uuid ORDER BY r.version DESC;

-- name: plan_of_search
SELECT p.title FROM posting AS p WHERE p.words @@ 'word'::tsquery;

-- name: plan_of_recent
SELECT p.title FROM posting AS p WHERE p.listed_at >= 0
ORDER BY p.listed_at DESC, p.listed_tie DESC, p.id DESC LIMIT 20;

-- name: plan_of_salaries
SELECT p.title FROM posting AS p WHERE p.yearly_max IS NOT NULL
ORDER BY p.yearly_max DESC, p.listed_at DESC, p.listed_tie DESC, p.id DESC LIMIT 20;

-- name: plan_of_applicants
SELECT p.title FROM posting AS p WHERE p.applicant_count IS NOT NULL
ORDER BY p.applicant_count DESC, p.listed_at DESC, p.listed_tie DESC, p.id DESC LIMIT 20;

-- name: plan_of_write
SELECT max(p.listed_tie) FROM posting AS p WHERE p.listed_at = 0;

-- name: plan_of_statistics
SELECT c.value FROM counter AS c WHERE c.kind = 'company'
ORDER BY c.amount DESC, c.value LIMIT 10;
