-- Digests of what that of a posting's content leaves out: when it was seen and how it is listed,
-- and each earlier version. NULL only while `migrate up` has not written them yet.
ALTER TABLE posting ADD COLUMN seen_digest BLOB CHECK (length(seen_digest) = 8);
ALTER TABLE revision ADD COLUMN digest BLOB CHECK (length(digest) = 8);

-- Words are folded in another way, and a word of a filter stands behind each skill. `migrate up`
-- fills the index afterwards; its new name lets a program which still has the store open fail
-- rather than find nothing, or write words of the old form.
DROP TABLE search_vocabulary;
DROP TABLE search_index;
CREATE VIRTUAL TABLE word_index USING fts5 (
    body, title, company, location,
    content = '', columnsize = 0, tokenize = "unicode61 remove_diacritics 2"
);
-- Lists the words of the index, to spell out what a prefix stands for.
CREATE VIRTUAL TABLE word_vocabulary USING fts5vocab (word_index, instance);

-- A store without postings has the present form already.
UPDATE store_property SET value = X'04'
WHERE store_property.name = 'derived_form' AND NOT EXISTS (SELECT 1 FROM posting);
