-- additive
--
-- What this is, and why, stands in migrations/sqlite/0016.applications.sql.
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
