-- The statements of a search that have one shape.

-- name: use_indexes
SELECT set_config('enable_seqscan', 'off', true);

-- name: postings_about
-- As of the last time that the table was analyzed or vacuumed; -1 if it never was.
SELECT c.reltuples::double precision FROM pg_class AS c WHERE c.oid = 'posting'::regclass;
