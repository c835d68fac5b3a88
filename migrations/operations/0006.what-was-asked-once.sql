-- Requests that are not repeated: `key` is a hash of who asked, what for and its Idempotency-Key,
-- `asked` one of all that was asked. `made` is the id of what it made, NULL until it is made. Its
-- text is not here: whoever asks again is told what it is then.
CREATE TABLE asked_once (
    key BLOB NOT NULL PRIMARY KEY CHECK (length(key) = 32),
    asked BLOB NOT NULL CHECK (length(asked) = 32),
    at INTEGER NOT NULL,
    made BLOB CHECK (length(made) = 16)
) STRICT, WITHOUT ROWID;
CREATE INDEX asked_once_at ON asked_once (at);
