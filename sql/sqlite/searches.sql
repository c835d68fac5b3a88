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

-- Which of the postings between two places were acknowledged as matches of a search.
-- name: seen_between
SELECT p.id FROM posting AS p CROSS JOIN seen_match AS s ON s.id = p.id AND s.search = ?
WHERE (p.updated_at, p.id) > (?, ?) AND (p.updated_at, p.id) <= (?, ?);

-- When the oldest open transaction that writes began. Differs by necessity: here they take turns, so
-- none is open behind what can be read.
-- name: oldest_writer
SELECT NULL;

-- name: matches_of
SELECT s.id, s.search FROM seen_match AS s WHERE s.search = ? LIMIT ?;

-- name: forget_matches
DELETE FROM seen_match WHERE seen_match.id = ? AND seen_match.search = ?;

-- name: forget_search
DELETE FROM saved_search WHERE saved_search.name = ?;
