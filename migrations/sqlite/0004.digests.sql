-- A hash of each posting's content, so that a flipped bit is found which SQLite cannot see.
-- NULL only while `migrate up` has not written it yet.
ALTER TABLE posting ADD COLUMN digest BLOB CHECK (length(digest) = 8);
-- What follows from the postings (index, counts, digests) is written anew when its form changes.
-- A store without postings has it in the present form already.
INSERT INTO store_property (name, value)
SELECT 'derived_form', X'02' WHERE NOT EXISTS (SELECT 1 FROM posting);
