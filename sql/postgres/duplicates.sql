-- Statements on postings that are the same opening.

-- Which postings changed after one, in the order of their changes, and what was made of them.
-- name: changed_after
SELECT p.id, p.updated_at, p.version, f.version, f.form
FROM (
    SELECT c.id, c.updated_at, c.version FROM posting AS c
    WHERE (c.updated_at, c.id) > (%s, %s) ORDER BY c.updated_at, c.id LIMIT %s
) AS p LEFT JOIN feature AS f ON f.id = p.id
ORDER BY p.updated_at, p.id;

-- name: changed_number
SELECT count(*) FROM posting AS p WHERE (p.updated_at, p.id) > (%s, %s);

-- name: followed
SELECT f.at, f.id FROM follower AS f WHERE f.name = %s;

-- A copy has brought postings that changed earlier than what was looked at here.
-- name: rewind
DELETE FROM follower;

-- The newest postings under each key of a JSON array, as key and id; then what is kept of them.
-- name: candidates
WITH near AS MATERIALIZED (
    SELECT k.value::bigint AS key, b.at, b.id
    FROM json_array_elements_text(%s::json) AS k (value) CROSS JOIN LATERAL (
        SELECT n.at, n.id FROM block AS n WHERE n.key = k.value::bigint
        ORDER BY n.at DESC, n.id DESC LIMIT %s
    ) AS b
)
SELECT n.key, n.id, n.at, NULL AS given FROM near AS n
UNION ALL
SELECT NULL, f.id, f.at, f.given FROM feature AS f
WHERE f.id IN (SELECT n.id FROM near AS n) AND f.form = %s;

-- What is kept of a posting, so long as it stands as it was read. Differs by necessity: nobody may
-- delete the posting until its rows are written, and here writers do not take turns.
-- name: feature_to_write
SELECT f.at, f.keys FROM posting AS p LEFT JOIN feature AS f ON f.id = p.id
WHERE p.id = %s AND p.version = %s FOR KEY SHARE OF p;

-- name: add_blocks
INSERT INTO block (key, at, id)
SELECT k.value::bigint, %s, %s FROM json_array_elements_text(%s::json) AS k (value)
ON CONFLICT DO NOTHING;

-- The rows of a posting that is gone, or is to get others.
-- name: remove_blocks
DELETE FROM block WHERE block.at = %s AND block.id = %s
    AND block.key IN (SELECT k.value::bigint FROM json_array_elements_text(%s::json) AS k (value));

-- What is left of postings that are gone.
-- name: clear_block
DELETE FROM block WHERE block.key = %s AND block.at = %s AND block.id = %s
    AND NOT EXISTS (SELECT 1 FROM feature AS f WHERE f.id = block.id);

-- What is said of a posting and others that are there: by somebody (1), and by the rules.
-- name: links_of
SELECT 1 AS said, v.other, v.verdict, '[]' AS reasons, v.at, v.actor
FROM verdict AS v JOIN posting AS p ON p.id = v.other WHERE v.id = %s
UNION ALL
SELECT 0, l.other, l.verdict, l.reasons, l.at, NULL
FROM link AS l JOIN link AS o ON o.id = l.other AND o.other = l.id WHERE l.id = %s;

-- Everybody whom the rules or somebody put beside a posting, whether there or not.
-- name: beside
SELECT 0 AS said, l.other, '' AS verdict, 0 AS at, NULL AS actor FROM link AS l WHERE l.id = %s
UNION ALL
SELECT 1, v.other, v.verdict, v.at, v.actor FROM verdict AS v WHERE v.id = %s;

-- name: unlink
DELETE FROM link WHERE link.id = %s AND link.other = %s;

-- name: take_back
DELETE FROM verdict WHERE verdict.id = %s AND verdict.other = %s;

-- All that hangs together with a posting: who, in which order (the open ones come first, as they
-- were first seen), with whom, and who says so.
-- name: together
WITH RECURSIVE found (id) AS (
    SELECT %s::uuid
    UNION
    SELECT s.other FROM found AS r CROSS JOIN LATERAL (
        SELECT v.other FROM verdict AS v WHERE v.id = r.id AND v.verdict = 'same'
        UNION ALL
        SELECT l.other FROM link AS l WHERE l.id = r.id AND l.verdict = 'same'
    ) AS s
), reached AS MATERIALIZED (
    -- Differs by necessity: no LIMIT may stand inside; this one ends the search as well.
    SELECT f.id FROM found AS f LIMIT %s
)
SELECT
    p.id,
    p.first_seen_at + CASE p.status WHEN 'closed' THEN 4611686018427387904 ELSE 0 END,
    NULL AS other, NULL AS verdict,
    0 AS said
FROM reached AS r JOIN posting AS p ON p.id = r.id
UNION ALL
SELECT v.id, 0, v.other, v.verdict, 1 FROM reached AS r JOIN verdict AS v ON v.id = r.id
UNION ALL
SELECT l.id, 0, l.other, l.verdict, 0 FROM reached AS r JOIN link AS l ON l.id = r.id;

-- name: leave_group
DELETE FROM member WHERE member.id = %s;

-- name: group_of
SELECT o.id FROM member AS m JOIN member AS o ON o.first = m.first
WHERE m.id = %s ORDER BY o.number;

-- Pairs that the rules found, each once, in the order of their ids, behind one; and what somebody
-- says of them.
-- name: pairs_after
SELECT l.id, l.other, l.verdict, l.reasons, l.at, v.verdict
FROM link AS l
JOIN posting AS p ON p.id = l.id
JOIN posting AS o ON o.id = l.other
LEFT JOIN verdict AS v ON v.id = l.id AND v.other = l.other
WHERE (l.id, l.other) > (%s, %s) AND l.id < l.other
ORDER BY l.id, l.other LIMIT %s;

-- name: reposts_of
SELECT e.detail FROM event AS e WHERE e.id = %s AND e.kind = 'repost';

-- Whether a posting is there, and stays until the transaction ends.
-- name: is_there
SELECT 1 FROM posting AS p WHERE p.id = %s FOR KEY SHARE;

-- Who is in a group that has the id of a posting.
-- name: named_after
SELECT m.id FROM member AS m WHERE m.first = %s;

-- name: remove_blocks_of
DELETE FROM block USING feature AS f, json_array_elements_text(f.keys::json) AS k (value)
WHERE f.id = ANY(%s) AND block.key = k.value::bigint AND block.at = f.at AND block.id = f.id;

-- Somebody decided elsewhere: it is compared again.
-- name: reconsider
UPDATE feature SET form = 0 WHERE feature.id = %s;
