-- The columns, their forms and the rules are those of SQLite (migrations/sqlite/), so that rows,
-- and the digests over them, are the same in both engines. What differs:
--
-- One table holds the long texts as well, since the server moves them out of the row by itself
-- (TOAST); rows that are locked for a change could not be joined with a second table at one moment.
-- Text compares and sorts by its bytes (COLLATE "C"), whatever the locale of the server.
--
-- Left out, as on SQLite: a foreign key from revision to posting, which costs each delete a lookup.
CREATE TABLE posting (
    id               uuid   PRIMARY KEY,
    -- posted_at, or first_seen_at where the source gave no date. Ties are in order of arrival; two
    -- transactions at once may take the same tie, then the id decides.
    listed_at        bigint NOT NULL,
    listed_tie       bigint NOT NULL,
    version          integer NOT NULL,
    status           text COLLATE "C" NOT NULL,
    source           text COLLATE "C" NOT NULL,
    source_job_id    text COLLATE "C" NOT NULL,
    title            text COLLATE "C" NOT NULL,
    company          text COLLATE "C" NOT NULL,
    location         text COLLATE "C",
    locations        text COLLATE "C", -- a JSON array, where location and country do not say it all
    country          text COLLATE "C",
    workplace        text COLLATE "C",
    employment_type  text COLLATE "C",
    experience_level text COLLATE "C",
    industry         text COLLATE "C",
    company_size     text COLLATE "C",
    skills           text COLLATE "C", -- a JSON array of texts
    salary_min       text COLLATE "C", -- exact decimals
    salary_max       text COLLATE "C",
    salary_currency  text COLLATE "C",
    salary_period    text COLLATE "C",
    salary_text      text COLLATE "C",
    -- The salary's range as amounts per year; where one end is stated, it is both.
    yearly_min       double precision,
    yearly_max       double precision,
    url              text COLLATE "C",
    apply_url        text COLLATE "C",
    company_url      text COLLATE "C",
    applicant_count  bigint,
    -- Times are microseconds since 1970-01-01 UTC.
    posted_at        bigint,
    expires_at       bigint,
    first_seen_at    bigint NOT NULL,
    last_seen_at     bigint NOT NULL,
    updated_at       bigint NOT NULL,
    closed_at        bigint,
    -- Hashes of the content, and of when it was seen and how it is listed.
    digest           bytea  NOT NULL,
    seen_digest      bytea  NOT NULL,
    -- The form in which the program that wrote the row derives words and the like from it.
    form             smallint NOT NULL,
    -- What searches look into; made by the program, with the very words of the other engine.
    words            tsvector NOT NULL,
    -- The words in their order, of the few postings of which a tsvector cannot say it (it keeps 255
    -- positions of a word, none above 16,383): phrases are looked for in it.
    spoken           text COLLATE "C",
    description      text COLLATE "C",
    plain            text COLLATE "C", -- the description without markup, where that differs
    attributes       text COLLATE "C", -- a JSON object
    CONSTRAINT listed_tie CHECK (listed_tie >= 0),
    CONSTRAINT version CHECK (version >= 1),
    CONSTRAINT status CHECK (status IN ('open', 'closed')),
    CONSTRAINT closed_at CHECK ((status = 'closed') = (closed_at IS NOT NULL)),
    CONSTRAINT workplace CHECK (workplace IN ('onsite', 'hybrid', 'remote')),
    CONSTRAINT employment_type CHECK (
        employment_type IN (
            'full_time', 'part_time', 'contract', 'temporary', 'internship', 'volunteer',
            'per_diem', 'other'
        )
    ),
    CONSTRAINT experience_level CHECK (
        experience_level IN (
            'internship', 'entry', 'associate', 'mid_senior', 'director', 'executive'
        )
    ),
    CONSTRAINT salary_period CHECK (salary_period IN ('hour', 'day', 'week', 'month', 'year')),
    CONSTRAINT yearly_both CHECK ((yearly_min IS NULL) = (yearly_max IS NULL)),
    CONSTRAINT yearly_of_salary CHECK (
        (yearly_min IS NULL) = (salary_min IS NULL AND salary_max IS NULL)
    ),
    CONSTRAINT yearly_order CHECK (yearly_min >= 0 AND yearly_min <= yearly_max),
    CONSTRAINT applicant_count CHECK (applicant_count >= 0),
    CONSTRAINT seen_order CHECK (first_seen_at <= last_seen_at),
    CONSTRAINT digest CHECK (octet_length(digest) = 8),
    CONSTRAINT seen_digest CHECK (octet_length(seen_digest) = 8)
-- Seeing a posting again changes no indexed column. With room on the page for the row's next state,
-- no index gets an entry for it (a heap-only tuple).
) WITH (fillfactor = 80);

