-- The full-text index counts backwards: the posting at a place is its entry 2^35 - place, so that
-- the newest come first and FTS5 reads them forwards, in a third to a half of the time.
--
-- What is searched without naming a column shares one, and its words are marked with no column:
-- skills, the words of filters, then the description. `migrate up` fills the index afterwards.
--
-- It has another name than before, so that a program which still has the store open fails
-- rather than finds nothing.
DROP TABLE posting_vocabulary;
DROP TABLE posting_words;
CREATE VIRTUAL TABLE search_index USING fts5 (
    body, title, company, location,
    content = '', columnsize = 0, tokenize = "unicode61 remove_diacritics 2"
);
-- Lists the words of the index, to spell out what a prefix stands for.
CREATE VIRTUAL TABLE search_vocabulary USING fts5vocab (search_index, instance);

-- A store without postings has the present form already.
UPDATE store_property SET value = X'03'
WHERE store_property.name = 'derived_form' AND NOT EXISTS (SELECT 1 FROM posting);
