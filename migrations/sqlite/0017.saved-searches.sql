-- additive
--
-- Searches that somebody saved, and which matches of each were acknowledged. Of a search "mark" is
-- the time up to which postings were looked through.
CREATE TABLE saved_search (
    name   TEXT    PRIMARY KEY,
    query  TEXT    NOT NULL,           -- a JSON object: the fields of a SearchQuery
    mark   INTEGER NOT NULL,
    digest BLOB    NOT NULL CHECK (length(digest) = 8)
) STRICT, WITHOUT ROWID;

CREATE TABLE seen_match (
    id     BLOB    NOT NULL,           -- the posting
    search TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    digest BLOB    NOT NULL CHECK (length(digest) = 8),
    PRIMARY KEY (id, search)
) STRICT, WITHOUT ROWID;

CREATE INDEX seen_match_search ON seen_match (search);
