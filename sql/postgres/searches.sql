-- Statements on saved searches.

-- name: saved_searches
SELECT s.name, s.query, s.mark FROM saved_search AS s ORDER BY s.name;

-- Differs by necessity: processes of SQLite take turns at the file, and here at the row.
-- name: search_to_mark
SELECT s.query, s.mark FROM saved_search AS s WHERE s.name = %s FOR UPDATE;

-- name: search_to_read
SELECT s.query, s.mark FROM saved_search AS s WHERE s.name = %s;

-- The postings that changed last after a place in the order of changes, a part at a time.
-- name: changed_since
SELECT p.updated_at, p.id FROM posting AS p
WHERE (p.updated_at, p.id) > (%s, %s) ORDER BY p.updated_at, p.id LIMIT %s;

-- Of postings whose ids are bound as one value, one after another: whether each was acknowledged as a
-- match of a search, which group it is in, and whether one of the group was acknowledged, or is the same
-- as one that was and has closed since: what came back in its place may have taken its place there.
-- Differs by necessity: for EXISTS a server rather reads the whole table once.
-- name: seen_of
WITH given AS (SELECT %s::bytea AS ids, %s::text AS search), wanted (id) AS (
    SELECT encode(substring(g.ids FROM 16 * n.number + 1 FOR 16), 'hex')::uuid
    FROM given AS g
    CROSS JOIN LATERAL generate_series(0, length(g.ids) / 16 - 1) AS n (number)
)
SELECT
    w.id,
    (SELECT true FROM seen_match AS s WHERE s.id = w.id AND s.search = g.search) AS seen,
    m.first,
    EXISTS (
        SELECT 1 FROM member AS o JOIN seen_match AS s ON s.id = o.id AND s.search = g.search
        WHERE o.first = m.first
    ) OR EXISTS (
        SELECT 1 FROM member AS o JOIN link AS l ON l.id = o.id AND l.verdict = 'same'
        JOIN seen_match AS s ON s.id = l.other AND s.search = g.search
        JOIN posting AS p ON p.id = l.other AND p.status = 'closed'
        WHERE o.first = m.first AND NOT EXISTS (
            SELECT 1 FROM verdict AS v
            WHERE v.id = o.id AND v.other = l.other AND v.verdict = 'different'
        )
    ) AS together
FROM given AS g CROSS JOIN wanted AS w LEFT JOIN member AS m ON m.id = w.id;

-- When the oldest open transaction that writes began, as far as the role may see. What it writes is
-- older than what others have stored meanwhile. A standby cannot say it: 0, before everything. Differs
-- by necessity: on SQLite writers take turns.
-- name: oldest_writer
SELECT CASE WHEN pg_is_in_recovery() THEN 0 ELSE (extract(epoch FROM min(a.xact_start)) * 1000000)::bigint END
FROM pg_stat_activity AS a
WHERE a.datname = current_database() AND a.backend_xid IS NOT NULL;

-- A posting that was removed meanwhile is not written down, and none is removed before this stands.
-- Differs by necessity: several write to a server at once, so the posting is held.
-- name: put_match
INSERT INTO seen_match (id, search, at, digest)
SELECT p.id, CAST(%s AS text), CAST(%s AS bigint), CAST(%s AS bytea)
FROM posting AS p WHERE p.id = %s FOR KEY SHARE OF p
ON CONFLICT (id, search) DO UPDATE SET at = excluded.at, digest = excluded.digest;

-- name: matches_of
SELECT s.id, s.search FROM seen_match AS s WHERE s.search = %s LIMIT %s;

-- name: forget_matches
DELETE FROM seen_match WHERE seen_match.id = %s AND seen_match.search = %s;

-- name: forget_search
DELETE FROM saved_search WHERE saved_search.name = %s;
