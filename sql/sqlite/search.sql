-- The statements of a search that have one shape.

-- name: nth_match
SELECT w.rowid FROM text_index AS w WHERE w.text_index MATCH :match
ORDER BY w.rowid LIMIT 1 OFFSET :before;

-- name: matches_down_to
SELECT count(*) FROM text_index AS w WHERE w.text_index MATCH :match AND w.rowid <= :last;

-- name: nth_listed
-- Place and time of a posting by its rank among those listed before a time. Reads the index alone.
SELECT p.place, p.listed_at FROM posting AS p WHERE p.listed_at < ?
ORDER BY p.listed_at DESC, p.listed_tie DESC LIMIT 1 OFFSET ?;

-- name: days_until
-- How many postings are listed on each day, the latest first. To be read a few rows at a time.
SELECT c.value, c.amount FROM counter AS c WHERE c.kind = 'day' AND c.value <= ?
ORDER BY c.value DESC;

-- name: words_from
-- The words from a text on, each as often as it occurs. To be read a few rows at a time.
SELECT v.term FROM text_vocabulary AS v WHERE v.term >= :start ORDER BY v.term;
