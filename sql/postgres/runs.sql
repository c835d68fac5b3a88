-- Statements on runs of scrapers, and on the postings of their scopes.

-- part: run
r.source, r.scope, r.ended_at, r.run, r.started_at, r.number, r.whole, r.state, r.seen,
    r.inserted, r.updated, r.unchanged, r.reopened, r.open_before, r.missed, r.closed, r.expired,
    r.verdict, r.actor

-- name: newest_runs
SELECT
    {run}
FROM scrape_run AS r ORDER BY r.ended_at DESC, r.run DESC LIMIT %s;

-- name: newest_runs_of_source
SELECT
    {run}
FROM scrape_run AS r WHERE r.source = %s ORDER BY r.ended_at DESC, r.run DESC LIMIT %s;

-- name: newest_runs_of_scope
SELECT
    {run}
FROM scrape_run AS r WHERE r.source = %s AND r.scope = %s
ORDER BY r.ended_at DESC, r.run DESC LIMIT %s;

-- What a run that ends has to know of those before it.
-- name: runs_that_count
SELECT
    {run}
FROM scrape_run AS r
WHERE r.source = %s AND r.scope = %s AND r.state IN ('complete', 'guarded', 'completing')
ORDER BY r.ended_at DESC, r.run DESC LIMIT %s;

-- name: complete_runs
SELECT
    {run}
FROM scrape_run AS r
WHERE r.source = %s AND r.scope = %s AND r.state = 'complete'
ORDER BY r.ended_at DESC, r.run DESC LIMIT %s;

-- Keeps others from changing the row of a run until the transaction ends.
-- name: hold_run
UPDATE scrape_run SET state = scrape_run.state
WHERE scrape_run.source = %s AND scrape_run.scope = %s AND scrape_run.ended_at = %s
    AND scrape_run.run = %s;

-- name: members_of_scope
SELECT m.id, m.missed_from, p.source, p.status, p.last_seen_at, p.expires_at
FROM scope_member AS m JOIN posting AS p ON p.id = m.id
WHERE m.source = %s AND m.scope = %s AND m.id > %s ORDER BY m.id LIMIT %s;

-- A posting that was removed meanwhile becomes no member, and none is removed before this stands.
-- Differs by necessity: several write to a server at once, so the posting is held.
-- name: put_member
INSERT INTO scope_member (source, scope, id, missed_from, digest)
SELECT CAST(%s AS text), CAST(%s AS text), p.id, CAST(%s AS bigint), CAST(%s AS bytea)
FROM posting AS p WHERE p.id = %s FOR KEY SHARE OF p
ON CONFLICT (source, scope, id) DO UPDATE SET
    missed_from = excluded.missed_from, digest = excluded.digest;

-- name: forget_member
DELETE FROM scope_member
WHERE scope_member.source = %s AND scope_member.scope = %s AND scope_member.id = %s;

-- What is older than a time, a part at a time: rows behind a key, in the order of keys.
-- name: old_runs
SELECT r.source, r.scope, r.ended_at, r.run FROM scrape_run AS r
WHERE (r.source, r.scope, r.ended_at, r.run) > (%s, %s, %s, %s) AND r.ended_at < %s
ORDER BY r.source, r.scope, r.ended_at, r.run LIMIT %s;

-- name: forget_runs
DELETE FROM scrape_run
WHERE scrape_run.source = %s AND scrape_run.scope = %s AND scrape_run.ended_at = %s
    AND scrape_run.run = %s;

-- name: events_since
SELECT e.at, e.detail FROM event AS e
WHERE e.id = %s AND e.kind = %s AND e.at > %s ORDER BY e.at;
