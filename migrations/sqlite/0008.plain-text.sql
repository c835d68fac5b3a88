-- What is searched, excerpted and shown is a description without its markup. The text is stored,
-- since an entry of the index is removed by naming the words it was made of, and a later parser
-- may read the same markup in another way. NULL where it is the description itself.
ALTER TABLE posting_text ADD COLUMN plain TEXT;

-- The words of markup are no longer indexed. `migrate up` fills texts and index afterwards; its new
-- name lets a program which still has the store open fail rather than find nothing, or write words
-- of the old form.
DROP TABLE word_vocabulary;
DROP TABLE word_index;
CREATE VIRTUAL TABLE text_index USING fts5 (
    body, title, company, location,
    content = '', columnsize = 0, tokenize = "unicode61 remove_diacritics 2"
);
-- Lists the words of the index, to spell out what a prefix stands for.
CREATE VIRTUAL TABLE text_vocabulary USING fts5vocab (text_index, instance);

-- A store without postings has the present form already.
UPDATE store_property SET value = X'05'
WHERE store_property.name = 'derived_form' AND NOT EXISTS (SELECT 1 FROM posting);
