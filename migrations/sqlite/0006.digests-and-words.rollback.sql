-- The index is left empty; the jobstore that this schema belongs to fills it on `migrate up`.
DROP TABLE word_vocabulary;
DROP TABLE word_index;
CREATE VIRTUAL TABLE search_index USING fts5 (
    body, title, company, location,
    content = '', columnsize = 0, tokenize = "unicode61 remove_diacritics 2"
);
CREATE VIRTUAL TABLE search_vocabulary USING fts5vocab (search_index, instance);
ALTER TABLE revision DROP COLUMN digest;
ALTER TABLE posting DROP COLUMN seen_digest;
UPDATE store_property SET value = X'03'
WHERE store_property.name = 'derived_form' AND NOT EXISTS (SELECT 1 FROM posting);
UPDATE store_property SET value = X'02'
WHERE store_property.name = 'derived_form' AND EXISTS (SELECT 1 FROM posting);
