-- The statements of a search that have one shape.

-- name: nth_match
SELECT w.rowid FROM text_index AS w WHERE w.text_index MATCH :match
ORDER BY w.rowid LIMIT 1 OFFSET :before;

-- name: words_from
-- The words from a text on, each as often as it occurs. To be read a few rows at a time.
SELECT v.term FROM text_vocabulary AS v WHERE v.term >= :start ORDER BY v.term;
