-- What the schedule remembers of each task.

-- name: tasks
SELECT t.name, t.slot, t.tried, t.failures, t.retry_at, t.outcome, t.detail, t.started_at,
    t.ended_at, t.process
FROM task AS t
-- Others have times that no calendar has: those end with the year 8999.
WHERE min(t.slot, t.tried, t.retry_at, t.started_at, coalesce(t.ended_at, 0)) >= 0
    AND max(t.slot, t.tried, t.retry_at, t.started_at, coalesce(t.ended_at, 0)) < 221845392000;

-- name: put_task
INSERT OR REPLACE INTO task (
    name, slot, tried, failures, retry_at, outcome, detail, started_at, ended_at, process
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: task_times
SELECT max(t.started_at, coalesce(t.ended_at, 0)) FROM task AS t;
