-- What the schedule remembers of each task. Times are Unix times in seconds.
--
-- ``slot`` is the time at which the task was due when it was last settled, ``tried`` the one that
-- was last tried, ``failures`` how often that has not succeeded, and ``retry_at`` when it may be
-- tried again. The others are about the last run.

-- name: schema
CREATE TABLE IF NOT EXISTS task (
    name TEXT NOT NULL PRIMARY KEY,
    slot INTEGER NOT NULL,
    tried INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    retry_at REAL NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    started_at REAL NOT NULL,
    ended_at REAL,
    process INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- name: tasks
SELECT t.name, t.slot, t.tried, t.failures, t.retry_at, t.outcome, t.detail, t.started_at,
    t.ended_at, t.process
FROM task AS t;

-- name: put_task
INSERT OR REPLACE INTO task (
    name, slot, tried, failures, retry_at, outcome, detail, started_at, ended_at, process
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
