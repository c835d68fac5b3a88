-- The statements of a search that have one shape.

-- name: nth_match
SELECT w.rowid FROM search_index AS w WHERE w.search_index MATCH :match
ORDER BY w.rowid LIMIT 1 OFFSET :before;

-- name: next_word
-- The index of words is sought, not read: the first word from a text on.
SELECT v.term FROM search_vocabulary AS v WHERE v.term >= :start ORDER BY v.term LIMIT 1;
