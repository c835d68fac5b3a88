-- The statements of a search that have one shape.

-- name: use_walks
-- Whether the server may go through a table or through the order of an index, until the end of the
-- transaction; 'off' leaves the comparison of what several indexes say. In 4 MB, which is usual, the
-- server forgets of many matches which rows of a page they were, and reads the words of all of them.
SELECT set_config('work_mem', '32MB', true), set_config(s.name, %(switch)s, true)
FROM (VALUES ('enable_seqscan'), ('enable_indexscan'), ('enable_indexonlyscan')) AS s (name);
