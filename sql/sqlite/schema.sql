-- The schema of a store, as its migrations make it. Read this first; to change it, add a
-- migration, and write this file anew: python -m tests.migration.write_schema
--
-- There are no foreign keys: each cost some write more than 2%, as migrations/sqlite/0007.rules.sql
-- says with the figures. posting_text has the place of its posting, and revision its id.

CREATE TABLE posting (
    -- The position in the order of listing: sorting by place is sorting by
    -- (listed_at, listed_tie). The entry of the full-text index is 2^35 - place.
    place            INTEGER PRIMARY KEY,
    id               BLOB    NOT NULL,
    -- posted_at, or first_seen_at where the source gave no date; ties in order of arrival.
    listed_at        INTEGER NOT NULL,
    listed_tie       INTEGER NOT NULL,
    version          INTEGER NOT NULL,
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
    -- The salary's range as amounts per year; where one end is stated, it is both.
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
    closed_at        INTEGER,
    -- Hashes of the content, and of when it was seen and how it is listed, so that a flipped bit
    -- is found which SQLite cannot see. NULL only while `migrate up` has not written them yet.
    digest           BLOB,
    seen_digest      BLOB, locations /* all places, where location and country do not say it all */ TEXT, opened_at INTEGER, opened_by TEXT, opened_run TEXT, opened_digest BLOB CHECK (length(opened_digest) = 8),
    CONSTRAINT id CHECK (length(id) = 16),
    CONSTRAINT listed_tie CHECK (listed_tie >= 0),
    CONSTRAINT version CHECK (version >= 1),
    CONSTRAINT status CHECK (status IN ('open', 'closed')),
    CONSTRAINT closed_at CHECK ((status = 'closed') = (closed_at IS NOT NULL)),
    CONSTRAINT workplace CHECK (
        workplace = 'onsite'
        OR workplace = 'hybrid'
        OR workplace = 'remote'
    ),
    CONSTRAINT employment_type CHECK (
        employment_type = 'full_time'
        OR employment_type = 'part_time'
        OR employment_type = 'contract'
        OR employment_type = 'temporary'
        OR employment_type = 'internship'
        OR employment_type = 'volunteer'
        OR employment_type = 'per_diem'
        OR employment_type = 'other'
    ),
    CONSTRAINT experience_level CHECK (
        experience_level = 'internship'
        OR experience_level = 'entry'
        OR experience_level = 'associate'
        OR experience_level = 'mid_senior'
        OR experience_level = 'director'
        OR experience_level = 'executive'
    ),
    CONSTRAINT salary_period CHECK (
        salary_period = 'hour'
        OR salary_period = 'day'
        OR salary_period = 'week'
        OR salary_period = 'month'
        OR salary_period = 'year'
    ),
    CONSTRAINT yearly_both CHECK ((yearly_min IS NULL) = (yearly_max IS NULL)),
    CONSTRAINT yearly_of_salary CHECK (
        (yearly_min IS NULL) = (salary_min IS NULL AND salary_max IS NULL)
    ),
    CONSTRAINT yearly_order CHECK (yearly_min >= 0 AND yearly_min <= yearly_max),
    CONSTRAINT applicant_count CHECK (applicant_count >= 0),
    CONSTRAINT seen_order CHECK (first_seen_at <= last_seen_at),
    CONSTRAINT digest CHECK (length(digest) = 8),
    CONSTRAINT seen_digest CHECK (length(seen_digest) = 8)
) STRICT;

CREATE UNIQUE INDEX posting_id ON posting (id);

CREATE UNIQUE INDEX posting_listed ON posting (listed_at, listed_tie);

CREATE INDEX posting_salary ON posting (yearly_max) WHERE yearly_max IS NOT NULL;

CREATE INDEX posting_applicants ON posting (applicant_count) WHERE applicant_count IS NOT NULL;

CREATE INDEX posting_soonest ON posting (-expires_at) WHERE expires_at IS NOT NULL;

