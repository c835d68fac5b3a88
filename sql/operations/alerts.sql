-- What alerts remember: which rules fire, who was notified, what has still to arrive.

-- name: alerts
SELECT a.rule, a.firing, a.since, a.turning_since, a.notified, a.notified_at, a.value, a.text
FROM alert AS a;

-- name: put_alert
INSERT INTO alert (rule, firing, since, turning_since, notified, notified_at, value, text)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (rule) DO UPDATE SET
    firing = excluded.firing, since = excluded.since, turning_since = excluded.turning_since,
    notified = excluded.notified, notified_at = excluded.notified_at,
    value = excluded.value, text = excluded.text;

-- name: drop_alert
DELETE FROM alert WHERE alert.rule = ?;

-- name: put_silence
INSERT INTO silence (rule, reason, starts_at, ends_at) VALUES (?, ?, ?, ?) RETURNING silence.id;

-- name: lift_silence
UPDATE silence SET ends_at = :now WHERE silence.id = :id AND silence.ends_at > :now;

-- name: silences
SELECT s.id, s.rule, s.reason, s.starts_at, s.ends_at
FROM silence AS s
WHERE s.starts_at <= ? AND s.ends_at > ?
ORDER BY s.id;

-- name: put_notification
INSERT INTO notice (id, kind, rule, severity, at, value, text, advice, muted)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
RETURNING notice.number;

-- name: put_delivery
INSERT INTO delivery (notice, sink, attempts, next_at) VALUES (?, ?, 0, ?);

-- name: supersede
DELETE FROM delivery
WHERE delivery.sink = ? AND delivery.delivered_at IS NULL AND delivery.notice IN (
    SELECT n.number FROM notice AS n WHERE n.rule = ? AND n.kind = 'repeated'
);

-- name: due
SELECT d.notice, d.sink, d.attempts, n.id, n.kind, n.rule, n.severity, n.at, n.value, n.text,
    n.advice, n.muted
FROM delivery AS d
JOIN notice AS n ON n.number = d.notice
WHERE d.delivered_at IS NULL AND (d.next_at <= ? OR d.next_at > ?)
ORDER BY d.notice;

-- name: claim
UPDATE delivery SET attempts = delivery.attempts + 1, next_at = ?
WHERE delivery.notice = ? AND delivery.sink = ?;

-- name: release
UPDATE delivery SET attempts = delivery.attempts - 1, next_at = ?
WHERE delivery.notice = ? AND delivery.sink = ?;

-- name: delivered
UPDATE delivery SET delivered_at = ?, error = NULL
WHERE delivery.notice = ? AND delivery.sink = ?;

-- name: failed
UPDATE delivery SET next_at = ?, error = ?
WHERE delivery.notice = ? AND delivery.sink = ?;

-- name: undelivered
SELECT n.id, n.rule, n.kind, d.sink, d.attempts, d.next_at, d.error
FROM delivery AS d
JOIN notice AS n ON n.number = d.notice
WHERE d.delivered_at IS NULL
ORDER BY d.notice, d.sink;

-- name: notifications
SELECT n.id, n.kind, n.rule, n.severity, n.at, n.value, n.text, n.advice, n.muted
FROM notice AS n
WHERE n.at >= ?
ORDER BY n.number DESC
LIMIT ?;

-- name: prune_notifications
DELETE FROM notice
WHERE notice.at < ? AND NOT EXISTS (
    SELECT 1 FROM delivery AS d WHERE d.notice = notice.number AND d.delivered_at IS NULL
);

-- name: prune_deliveries
DELETE FROM delivery
WHERE delivery.delivered_at IS NULL
    AND delivery.sink NOT IN (SELECT j.value FROM json_each(?) AS j)
    AND delivery.notice IN (SELECT n.number FROM notice AS n WHERE n.at < ?);

-- name: prune_silences
DELETE FROM silence WHERE silence.ends_at < ?;
