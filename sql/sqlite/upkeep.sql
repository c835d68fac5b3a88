-- What keeps a store quick without changing anything that is in it.

-- Merges pieces of the index that are worth it, until so many pages are written; all of them where
-- the number is negative.
-- name: merge_words
INSERT INTO text_index (text_index, rank) VALUES ('merge', ?);

-- name: listed_after_sighting
-- Postings that are listed at a time after they were first seen, by id.
SELECT p.id FROM posting AS p
WHERE p.id > ? AND p.listed_at > p.first_seen_at
ORDER BY p.id LIMIT ?;
