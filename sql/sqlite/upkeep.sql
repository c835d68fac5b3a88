-- What keeps a store quick without changing anything that is in it.

-- Merges pieces of the index that are worth it, until so many pages are written; all of them where
-- the number is negative.
-- name: merge_words
INSERT INTO text_index (text_index, rank) VALUES ('merge', ?);

-- Which segments the index has, as FTS5 writes it down (fts5_index.c, "STRUCTURE RECORD").
-- name: segments
SELECT d.block FROM text_index_data AS d WHERE d.id = 10;
