-- additive
--
-- What these are, and why, stands in migrations/sqlite/0017.saved-searches.sql.
CREATE TABLE saved_search (
    name   text COLLATE "C" PRIMARY KEY,
    query  text COLLATE "C" NOT NULL, -- a JSON object: the fields of a SearchQuery
    mark   bigint NOT NULL,
    digest bytea  NOT NULL,
    CONSTRAINT digest CHECK (octet_length(digest) = 8)
);

CREATE TABLE seen_match (
    id     uuid   NOT NULL, -- the posting
    search text COLLATE "C" NOT NULL,
    at     bigint NOT NULL,
    digest bytea  NOT NULL,
    PRIMARY KEY (id, search),
    CONSTRAINT digest CHECK (octet_length(digest) = 8)
);

CREATE INDEX seen_match_search ON seen_match (search);
