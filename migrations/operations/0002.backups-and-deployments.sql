-- How backups, restore tests and deployments of the store went. Lists and whatever is only shown
-- are JSON.

-- The latest attempt at a backup: the backup's name, or why there is none. `failures` gives the
-- places without a copy, with the reasons; `store` tells the store's backups from those of others.
CREATE TABLE backup_attempt (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at REAL NOT NULL,
    backup TEXT,
    error TEXT,
    failures TEXT NOT NULL CHECK (json_valid(failures)),
    store TEXT,
    CHECK ((backup IS NULL) <> (error IS NULL))
) STRICT;
CREATE TABLE restore_test (
    number INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    backup TEXT,
    place TEXT,
    ok INTEGER NOT NULL CHECK (ok = (error IS NULL)),
    error TEXT,
    seconds REAL NOT NULL,
    age_seconds REAL,
    postings INTEGER,
    faults TEXT NOT NULL CHECK (json_valid(faults))
) STRICT;

-- The highest counter that was seen of each store's signed backups. It never goes back, so that
-- nobody can pass off an old backup as the newest.
CREATE TABLE backup_counter (
    store TEXT NOT NULL PRIMARY KEY,
    highest INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Deployments, and returns to earlier ones; `record` is all that is known of one.
CREATE TABLE deployment (
    number INTEGER PRIMARY KEY CHECK (number > 0),
    record TEXT NOT NULL CHECK (
        json_extract(record, '$.status') IN ('running', 'succeeded', 'failed', 'interrupted')
    )
) STRICT;
