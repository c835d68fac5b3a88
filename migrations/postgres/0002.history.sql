-- additive
--
-- What these are, and why, stands in migrations/sqlite/0013.history.sql. Columns without a default
-- are added without a look at any row, and so is a rule on a column that is new.
ALTER TABLE posting ADD COLUMN opened_at bigint;
ALTER TABLE posting ADD COLUMN opened_by text COLLATE "C";
ALTER TABLE posting ADD COLUMN opened_run text COLLATE "C";
ALTER TABLE posting ADD COLUMN opened_digest bytea;

CREATE TABLE event (
    id     uuid   NOT NULL,
    at     bigint NOT NULL,
    kind   text COLLATE "C" NOT NULL,
    detail text COLLATE "C" NOT NULL, -- a JSON object
    actor  text COLLATE "C",
    run    text COLLATE "C",
    digest bytea  NOT NULL,
    PRIMARY KEY (id, at, digest),
    CONSTRAINT digest CHECK (octet_length(digest) = 8)
);

CREATE TABLE deletion (
    id     uuid   NOT NULL,
    at     bigint NOT NULL,
    actor  text COLLATE "C",
    run    text COLLATE "C",
    digest bytea  NOT NULL,
    PRIMARY KEY (id, at),
    CONSTRAINT digest CHECK (octet_length(digest) = 8)
);
