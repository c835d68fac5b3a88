-- The statements of a search that have one shape.

-- name: use_walks
-- Whether the server may go through a table or through the order of an index, until the end of the
-- transaction; 'off' leaves the comparison of what several indexes say. In 4 MB, which is usual, the
-- server forgets which rows of a page they were, and reads the words of all of them: of 1,000,000
-- postings, 233,000 with a word were counted in 5.1 s; in 32 MB in 0.28.
SELECT set_config('work_mem', '32MB', true), set_config(s.name, %(walks)s, true)
FROM (VALUES ('enable_seqscan'), ('enable_indexscan'), ('enable_indexonlyscan')) AS s (name);

-- name: postings_about
-- As of the last time that the table was analyzed or vacuumed; -1 if it never was.
SELECT c.reltuples::double precision FROM pg_class AS c WHERE c.oid = 'posting'::regclass;

-- name: matches_about
-- Nothing is run: it is planned, for which the server looks how common each of the words is.
EXPLAIN (FORMAT JSON) SELECT p.id FROM posting AS p WHERE p.words @@ %(match)s::tsquery;
