-- The statements of a search that have one shape.

-- name: use_walks
-- Whether the server may go through a table or through the order of an index, until the end of the
-- transaction; 'off' leaves the comparison of what several indexes say.
SELECT set_config(s.name, %(walks)s, true)
FROM (VALUES ('enable_seqscan'), ('enable_indexscan'), ('enable_indexonlyscan')) AS s (name);

-- name: postings_about
-- As of the last time that the table was analyzed or vacuumed; -1 if it never was.
SELECT c.reltuples::double precision FROM pg_class AS c WHERE c.oid = 'posting'::regclass;

-- name: matches_about
-- Nothing is run: it is planned, for which the server looks how common each of the words is.
EXPLAIN (FORMAT JSON) SELECT p.id FROM posting AS p WHERE p.words @@ %(match)s::tsquery;
