-- The history of what a store was asked.

-- name: put_process
INSERT INTO process (pid, started_micros, label, seen_at, ended)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT (pid, started_micros) DO UPDATE SET
    seen_at = excluded.seen_at,
    ended = excluded.ended
RETURNING process.id;

-- name: add_tally
INSERT INTO tally (period, starts_at, process, operation, measure, detail, amount)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET amount = tally.amount + excluded.amount;

-- name: add_level
INSERT INTO level (period, starts_at, process, name, lowest, highest, latest)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    lowest = min(level.lowest, excluded.lowest),
    highest = max(level.highest, excluded.highest),
    latest = excluded.latest;

-- name: prune_tally
DELETE FROM tally WHERE tally.period = ? AND tally.starts_at < ?;

-- name: prune_level
DELETE FROM level WHERE level.period = ? AND level.starts_at < ?;

-- name: prune_process
DELETE FROM process WHERE process.seen_at < ?;

-- name: tallies_of_processes
SELECT t.process, t.operation, t.measure, t.detail, sum(t.amount)
FROM tally AS t
WHERE t.period = 1 AND t.starts_at > ? AND t.starts_at <= ?
GROUP BY t.process, t.operation, t.measure, t.detail;

-- name: tallies_of_steps
SELECT t.starts_at - (t.starts_at % :step) AS step, t.operation, t.measure, t.detail, sum(t.amount)
FROM tally AS t
WHERE t.period = :period AND t.starts_at >= :since AND t.starts_at < :until
GROUP BY step, t.operation, t.measure, t.detail;

-- name: levels_of_steps
SELECT v.starts_at - (v.starts_at % :step) AS step, v.name, min(v.lowest), max(v.highest)
FROM level AS v
WHERE v.period = :period AND v.starts_at >= :since AND v.starts_at < :until
GROUP BY step, v.name;

-- name: tallies_ever
SELECT t.starts_at, t.operation, t.measure, t.detail, t.amount
FROM tally AS t
WHERE t.period = 0;

-- name: processes
SELECT p.id, p.pid, p.started_micros, p.label, p.seen_at, p.ended
FROM process AS p
WHERE p.seen_at > ?
ORDER BY p.started_micros, p.pid;

-- name: latest_levels
SELECT v.process, v.name, v.latest
FROM level AS v
WHERE v.period = 1 AND v.starts_at > ? AND v.starts_at <= ?
ORDER BY v.starts_at;
