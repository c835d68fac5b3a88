-- The first migration: taking it back leaves an empty database.
DROP TABLE store_property;
DROP TABLE counter;
DROP TABLE posting_vocabulary;
DROP TABLE posting_words;
DROP TABLE posting_text;
DROP TABLE posting;
PRAGMA application_id = 0;
