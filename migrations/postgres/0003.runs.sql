-- additive
--
-- What these are, and why, stands in migrations/sqlite/0014.runs.sql.
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
