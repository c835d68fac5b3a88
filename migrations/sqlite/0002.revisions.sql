-- What version N replaced: field names and the values they had, as a JSON object.
CREATE TABLE revision (
    id         BLOB    NOT NULL,
    version    INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    previous   TEXT    NOT NULL,
    PRIMARY KEY (id, version)
) STRICT, WITHOUT ROWID;
