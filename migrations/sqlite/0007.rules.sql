-- The schema says its own rules: which values are known and which come together. The store
-- keeps them by itself; here they hold for other programs too.
--
-- SQLite adds a rule only by making the table anew (https://sqlite.org/lang_altertable.html,
-- section 7). The old table steps aside first, so that the new one reads as it is written here;
-- with legacy_alter_table, views go on meaning the table of this name.
-- A row that breaks a rule ends all of this, and nothing is changed.
--
-- A set of more than two values is written with OR: SQLite makes a table of an IN each time, which
-- cost an insert 2% and more; all rules of posting together take about 0.5 us of some 370 us.
--
-- Left out, since they cost more than 2% of a write's processor time: the foreign keys of
-- posting_text (2.7% of a write that moves a posting in the order of listing) and of revision (2.6%
-- of a delete). `jobstore doctor --verify` looks for rows without their posting.
--
-- Not said here: that salary_min and salary_max are in order (they are exact decimals, which SQLite
-- cannot compare; their amounts per year are compared), and that counters are above 0 (a write
-- takes them through 0 and below).
PRAGMA legacy_alter_table = ON;
ALTER TABLE posting RENAME TO old_posting;

-- The columns a search reads, and no long text: a page of results touches few disk pages.
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
    seen_digest      BLOB,
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

-- The id is derived from (source, source_job_id), so this is the uniqueness of both.
CREATE UNIQUE INDEX posting_id ON posting (id);
CREATE UNIQUE INDEX posting_listed ON posting (listed_at, listed_tie);
CREATE INDEX posting_salary ON posting (yearly_max) WHERE yearly_max IS NOT NULL;
CREATE INDEX posting_applicants ON posting (applicant_count) WHERE applicant_count IS NOT NULL;
PRAGMA legacy_alter_table = OFF;
