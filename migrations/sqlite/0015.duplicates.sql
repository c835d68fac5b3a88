-- additive
--
-- What somebody says that two postings are to each other; each pair stands under both, so that one
-- look at a key finds all of a posting.
CREATE TABLE verdict (
    id      BLOB    NOT NULL,
    other   BLOB    NOT NULL,
    verdict TEXT    NOT NULL,          -- 'same', 'different'
    at      INTEGER NOT NULL,
    actor   TEXT,
    digest  BLOB    NOT NULL CHECK (length(digest) = 8),
    PRIMARY KEY (id, other)
) STRICT, WITHOUT ROWID;

-- The tables below follow from the postings and from verdict, and are built anew where they are gone.

-- What the rules say, where it is 'same' or 'maybe'. Each pair stands under both here, too.
CREATE TABLE link (
    id      BLOB    NOT NULL,
    other   BLOB    NOT NULL,
    verdict TEXT    NOT NULL,
    reasons TEXT    NOT NULL,          -- a JSON array
    at      INTEGER NOT NULL,
    digest  BLOB    NOT NULL CHECK (length(digest) = 8),
    PRIMARY KEY (id, other)
) STRICT, WITHOUT ROWID;

-- What is kept of a posting to compare it with others.
CREATE TABLE feature (
    id      BLOB    PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,          -- of the posting as it was read
    form    INTEGER NOT NULL,          -- of the rules
    at      INTEGER NOT NULL,          -- first_seen_at
    keys    TEXT    NOT NULL,          -- a JSON array of what stands in block
    given   TEXT    NOT NULL,          -- a JSON array
    digest  BLOB    NOT NULL CHECK (length(digest) = 8)
) STRICT, WITHOUT ROWID;

-- By which postings are looked up that may be the same. Nothing in it tells what a posting says.
CREATE TABLE block (
    key INTEGER NOT NULL,
    at  INTEGER NOT NULL,
    id  BLOB    NOT NULL,
    PRIMARY KEY (key, at, id)
) STRICT, WITHOUT ROWID;

-- The groups of postings that are the same opening; the group has the id of its first.
CREATE TABLE member (
    id     BLOB    PRIMARY KEY NOT NULL,
    first  BLOB    NOT NULL,
    number INTEGER NOT NULL,           -- in the group, from 0 on
    digest BLOB    NOT NULL CHECK (length(digest) = 8)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_number ON member (first, number);

-- How far those have got that go through changed postings.
CREATE TABLE follower (
    name   TEXT    PRIMARY KEY NOT NULL,
    at     INTEGER NOT NULL,           -- updated_at and id of the last one
    id     BLOB    NOT NULL,
    digest BLOB    NOT NULL CHECK (length(digest) = 8)
) STRICT, WITHOUT ROWID;

CREATE INDEX posting_updated ON posting (updated_at, id);
