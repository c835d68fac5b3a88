-- Postings, their texts, the full-text index over them and the counts of them.
--
-- Tables hold what a program needs: ids as bytes, times as microseconds since 1970 in UTC,
-- decimals as text.

-- "JOBS" as the file's application id, so that another program's database is recognised.
PRAGMA application_id = 1246708307;

-- The columns a search reads, and no long text: a page of results touches few disk pages.
CREATE TABLE posting (
    -- The position in the order of listing: sorting by place is sorting by
    -- (listed_at, listed_tie). The full-text index uses it as its rowid, so that reading the
    -- index backwards gives the newest matches first and can stop early.
    place            INTEGER PRIMARY KEY,
    id               BLOB    NOT NULL CHECK (length(id) = 16),
    -- posted_at, or first_seen_at where the source gave no date; ties in order of arrival.
    listed_at        INTEGER NOT NULL,
    listed_tie       INTEGER NOT NULL,
    version          INTEGER NOT NULL CHECK (version >= 1),
    status           TEXT    NOT NULL,
    source           TEXT    NOT NULL,
    source_job_id    TEXT    NOT NULL,
    title            TEXT    NOT NULL,
    company          TEXT    NOT NULL,
    location         TEXT,
    country          TEXT,
    workplace        TEXT,
    employment_type  TEXT,
    experience_level TEXT,
    industry         TEXT,
    company_size     TEXT,
    skills           TEXT,             -- a JSON array of texts
    salary_min       TEXT,             -- exact decimals
    salary_max       TEXT,
    salary_currency  TEXT,
    salary_period    TEXT,
    salary_text      TEXT,
    -- The salary's range as amounts per year; both or neither are set.
    yearly_min       REAL,
    yearly_max       REAL,
    url              TEXT,
    apply_url        TEXT,
    company_url      TEXT,
    applicant_count  INTEGER,
    posted_at        INTEGER,
    expires_at       INTEGER,
    first_seen_at    INTEGER NOT NULL,
    last_seen_at     INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    closed_at        INTEGER
) STRICT;

-- The id is derived from (source, source_job_id), so this is the uniqueness of both.
CREATE UNIQUE INDEX posting_id ON posting (id);
CREATE UNIQUE INDEX posting_listed ON posting (listed_at, listed_tie);
CREATE INDEX posting_salary ON posting (yearly_max) WHERE yearly_max IS NOT NULL;
CREATE INDEX posting_applicants ON posting (applicant_count) WHERE applicant_count IS NOT NULL;

-- What only a single posting's page shows. The description is plain text for any SQLite tool.
CREATE TABLE posting_text (
    place       INTEGER PRIMARY KEY,
    description TEXT,
    attributes  TEXT                   -- a JSON object
) STRICT;

-- The words of each posting, and its facets as words of their own. The index keeps no copy of
-- the text (content=''): rows are found by place, and removed by naming what was indexed. The
-- description comes first, because FTS5 marks every word of the other columns with two bytes.
CREATE VIRTUAL TABLE posting_words USING fts5 (
    description, title, company, location, skills, facets,
    content = '', columnsize = 0, tokenize = "unicode61 remove_diacritics 2"
);
-- Lists the words of the index, to spell out what a prefix stands for.
CREATE VIRTUAL TABLE posting_vocabulary USING fts5vocab (posting_words, instance);

-- Exact counts, kept in the transaction of each write; statistics read these and no posting.
CREATE TABLE counter (
    kind   TEXT    NOT NULL,           -- 'status', 'company', 'day', ...
    value  TEXT    NOT NULL,           -- what is counted, as it is compared
    label  TEXT    NOT NULL,           -- ... and as it is shown
    amount INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX counter_top ON counter (kind, amount DESC, value);

-- Facts about this store itself.
CREATE TABLE store_property (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
-- Signs the cursors of this store, for every process that uses it.
INSERT INTO store_property (name, value) VALUES ('cursor_key', randomblob(32));
