-- additive
--
-- Applications for postings. What tells that two are for the same opening stands as hashes: the
-- address (of the posting, and of where one applies), and the company with the title.
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
