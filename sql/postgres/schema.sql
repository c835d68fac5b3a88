-- The schema of a store, as its migrations make it. Read this first; to change it, add a migration,
-- and bring this file along: a test compares what both make on a server.
--
-- Columns, forms and rules are those of sql/sqlite/schema.sql; migrations/postgres/0001.postings.sql
-- says what differs, and why. There is no foreign key, as there.

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
    -- When it was first stored, by whom, in which run, and the hash of that; NULL in older rows.
    opened_at        bigint,
    opened_by        text COLLATE "C",
    opened_run       text COLLATE "C",
    opened_digest    bytea,
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
CREATE INDEX posting_updated ON posting (updated_at, id);
CREATE INDEX posting_words ON posting USING gin (words);

-- What a posting said before each change.
CREATE TABLE revision (
    id         uuid    NOT NULL,
    version    integer NOT NULL,
    changed_at bigint  NOT NULL,
    previous   text COLLATE "C" NOT NULL, -- a JSON object; "@" in it is what is said of the change
    digest     bytea   NOT NULL,
    PRIMARY KEY (id, version),
    CONSTRAINT digest CHECK (octet_length(digest) = 8)
);

-- What happens to a posting and changes no content.
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

-- That a posting was removed: this stays when it is gone.
CREATE TABLE deletion (
    id     uuid   NOT NULL,
    at     bigint NOT NULL,
    actor  text COLLATE "C",
    run    text COLLATE "C",
    digest bytea  NOT NULL,
    PRIMARY KEY (id, at),
    CONSTRAINT digest CHECK (octet_length(digest) = 8)
);

-- What somebody says that two postings are to each other. Each pair stands under both.
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

-- What follows from the postings and from verdict: what the rules say of two postings ...
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

-- ... what is kept of a posting to compare it (version is its own, form that of the rules) ...
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

-- ... the keys by which it is looked up ...
CREATE TABLE block (
    key bigint NOT NULL,
    at  bigint NOT NULL,
    id  uuid   NOT NULL,
    PRIMARY KEY (key, at, id)
);

-- ... the groups of postings that are the same opening ...
CREATE TABLE member (
    id     uuid   NOT NULL PRIMARY KEY,
    first  uuid   NOT NULL,
    number bigint NOT NULL,
    digest bytea  NOT NULL,
    CONSTRAINT digest CHECK (octet_length(digest) = 8)
);
CREATE INDEX member_number ON member (first, number);

-- ... and how far those have got that go through changed postings.
CREATE TABLE follower (
    name   text COLLATE "C" NOT NULL PRIMARY KEY,
    at     bigint NOT NULL,
    id     uuid   NOT NULL,
    digest bytea  NOT NULL,
    CONSTRAINT digest CHECK (octet_length(digest) = 8)
);

-- Runs of scrapers, as they ended.
CREATE TABLE scrape_run (
    source      text COLLATE "C" NOT NULL,
    scope       text COLLATE "C" NOT NULL,
    ended_at    bigint NOT NULL,
    run         text COLLATE "C" NOT NULL,
    started_at  bigint NOT NULL,
    number      bigint NOT NULL,
    whole       integer NOT NULL,
    state       text COLLATE "C" NOT NULL,
    seen        bigint NOT NULL,
    inserted    bigint NOT NULL,
    updated     bigint NOT NULL,
    unchanged   bigint NOT NULL,
    reopened    bigint NOT NULL,
    open_before bigint NOT NULL,
    missed      bigint NOT NULL,
    closed      bigint NOT NULL,
    expired     bigint NOT NULL,
    verdict     text COLLATE "C" NOT NULL,
    actor       text COLLATE "C",
    digest      bytea  NOT NULL,
    PRIMARY KEY (source, scope, ended_at, run),
    CONSTRAINT digest CHECK (octet_length(digest) = 8)
);
CREATE INDEX scrape_run_newest ON scrape_run (ended_at, run);
CREATE INDEX scrape_run_source ON scrape_run (source, ended_at, run);

-- The postings that belong to a scope, and since which of its runs they are missed.
CREATE TABLE scope_member (
    source      text COLLATE "C" NOT NULL,
    scope       text COLLATE "C" NOT NULL,
    id          uuid   NOT NULL,
    missed_from bigint,
    digest      bytea  NOT NULL,
    PRIMARY KEY (source, scope, id),
    CONSTRAINT digest CHECK (octet_length(digest) = 8)
);
CREATE INDEX scope_member_id ON scope_member (id);

-- Applications for postings, with hashes of what tells that two are for the same opening.
CREATE TABLE application (
    id            uuid    NOT NULL, -- the posting
    application   uuid    NOT NULL,
    state         text COLLATE "C" NOT NULL,
    reached       integer NOT NULL, -- steps of the funnel beyond 'saved'
    began_at      bigint  NOT NULL,
    applied_at    bigint,
    changed_at    bigint  NOT NULL,
    due_at        bigint,
    look          text COLLATE "C" NOT NULL,
    address       text COLLATE "C",
    apply_address text COLLATE "C",
    detail        text COLLATE "C" NOT NULL, -- a JSON object: stages, notes and contacts
    digest        bytea   NOT NULL,
    PRIMARY KEY (id, application),
    CONSTRAINT state CHECK (
        state IN (
            'saved', 'applied', 'interviewing', 'offered', 'accepted', 'rejected', 'withdrawn',
            'declined', 'no_response'
        )
    ),
    CONSTRAINT digest CHECK (octet_length(digest) = 8)
);

CREATE INDEX application_changed ON application (changed_at, application);
CREATE INDEX application_look ON application (look, applied_at);
CREATE INDEX application_address ON application (address) WHERE address IS NOT NULL;
CREATE INDEX application_apply_address ON application (apply_address)
    WHERE apply_address IS NOT NULL;

-- Searches that were saved, and which matches of each were acknowledged.
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
