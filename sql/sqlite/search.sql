-- The statements of a search that have one shape.

-- name: next_word
-- The index of words is sought, not read: the first word from a text on.
SELECT v.term FROM posting_vocabulary AS v WHERE v.term >= :start ORDER BY v.term LIMIT 1;
