-- What monitoring, alerts and the schedule remember of a store, beside it and never in it.
--
-- Times are Unix times in seconds. No posting, no address and no secret is kept here.

-- "JOPS" as the file's application id, so that another program's database is recognised.
PRAGMA application_id = 1246711891;

-- The history of what a store was asked. Everything counted is added to its minute, its hour and
-- its day as it is written, so that no roll-up can be missed, run twice or race another process.
-- `period` is the length in seconds; 1 is a sample of one process as it was taken, 0 all that was
-- ever counted. `process` is 0 but in samples.
CREATE TABLE process (
    id INTEGER PRIMARY KEY,
    pid INTEGER NOT NULL,
    started_micros INTEGER NOT NULL,
    label TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    ended INTEGER NOT NULL CHECK (ended IN (0, 1)),
    UNIQUE (pid, started_micros)
) STRICT;
CREATE TABLE tally (
    period INTEGER NOT NULL CHECK (period IN (0, 1, 60, 3600, 86400)),
    starts_at INTEGER NOT NULL,
    process INTEGER NOT NULL,
    operation TEXT NOT NULL,
    measure TEXT NOT NULL,
    detail TEXT NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (period, starts_at, process, operation, measure, detail)
) STRICT, WITHOUT ROWID;
CREATE TABLE level (
    period INTEGER NOT NULL CHECK (period IN (1, 60, 3600, 86400)),
    starts_at INTEGER NOT NULL,
    process INTEGER NOT NULL,
    name TEXT NOT NULL,
    readings INTEGER NOT NULL,
    total INTEGER NOT NULL,
    lowest INTEGER NOT NULL,
    highest INTEGER NOT NULL,
    latest INTEGER NOT NULL,
    PRIMARY KEY (period, starts_at, process, name)
) STRICT, WITHOUT ROWID;

-- How each rule of alerts stands.
CREATE TABLE alert (
    rule TEXT NOT NULL PRIMARY KEY,
    firing INTEGER NOT NULL CHECK (firing IN (0, 1)),
    since REAL NOT NULL,
    well_since REAL,
    told INTEGER NOT NULL CHECK (told IN (0, 1)),
    told_at REAL,
    value REAL,
    text TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE silence (
    id INTEGER PRIMARY KEY,
    rule TEXT NOT NULL,
    reason TEXT NOT NULL,
    starts_at REAL NOT NULL,
    ends_at REAL NOT NULL
) STRICT;

-- What was told of alerts, and what is still to arrive where.
CREATE TABLE notice (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    rule TEXT NOT NULL,
    severity TEXT NOT NULL,
    at REAL NOT NULL,
    value REAL,
    text TEXT NOT NULL,
    advice TEXT NOT NULL,
    muted TEXT NOT NULL
) STRICT;
CREATE TABLE delivery (
    notice INTEGER NOT NULL REFERENCES notice (number) ON DELETE CASCADE,
    sink TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at REAL NOT NULL,
    delivered_at REAL,
    error TEXT,
    PRIMARY KEY (notice, sink)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_waiting ON delivery (next_at) WHERE delivered_at IS NULL;

-- What the schedule did last. `slot` is the time at which the task was due when it was last
-- settled, `tried` the one that was last tried, `failures` how often that has not succeeded, and
-- `retry_at` when it may be tried again. The others are about the last run.
CREATE TABLE task (
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
