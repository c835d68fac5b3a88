ALTER TABLE level RENAME TO level_without;
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
-- What the mean was is not known any more.
INSERT INTO level (
    period, starts_at, process, name, readings, total, lowest, highest, latest
)
SELECT l.period, l.starts_at, l.process, l.name, 1, l.latest, l.lowest, l.highest, l.latest
FROM level_without AS l;
DROP TABLE level_without;
