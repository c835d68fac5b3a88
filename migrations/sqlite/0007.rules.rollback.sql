-- The same table without the rules; every row stays as it is.
PRAGMA legacy_alter_table = ON;
ALTER TABLE posting RENAME TO old_posting;

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
ALTER TABLE posting ADD COLUMN digest BLOB CHECK (length(digest) = 8);
ALTER TABLE posting ADD COLUMN seen_digest BLOB CHECK (length(seen_digest) = 8);

INSERT INTO posting (
    place, id, listed_at, listed_tie, version, status, source, source_job_id, title, company,
    location, country, workplace, employment_type, experience_level, industry, company_size,
    skills, salary_min, salary_max, salary_currency, salary_period, salary_text, yearly_min,
    yearly_max, url, apply_url, company_url, applicant_count, posted_at, expires_at,
    first_seen_at, last_seen_at, updated_at, closed_at, digest, seen_digest
)
SELECT
    place, id, listed_at, listed_tie, version, status, source, source_job_id, title, company,
    location, country, workplace, employment_type, experience_level, industry, company_size,
    skills, salary_min, salary_max, salary_currency, salary_period, salary_text, yearly_min,
    yearly_max, url, apply_url, company_url, applicant_count, posted_at, expires_at,
    first_seen_at, last_seen_at, updated_at, closed_at, digest, seen_digest
FROM old_posting ORDER BY place;
DROP TABLE old_posting;

CREATE UNIQUE INDEX posting_id ON posting (id);
CREATE UNIQUE INDEX posting_listed ON posting (listed_at, listed_tie);
CREATE INDEX posting_salary ON posting (yearly_max) WHERE yearly_max IS NOT NULL;
CREATE INDEX posting_applicants ON posting (applicant_count) WHERE applicant_count IS NOT NULL;
PRAGMA legacy_alter_table = OFF;
