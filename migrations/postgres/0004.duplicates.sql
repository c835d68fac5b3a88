-- transactional: false
-- additive
--
-- What these are, and why, stands in migrations/sqlite/0015.duplicates.sql.
CREATE TABLE verdict (
    id      uuid   NOT NULL,
    other   uuid   NOT NULL,
    verdict text COLLATE "C" NOT NULL, -- 'same', 'different'
    at      bigint NOT NULL,
    actor   text COLLATE "C",
    digest  bytea  NOT NULL,
    PRIMARY KEY (id, other),
    CONSTRAINT digest CHECK (octet_length(digest) = 8)
);

CREATE TABLE link (
    id      uuid   NOT NULL,
    other   uuid   NOT NULL,
    verdict text COLLATE "C" NOT NULL, -- 'same', 'maybe'
    reasons text COLLATE "C" NOT NULL, -- a JSON array
    at      bigint NOT NULL,
    digest  bytea  NOT NULL,
    PRIMARY KEY (id, other),
    CONSTRAINT digest CHECK (octet_length(digest) = 8)
);

CREATE TABLE feature (
    id      uuid   NOT NULL PRIMARY KEY,
    version bigint NOT NULL,
    form    bigint NOT NULL,
    at      bigint NOT NULL,
    keys    text COLLATE "C" NOT NULL,
    given   text COLLATE "C" NOT NULL,
    digest  bytea  NOT NULL,
    CONSTRAINT digest CHECK (octet_length(digest) = 8)
);

CREATE TABLE block (
    key bigint NOT NULL,
    at  bigint NOT NULL,
    id  uuid   NOT NULL,
    PRIMARY KEY (key, at, id)
);

CREATE TABLE member (
    id     uuid   NOT NULL PRIMARY KEY,
    first  uuid   NOT NULL,
    number bigint NOT NULL,
    digest bytea  NOT NULL,
    CONSTRAINT digest CHECK (octet_length(digest) = 8)
);

CREATE INDEX member_number ON member (first, number);

CREATE TABLE follower (
    name   text COLLATE "C" NOT NULL PRIMARY KEY,
    at     bigint NOT NULL,
    id     uuid   NOT NULL,
    digest bytea  NOT NULL,
    CONSTRAINT digest CHECK (octet_length(digest) = 8)
);

CREATE INDEX CONCURRENTLY posting_updated ON posting (updated_at, id);
