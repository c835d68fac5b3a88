-- additive
--
-- Runs of scrapers, as they ended. scope is '' for all of a source; number is how many runs of the
-- scope had counted what they missed by then, this one included.
CREATE TABLE scrape_run (
    source      TEXT    NOT NULL,
    scope       TEXT    NOT NULL,
    ended_at    INTEGER NOT NULL,
    run         TEXT    NOT NULL,
    started_at  INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    whole       INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    seen        INTEGER NOT NULL,
    inserted    INTEGER NOT NULL,
    updated     INTEGER NOT NULL,
    unchanged   INTEGER NOT NULL,
    reopened    INTEGER NOT NULL,
    open_before INTEGER NOT NULL,
    missed      INTEGER NOT NULL,
    closed      INTEGER NOT NULL,
    expired     INTEGER NOT NULL,
    verdict     TEXT    NOT NULL,
    actor       TEXT,
    digest      BLOB    NOT NULL CHECK (length(digest) = 8),
    PRIMARY KEY (source, scope, ended_at, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX scrape_run_newest ON scrape_run (ended_at, run);

-- The postings that belong to a scope. missed_from is the number of the first of the runs that
-- missed it one after another, NULL where the last one saw it: so a run writes only what changes,
-- and one that is repeated counts once.
CREATE TABLE scope_member (
    source      TEXT    NOT NULL,
    scope       TEXT    NOT NULL,
    id          BLOB    NOT NULL,
    missed_from INTEGER,
    digest      BLOB    NOT NULL CHECK (length(digest) = 8),
    PRIMARY KEY (source, scope, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX scope_member_id ON scope_member (id);