-- How common a word is decides how a search runs; of words the server knows ten for each step.
ALTER TABLE posting ALTER COLUMN words SET STATISTICS 400;
-- Compressing a tsvector makes it no smaller, and trying takes longer than all else of an insert.
-- Inside of the row (MAIN) it would be read sooner, but each sighting would copy it, and the table
-- have several times the pages.
ALTER TABLE posting ALTER COLUMN words SET STORAGE EXTERNAL;

-- The orders of results, each with what decides ties. They are read backwards.
CREATE INDEX posting_listed ON posting (listed_at, listed_tie, id);
CREATE INDEX posting_salary ON posting (yearly_max, listed_at, listed_tie, id)
    WHERE yearly_max IS NOT NULL;
CREATE INDEX posting_applicants ON posting (applicant_count, listed_at, listed_tie, id)
    WHERE applicant_count IS NOT NULL;
CREATE INDEX posting_soonest ON posting ((-expires_at), listed_at, listed_tie, id)
    WHERE expires_at IS NOT NULL;
CREATE INDEX posting_words ON posting USING gin (words);

-- What a posting said before each change.
CREATE TABLE revision (
    id         uuid    NOT NULL,
    version    integer NOT NULL,
    changed_at bigint  NOT NULL,
    previous   text COLLATE "C" NOT NULL, -- a JSON object
    digest     bytea   NOT NULL,
    PRIMARY KEY (id, version),
    CONSTRAINT digest CHECK (octet_length(digest) = 8)
);

CREATE TABLE counter (
    kind   text COLLATE "C" NOT NULL,   -- 'status', 'company', 'day', ...
    value  text COLLATE "C" NOT NULL,   -- what is counted, as it is compared
    label  text COLLATE "C" NOT NULL,   -- ... and as it is shown
    amount bigint NOT NULL,
    PRIMARY KEY (kind, value)
);
CREATE INDEX counter_top ON counter (kind, amount DESC, value);

-- What transactions add to the counters, until it is rolled up: rows that nobody waits for.
CREATE TABLE counter_delta (
    kind   text COLLATE "C" NOT NULL,
    value  text COLLATE "C" NOT NULL,
    label  text COLLATE "C" NOT NULL,
    amount bigint NOT NULL
);
CREATE INDEX counter_delta_key ON counter_delta (kind, value);

CREATE TABLE store_property (
    name  text COLLATE "C" PRIMARY KEY,
    value bytea NOT NULL
);
-- 256 bits of the server's strong random numbers, of which each UUID has 122.
INSERT INTO store_property (name, value) VALUES (
    'cursor_key',
    sha256(
        uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
    )
);
INSERT INTO store_property (name, value) VALUES ('derived_form', '\x01');

-- For people who look inside with psql.
CREATE VIEW postings AS
SELECT
    p.id, p.source, p.source_job_id, p.title, p.company, p.location, p.country, p.workplace,
    p.employment_type, p.experience_level, p.industry, p.company_size, p.skills,
    CAST(p.salary_min AS numeric) AS salary_min, CAST(p.salary_max AS numeric) AS salary_max,
    p.salary_currency, p.salary_period, p.salary_text,
    p.yearly_min AS salary_min_per_year, p.yearly_max AS salary_max_per_year,
    p.url, p.apply_url, p.company_url, p.applicant_count, p.status, p.version,
    to_timestamp(p.posted_at / 1000000)
        + (p.posted_at % 1000000) * interval '1 microsecond' AS posted_at,
    to_timestamp(p.expires_at / 1000000)
        + (p.expires_at % 1000000) * interval '1 microsecond' AS expires_at,
    to_timestamp(p.first_seen_at / 1000000)
        + (p.first_seen_at % 1000000) * interval '1 microsecond' AS first_seen_at,
    to_timestamp(p.last_seen_at / 1000000)
        + (p.last_seen_at % 1000000) * interval '1 microsecond' AS last_seen_at,
    to_timestamp(p.updated_at / 1000000)
        + (p.updated_at % 1000000) * interval '1 microsecond' AS updated_at,
    to_timestamp(p.closed_at / 1000000)
        + (p.closed_at % 1000000) * interval '1 microsecond' AS closed_at,
    p.description, p.attributes
FROM posting AS p;
