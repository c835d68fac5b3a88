-- The index is left empty; the jobstore that this schema belongs to fills it on `migrate up`.
-- Those before 0004 never do: to go back to them, restore a backup.
DROP TABLE search_vocabulary;
DROP TABLE search_index;
CREATE VIRTUAL TABLE posting_words USING fts5 (
    description, title, company, location, skills, facets,
    content = '', columnsize = 0, tokenize = "unicode61 remove_diacritics 2"
);
CREATE VIRTUAL TABLE posting_vocabulary USING fts5vocab (posting_words, instance);
UPDATE store_property SET value = X'02'
WHERE store_property.name = 'derived_form' AND NOT EXISTS (SELECT 1 FROM posting);
UPDATE store_property SET value = X'01'
WHERE store_property.name = 'derived_form' AND EXISTS (SELECT 1 FROM posting);
