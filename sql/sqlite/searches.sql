-- Statements on saved searches.

-- name: saved_searches
SELECT s.name, s.query, s.mark FROM saved_search AS s ORDER BY s.name;

-- name: search_to_mark
SELECT s.query, s.mark FROM saved_search AS s WHERE s.name = ?;

-- name: search_to_read
SELECT s.query, s.mark FROM saved_search AS s WHERE s.name = ?;

-- The postings that changed last after a place in the order of changes, a part at a time.
-- name: changed_since
SELECT p.updated_at, p.id FROM posting AS p
WHERE (p.updated_at, p.id) > (?, ?) ORDER BY p.updated_at, p.id LIMIT ?;

-- Of postings whose ids are bound as one value, one after another: whether each was acknowledged as a
-- match of a search, which group it is in, and whether one of the group was acknowledged, or is the same
-- as one that was and has closed since: what came back in its place may have taken its place there.
-- name: seen_of
WITH RECURSIVE given (ids, search) AS (SELECT ?, ?), wanted (id, number) AS (
    SELECT substr(g.ids, 1, 16), 1 FROM given AS g
    UNION ALL
    SELECT substr(g.ids, 16 * w.number + 1, 16), w.number + 1 FROM wanted AS w, given AS g
    WHERE 16 * w.number < length(g.ids)
)
SELECT
    w.id,
    EXISTS (SELECT 1 FROM seen_match AS s WHERE s.id = w.id AND s.search = g.search) AS seen,
    m.first,
    EXISTS (
        SELECT 1 FROM member AS o CROSS JOIN seen_match AS s ON s.id = o.id AND s.search = g.search
        WHERE o.first = m.first
    ) OR EXISTS (
        SELECT 1 FROM member AS o CROSS JOIN link AS l ON l.id = o.id AND l.verdict = 'same'
        CROSS JOIN seen_match AS s ON s.id = l.other AND s.search = g.search
        CROSS JOIN posting AS p ON p.id = l.other AND p.status = 'closed'
        WHERE o.first = m.first AND NOT EXISTS (
            SELECT 1 FROM verdict AS v
            WHERE v.id = o.id AND v.other = l.other AND v.verdict = 'different'
        )
    ) AS together
FROM given AS g CROSS JOIN wanted AS w LEFT JOIN member AS m ON m.id = w.id;

-- When the oldest open transaction that writes began. Differs by necessity: here they take turns, so
-- none is open behind what can be read.
-- name: oldest_writer
SELECT NULL;

-- A posting that was removed meanwhile is not written down.
-- name: put_match
INSERT INTO seen_match (id, search, at, digest)
SELECT p.id, ?, ?, ? FROM posting AS p WHERE p.id = ?
ON CONFLICT (id, search) DO UPDATE SET at = excluded.at, digest = excluded.digest;

-- name: matches_of
SELECT s.id, s.search FROM seen_match AS s WHERE s.search = ? LIMIT ?;

-- name: forget_matches
DELETE FROM seen_match WHERE seen_match.id = ? AND seen_match.search = ?;

-- name: forget_search
DELETE FROM saved_search WHERE saved_search.name = ?;