CREATE INDEX posting_updated ON posting (updated_at, id);

CREATE TABLE posting_text (
    place       INTEGER PRIMARY KEY,
    description TEXT,
    attributes  TEXT                   -- a JSON object
, plain TEXT) STRICT;

CREATE TABLE counter (
    kind   TEXT    NOT NULL,           -- 'status', 'company', 'day', ...
    value  TEXT    NOT NULL,           -- what is counted, as it is compared
    label  TEXT    NOT NULL,           -- ... and as it is shown
    amount INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;

CREATE INDEX counter_top ON counter (kind, amount DESC, value);

CREATE TABLE store_property (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE revision (
    id         BLOB    NOT NULL,
    version    INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    previous   TEXT    NOT NULL, digest BLOB CHECK (length(digest) = 8),
    PRIMARY KEY (id, version)
) STRICT, WITHOUT ROWID;

CREATE VIRTUAL TABLE text_index USING fts5 (
    body, title, company, location,
    content = '', columnsize = 0, tokenize = "unicode61 remove_diacritics 2"
);

CREATE VIRTUAL TABLE text_vocabulary USING fts5vocab (text_index, instance);

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

CREATE TABLE renewal_change (
    number INTEGER PRIMARY KEY,
    id     BLOB    NOT NULL UNIQUE,
    place  INTEGER,                    -- NULL where the index does not have it
    was    TEXT                        -- a JSON array of what the posting said
) STRICT;

CREATE INDEX renewal_change_place ON renewal_change (place) WHERE place IS NOT NULL;

CREATE TABLE renewal_counter (
    kind   TEXT    NOT NULL,
    value  TEXT    NOT NULL,
    label  TEXT    NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE deletion (
    id     BLOB    NOT NULL,
    at     INTEGER NOT NULL,
    actor  TEXT,
    run    TEXT,
    digest BLOB    NOT NULL CHECK (length(digest) = 8),
    PRIMARY KEY (id, at)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE scope_member (
    source      TEXT    NOT NULL,
    scope       TEXT    NOT NULL,
    id          BLOB    NOT NULL,
    missed_from INTEGER,
    digest      BLOB    NOT NULL CHECK (length(digest) = 8),
    PRIMARY KEY (source, scope, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX scope_member_id ON scope_member (id);

CREATE TABLE verdict (
    id      BLOB    NOT NULL,
    other   BLOB    NOT NULL,
    verdict TEXT    NOT NULL,          -- 'same', 'different'
    at      INTEGER NOT NULL,
    actor   TEXT,
    digest  BLOB    NOT NULL CHECK (length(digest) = 8),
    PRIMARY KEY (id, other)
) STRICT, WITHOUT ROWID;

CREATE TABLE link (
    id      BLOB    NOT NULL,
    other   BLOB    NOT NULL,
    verdict TEXT    NOT NULL,
    reasons TEXT    NOT NULL,          -- a JSON array
    at      INTEGER NOT NULL,
    digest  BLOB    NOT NULL CHECK (length(digest) = 8),
    PRIMARY KEY (id, other)
) STRICT, WITHOUT ROWID;

CREATE TABLE feature (
    id      BLOB    PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,          -- of the posting as it was read
    form    INTEGER NOT NULL,          -- of the rules
    at      INTEGER NOT NULL,          -- first_seen_at
    keys    TEXT    NOT NULL,          -- a JSON array of what stands in block
    given   TEXT    NOT NULL,          -- a JSON array
    digest  BLOB    NOT NULL CHECK (length(digest) = 8)
) STRICT, WITHOUT ROWID;

CREATE TABLE block (
    key INTEGER NOT NULL,
    at  INTEGER NOT NULL,
    id  BLOB    NOT NULL,
    PRIMARY KEY (key, at, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE member (
    id     BLOB    PRIMARY KEY NOT NULL,
    first  BLOB    NOT NULL,
    number INTEGER NOT NULL,           -- in the group, from 0 on
    digest BLOB    NOT NULL CHECK (length(digest) = 8)
) STRICT, WITHOUT ROWID;

CREATE INDEX member_number ON member (first, number);

CREATE TABLE follower (
    name   TEXT    PRIMARY KEY NOT NULL,
    at     INTEGER NOT NULL,           -- updated_at and id of the last one
    id     BLOB    NOT NULL,
    digest BLOB    NOT NULL CHECK (length(digest) = 8)
) STRICT, WITHOUT ROWID;

CREATE TABLE application (
    id            BLOB    NOT NULL,    -- the posting
    application   BLOB    NOT NULL,
    state         TEXT    NOT NULL CHECK (
        state IN (
            'saved', 'applied', 'interviewing', 'offered', 'accepted', 'rejected', 'withdrawn',
            'declined', 'no_response'
        )
    ),
    reached       INTEGER NOT NULL,    -- steps of the funnel beyond 'saved'
    began_at      INTEGER NOT NULL,
    applied_at    INTEGER,
    changed_at    INTEGER NOT NULL,
    due_at        INTEGER,
    look          TEXT    NOT NULL,
    address       TEXT,
    apply_address TEXT,
    detail        TEXT    NOT NULL,    -- a JSON object: stages, notes and contacts
    digest        BLOB    NOT NULL CHECK (length(digest) = 8),
    PRIMARY KEY (id, application)
) STRICT, WITHOUT ROWID;

CREATE INDEX application_changed ON application (changed_at, application);

CREATE INDEX application_look ON application (look, applied_at);

CREATE INDEX application_address ON application (address) WHERE address IS NOT NULL;

CREATE INDEX application_apply_address ON application (apply_address)
    WHERE apply_address IS NOT NULL;

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

CREATE INDEX scrape_run_source ON scrape_run (source, ended_at, run);

CREATE VIEW postings AS
SELECT
    lower(substr(hex(p.id), 1, 8) || '-' || substr(hex(p.id), 9, 4) || '-'
        || substr(hex(p.id), 13, 4) || '-' || substr(hex(p.id), 17, 4) || '-'
        || substr(hex(p.id), 21)) AS id,
    p.source, p.source_job_id, p.title, p.company, p.location, p.country, p.workplace,
    p.employment_type, p.experience_level, p.industry, p.company_size, p.skills,
    CAST(p.salary_min AS REAL) AS salary_min, CAST(p.salary_max AS REAL) AS salary_max,
    p.salary_currency, p.salary_period, p.salary_text,
    p.yearly_min AS salary_min_per_year, p.yearly_max AS salary_max_per_year,
    p.url, p.apply_url, p.company_url, p.applicant_count, p.status, p.version,
    strftime('%Y-%m-%dT%H:%M:%S', p.posted_at / 1000000, 'unixepoch')
        || printf('.%06dZ', p.posted_at % 1000000) AS posted_at,
    strftime('%Y-%m-%dT%H:%M:%S', p.expires_at / 1000000, 'unixepoch')
        || printf('.%06dZ', p.expires_at % 1000000) AS expires_at,
    strftime('%Y-%m-%dT%H:%M:%S', p.first_seen_at / 1000000, 'unixepoch')
        || printf('.%06dZ', p.first_seen_at % 1000000) AS first_seen_at,
    strftime('%Y-%m-%dT%H:%M:%S', p.last_seen_at / 1000000, 'unixepoch')
        || printf('.%06dZ', p.last_seen_at % 1000000) AS last_seen_at,
    strftime('%Y-%m-%dT%H:%M:%S', p.updated_at / 1000000, 'unixepoch')
        || printf('.%06dZ', p.updated_at % 1000000) AS updated_at,
    strftime('%Y-%m-%dT%H:%M:%S', p.closed_at / 1000000, 'unixepoch')
        || printf('.%06dZ', p.closed_at % 1000000) AS closed_at,
    t.description, t.attributes
FROM posting AS p
LEFT JOIN posting_text AS t ON t.place = p.place;
