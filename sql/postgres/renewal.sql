-- Building anew, while others write, what follows from the postings. Each row says in which form it
-- was derived, so nothing else has to be kept of how far that is.

-- name: ids_after
SELECT p.id FROM posting AS p WHERE p.id > %s ORDER BY p.id LIMIT %s;

-- name: stale_ids
SELECT p.id FROM posting AS p WHERE p.form < %s AND p.id > %s ORDER BY p.id LIMIT %s;

-- name: forms
SELECT count(*) FILTER (WHERE p.form >= %s), count(*) FROM posting AS p;

-- name: revisions_after
SELECT r.id, r.version, r.changed_at, r.previous, r.digest FROM revision AS r
WHERE (r.id, r.version) > (%s, %s) ORDER BY r.id, r.version LIMIT %s;

-- name: write_revision_digests
UPDATE revision AS r SET digest = n.digest
FROM json_populate_recordset(NULL::revision, %s::json) AS n
WHERE r.id = n.id AND r.version = n.version;

-- name: turn_to_recount
-- Two would both append what they find lacking. This takes no snapshot, and writers go on.
LOCK TABLE counter IN SHARE UPDATE EXCLUSIVE MODE;
