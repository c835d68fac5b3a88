-- The index is left empty; the jobstore that this schema belongs to fills it on `migrate up`.
DROP TABLE text_vocabulary;
DROP TABLE text_index;
CREATE VIRTUAL TABLE word_index USING fts5 (
    body, title, company, location,
    content = '', columnsize = 0, tokenize = "unicode61 remove_diacritics 2"
);
CREATE VIRTUAL TABLE word_vocabulary USING fts5vocab (word_index, instance);
ALTER TABLE posting_text DROP COLUMN plain;
UPDATE store_property SET value = X'04'
WHERE store_property.name = 'derived_form' AND NOT EXISTS (SELECT 1 FROM posting);
UPDATE store_property SET value = X'03'
WHERE store_property.name = 'derived_form' AND EXISTS (SELECT 1 FROM posting);
