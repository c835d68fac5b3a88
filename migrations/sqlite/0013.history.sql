-- additive
--
-- When each posting was first stored, by whom, and in which run: NULL in rows that are older. It is
-- no row of its own, since that would cost each insert a page of another table; and it has a hash of
-- its own, so that programs of the version before, which do not know it, keep the others right.
-- Who made later versions stands in revision.previous, whose hash covers it already.
ALTER TABLE posting ADD COLUMN opened_at INTEGER;
ALTER TABLE posting ADD COLUMN opened_by TEXT;
ALTER TABLE posting ADD COLUMN opened_run TEXT;
ALTER TABLE posting ADD COLUMN opened_digest BLOB CHECK (length(opened_digest) = 8);

-- What happens to a posting and changes no content. The same event at the same time is one. Columns
-- of the key come first: integrity_check of SQLite 3.40 takes others for NULL otherwise.
CREATE TABLE event (
    id     BLOB    NOT NULL,
    at     INTEGER NOT NULL,
    digest BLOB    NOT NULL CHECK (length(digest) = 8),
    kind   TEXT    NOT NULL,
    detail TEXT    NOT NULL,           -- a JSON object
    actor  TEXT,
    run    TEXT,
    PRIMARY KEY (id, at, digest)
) STRICT, WITHOUT ROWID;

-- That a posting was removed: this stays when it is gone, and says nothing of its content.
CREATE TABLE deletion (
    id     BLOB    NOT NULL,
    at     INTEGER NOT NULL,
    actor  TEXT,
    run    TEXT,
    digest BLOB    NOT NULL CHECK (length(digest) = 8),
    PRIMARY KEY (id, at)
) STRICT, WITHOUT ROWID;
