-- Statements on the history of postings.

-- What is known of the life of one posting, as of one moment, with so many of its versions, the newest
-- ones. The row of part 0 is the posting; that of part 3 tells when the others were made at the latest.
-- name: history_of
SELECT 0 AS part, p.version AS number, p.opened_at AS at, '' AS kind, NULL AS text,
    p.opened_by AS actor, p.opened_run AS run
FROM posting AS p WHERE p.id = %s
UNION ALL
SELECT 1, r.version, r.changed_at, '', r.previous, NULL, NULL
FROM posting AS p JOIN revision AS r ON r.id = p.id AND r.version > p.version - %s WHERE p.id = %s
UNION ALL
SELECT 2, 0, e.at, e.kind, e.detail, e.actor, e.run FROM event AS e WHERE e.id = %s
UNION ALL
SELECT 2, 0, d.at, 'deleted', '{{}}', d.actor, d.run FROM deletion AS d WHERE d.id = %s
UNION ALL
SELECT 3, 0, max(r.changed_at), '', NULL, NULL, NULL
FROM posting AS p JOIN revision AS r ON r.id = p.id AND r.version <= p.version - %s WHERE p.id = %s
GROUP BY r.id;

-- What a run did, a part at a time. Reads the whole history: who wrote stands in it as JSON alone.
-- name: revisions_of_run
SELECT r.id, r.version, r.changed_at, r.previous FROM revision AS r
WHERE (r.id, r.version) > (%s, %s) AND strpos(r.previous, %s) > 0 ORDER BY r.id, r.version LIMIT %s;

-- What is older than a time, a part at a time: rows behind a key, in the order of keys.
-- name: old_revisions
SELECT r.id, r.version FROM revision AS r
WHERE (r.id, r.version) > (%s, %s) AND r.changed_at < %s ORDER BY r.id, r.version LIMIT %s;

-- name: old_events
SELECT e.id, e.at, e.digest FROM event AS e
WHERE (e.id, e.at, e.digest) > (%s, %s, %s) AND e.at < %s ORDER BY e.id, e.at, e.digest LIMIT %s;

-- name: old_deletions
SELECT d.id, d.at FROM deletion AS d
WHERE (d.id, d.at) > (%s, %s) AND d.at < %s ORDER BY d.id, d.at LIMIT %s;

-- name: forget_revisions
DELETE FROM revision WHERE revision.id = %s AND revision.version = %s;

-- name: forget_events
DELETE FROM event WHERE event.id = %s AND event.at = %s AND event.digest = %s;

-- name: forget_deletions
DELETE FROM deletion WHERE deletion.id = %s AND deletion.at = %s;
