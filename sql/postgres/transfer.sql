-- What carries postings out of a store and into another one.

-- name: place
-- What tells this database, and the schema in it, from others; a standby has the same.
SELECT concat_ws(
    ':',
    (SELECT c.system_identifier FROM pg_control_system() AS c),
    (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()),
    (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = current_schema())
);

-- name: close_postings
-- Nobody writes a posting without this table; who reads goes on.
LOCK TABLE posting IN SHARE ROW EXCLUSIVE MODE;

-- name: count_postings
SELECT count(*) FROM posting AS p;

-- part: mark
p.listed_at, p.listed_tie, p.id, p.digest, p.seen_digest,
(
    SELECT string_agg(r.digest, ''::bytea ORDER BY r.version) FROM revision AS r WHERE r.id = p.id
)

-- name: marks_after
SELECT {mark}, p.first_seen_at, p.last_seen_at FROM posting AS p
WHERE (p.listed_at, p.listed_tie, p.id) > (%s, %s, %s)
ORDER BY p.listed_at, p.listed_tie, p.id LIMIT %s;

-- name: marks_of
SELECT {mark} FROM posting AS p WHERE p.id = ANY(%s);

-- name: carried_postings
SELECT
    p.id, p.version, p.status, p.source, p.source_job_id, p.title, p.company, p.location,
    p.locations, p.country, p.workplace, p.employment_type, p.experience_level, p.industry,
    p.skills, p.salary_min, p.salary_max, p.salary_currency, p.salary_period, p.salary_text, p.url,
    p.applicant_count, p.posted_at, p.expires_at, p.first_seen_at, p.last_seen_at,
    p.apply_url, p.company_url, p.company_size, p.updated_at, p.closed_at,
    p.description, p.plain, p.attributes,
    NULL, p.listed_at, p.listed_tie, p.yearly_min, p.yearly_max, p.digest, p.seen_digest
FROM posting AS p WHERE p.id = ANY(%s);

-- name: carried_revisions
SELECT r.id, r.version, r.changed_at, r.previous, r.digest FROM revision AS r
WHERE r.id = ANY(%s) ORDER BY r.id, r.version;

-- name: carried_counters
SELECT c.kind, c.value, sum(c.amount)::bigint FROM (
    SELECT k.kind, k.value, k.amount FROM counter AS k
    UNION ALL
    SELECT d.kind, d.value, d.amount FROM counter_delta AS d
) AS c WHERE c.kind <> 'quartiles'
GROUP BY c.kind, c.value HAVING sum(c.amount) <> 0;

-- name: store_property
SELECT s.value FROM store_property AS s WHERE s.name = %s;

-- name: property_to_write
-- Two who write it wait for each other.
SELECT s.value FROM store_property AS s WHERE s.name = %s FOR UPDATE;

-- name: write_property
INSERT INTO store_property AS s (name, value) VALUES (%s, %s)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;
