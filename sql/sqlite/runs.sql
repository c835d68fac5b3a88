-- Statements on runs of scrapers, and on the postings of their scopes.

-- part: run
r.source, r.scope, r.ended_at, r.run, r.started_at, r.number, r.whole, r.state, r.seen,
    r.inserted, r.updated, r.unchanged, r.reopened, r.open_before, r.missed, r.closed, r.expired,
    r.verdict, r.actor

-- name: newest_runs
SELECT
    {run}
FROM scrape_run AS r ORDER BY r.ended_at DESC, r.run DESC LIMIT ?;

-- name: newest_runs_of_source
SELECT
    {run}
FROM scrape_run AS r WHERE r.source = ? ORDER BY r.ended_at DESC, r.run DESC LIMIT ?;

-- name: newest_runs_of_scope
SELECT
    {run}
FROM scrape_run AS r WHERE r.source = ? AND r.scope = ?
ORDER BY r.ended_at DESC, r.run DESC LIMIT ?;

-- What a run that ends has to know of those before it.
-- name: runs_that_count
SELECT
    {run}
FROM scrape_run AS r
WHERE r.source = ? AND r.scope = ? AND r.state IN ('complete', 'guarded', 'completing')
ORDER BY r.ended_at DESC, r.run DESC LIMIT ?;

-- name: complete_runs
SELECT
    {run}
FROM scrape_run AS r
WHERE r.source = ? AND r.scope = ? AND r.state = 'complete'
ORDER BY r.ended_at DESC, r.run DESC LIMIT ?;

-- Keeps others from changing the row of a run until the transaction ends.
-- name: hold_run
UPDATE scrape_run SET state = scrape_run.state
WHERE scrape_run.source = ? AND scrape_run.scope = ? AND scrape_run.ended_at = ?
    AND scrape_run.run = ?;

-- name: members_of_scope
SELECT m.id, m.missed_from, p.source, p.status, p.last_seen_at, p.expires_at
FROM scope_member AS m JOIN posting AS p ON p.id = m.id
WHERE m.source = ? AND m.scope = ? AND m.id > ? ORDER BY m.id LIMIT ?;

-- A posting that was removed meanwhile becomes no member.
-- name: put_member
INSERT INTO scope_member (source, scope, id, missed_from, digest)
SELECT ?, ?, p.id, ?, ?
FROM posting AS p WHERE p.id = ?
ON CONFLICT (source, scope, id) DO UPDATE SET
    missed_from = excluded.missed_from, digest = excluded.digest;

-- name: forget_member
DELETE FROM scope_member
WHERE scope_member.source = ? AND scope_member.scope = ? AND scope_member.id = ?;

-- What is older than a time, a part at a time: rows behind a key, in the order of keys.
-- name: old_runs
SELECT r.source, r.scope, r.ended_at, r.run FROM scrape_run AS r
WHERE (r.source, r.scope, r.ended_at, r.run) > (?, ?, ?, ?) AND r.ended_at < ?
ORDER BY r.source, r.scope, r.ended_at, r.run LIMIT ?;

-- name: forget_runs
DELETE FROM scrape_run
WHERE scrape_run.source = ? AND scrape_run.scope = ? AND scrape_run.ended_at = ?
    AND scrape_run.run = ?;

-- name: events_since
SELECT e.at, e.detail FROM event AS e
WHERE e.id = ? AND e.kind = ? AND e.at > ? ORDER BY e.at;
