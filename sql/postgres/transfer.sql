-- What carries postings out of a store and into another one.

-- name: place
-- What tells this database, and the schema in it, from others; a standby has the same.
SELECT concat_ws(
    ':',
    (SELECT c.system_identifier FROM pg_control_system() AS c),
    (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()),
    (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = current_schema())
);

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

-- name: carried_revisions
SELECT r.id, r.version, r.changed_at, r.previous, r.digest FROM revision AS r
WHERE r.id = ANY(%s) ORDER BY r.id, r.version;

-- name: store_property
SELECT s.value FROM store_property AS s WHERE s.name = %s;

-- name: property_to_write
-- Two who write it wait for each other.
SELECT s.value FROM store_property AS s WHERE s.name = %s FOR UPDATE;

-- name: write_property
INSERT INTO store_property AS s (name, value) VALUES (%s, %s)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: drop_property
DELETE FROM store_property AS s WHERE s.name = %s;
