-- A store beside an earlier state of it, which is attached as `earlier`. Only columns of the first
-- migration are named, since the two may differ in the others.

-- name: count_postings
SELECT count(*) FROM posting AS p;

-- name: newer_postings
SELECT
    count(*) FILTER (WHERE e.id IS NULL),
    count(*) FILTER (WHERE p.version <> e.version OR p.updated_at <> e.updated_at),
    count(*) FILTER (
        WHERE p.version = e.version AND p.updated_at = e.updated_at
        AND (p.last_seen_at <> e.last_seen_at OR p.first_seen_at <> e.first_seen_at)
    )
FROM main.posting AS p
LEFT JOIN earlier.posting AS e ON e.id = p.id;

-- name: posting_of_earlier
SELECT e.id FROM earlier.posting AS e LIMIT 1;

-- name: removed_postings
SELECT count(*) FROM earlier.posting AS e
WHERE NOT EXISTS (SELECT 1 FROM main.posting AS p WHERE p.id = e.id);

-- What the earlier state, which is that of a moment, should have as the store has it: what was
-- last written and seen before. Both have the same schema.
-- name: astray_postings
SELECT
    count(*) FILTER (WHERE e.id IS NULL),
    count(*) FILTER (
        WHERE p.version <> e.version OR p.updated_at <> e.updated_at
        OR p.first_seen_at <> e.first_seen_at OR p.last_seen_at <> e.last_seen_at
        OR p.digest IS NOT e.digest OR p.seen_digest IS NOT e.seen_digest
    ),
    count(*)
FROM main.posting AS p
LEFT JOIN earlier.posting AS e ON e.id = p.id
WHERE max(p.first_seen_at, p.last_seen_at, p.updated_at) < ?;

-- name: later_postings
SELECT count(*) FROM earlier.posting AS e
WHERE max(e.first_seen_at, e.last_seen_at, e.updated_at) >= ?;
