-- additive
-- What follows from the postings is built anew in small steps, while others write. These tables
-- hold how far that is, and what has to be made up for; triggers fill renewal_change, and stand
-- only as long as a renewal does (sql/sqlite/renewal.sql).

-- One row while a renewal runs, and until programs of the version before may no longer go on.
CREATE TABLE renewal (
    form        INTEGER PRIMARY KEY,   -- what is being built, or was
    earlier     INTEGER NOT NULL,      -- the form that the store has, or had
    stage       TEXT    NOT NULL,
    -- The index that is being built knows the postings from this place on.
    place       INTEGER NOT NULL,
    -- How far the other stages are: the key of what was done last.
    at_first    ANY     NOT NULL,
    at_second   ANY     NOT NULL,
    done        INTEGER NOT NULL,      -- postings
    total       INTEGER NOT NULL,
    switched_at INTEGER,               -- Unix time
    -- Whether programs of the new version have written; the old index does not know of it.
    written     INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT stage CHECK (
        stage = 'postings' OR stage = 'revisions' OR stage = 'counters' OR stage = 'kept'
    )
) STRICT;

-- Postings that somebody changed meanwhile, as the index that is being built knows them.
CREATE TABLE renewal_change (
    number INTEGER PRIMARY KEY,
    id     BLOB    NOT NULL UNIQUE,
    place  INTEGER,                    -- NULL where the index does not have it
    was    TEXT                        -- a JSON array of what the posting said
) STRICT;
CREATE INDEX renewal_change_place ON renewal_change (place) WHERE place IS NOT NULL;

-- The counts of the postings that the index knows, to be compared with table counter.
CREATE TABLE renewal_counter (
    kind   TEXT    NOT NULL,
    value  TEXT    NOT NULL,
    label  TEXT    NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;
