-- The statements of a search that have one shape.

-- name: nth_match
SELECT w.rowid FROM word_index AS w WHERE w.word_index MATCH :match
ORDER BY w.rowid LIMIT 1 OFFSET :before;

-- name: next_word
-- The index of words is sought, not read: the first word from a text on.
SELECT v.term FROM word_vocabulary AS v WHERE v.term >= :start ORDER BY v.term LIMIT 1;
