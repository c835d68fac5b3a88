-- Statements on postings that are the same opening.

-- part: wanted
-- Postings whose ids are bound as one value, one after another.
given (ids) AS (SELECT ?), wanted (id, number) AS (
    SELECT substr(g.ids, 1, 16), 1 FROM given AS g WHERE g.ids <> x''
    UNION ALL
    SELECT substr(g.ids, 16 * w.number + 1, 16), w.number + 1 FROM wanted AS w, given AS g
    WHERE 16 * w.number < length(g.ids)
)

-- Which postings changed after one, in the order of their changes, and what was made of them.
-- name: changed_after
SELECT p.id, p.updated_at, p.version, f.version, f.form
FROM (
    SELECT c.id, c.updated_at, c.version FROM posting AS c
    WHERE (c.updated_at, c.id) > (?, ?) ORDER BY c.updated_at, c.id LIMIT ?
) AS p LEFT JOIN feature AS f ON f.id = p.id
ORDER BY p.updated_at, p.id;

-- name: changed_number
SELECT count(*) FROM posting AS p WHERE (p.updated_at, p.id) > (?, ?);

-- name: newest_change
SELECT p.updated_at, p.id FROM posting AS p ORDER BY p.updated_at DESC, p.id DESC LIMIT 1;

-- name: followed
SELECT f.at, f.id FROM follower AS f WHERE f.name = ?;

-- A copy has brought postings that changed earlier than what was looked at here.
-- name: rewind
DELETE FROM follower;

-- The newest postings under each key of a JSON array.
-- name: near
WITH given (keys, most) AS (SELECT ?, ?),
wanted AS MATERIALIZED (
    SELECT k.value AS key,
        (SELECT n.at FROM block AS n WHERE n.key = k.value ORDER BY n.at DESC, n.id DESC LIMIT 1 OFFSET (SELECT h.most - 1 FROM given AS h)) AS at,
        (SELECT n.id FROM block AS n WHERE n.key = k.value ORDER BY n.at DESC, n.id DESC LIMIT 1 OFFSET (SELECT h.most - 1 FROM given AS h)) AS id
    FROM given AS g CROSS JOIN json_each(g.keys) AS k
)
SELECT w.key, b.id, b.at
FROM wanted AS w CROSS JOIN block AS b ON b.key = w.key
    AND (b.at, b.id) >= (coalesce(w.at, -9223372036854775807), coalesce(w.id, x''));

-- What is kept of postings to compare them; how many each is the same as, and how many it stands
-- beside: so many at most as are bound.
-- name: features_of
WITH RECURSIVE {wanted}
SELECT f.id, f.given,
    (SELECT count(*) FROM (
        SELECT 1 FROM link AS l WHERE l.id = f.id AND l.verdict = 'same' LIMIT ?
    ) AS s) AS same,
    (SELECT count(*) FROM (SELECT 1 FROM link AS l WHERE l.id = f.id LIMIT ?) AS b) AS beside
FROM wanted AS w CROSS JOIN feature AS f ON f.id = w.id WHERE f.form = ?;

-- Which of some postings are there, in which version, and by what each is looked up.
-- name: standing
WITH RECURSIVE {wanted}
SELECT p.id, p.version, f.at, f.keys
FROM wanted AS w CROSS JOIN posting AS p ON p.id = w.id LEFT JOIN feature AS f ON f.id = p.id;

-- name: add_blocks
INSERT INTO block (key, at, id) SELECT k.value, ?, ? FROM json_each(?) AS k WHERE true
ON CONFLICT DO NOTHING;

-- The rows of a posting that is gone, or is to get others.
-- name: remove_blocks
DELETE FROM block WHERE block.at = ? AND block.id = ?
    AND block.key IN (SELECT k.value FROM json_each(?) AS k);

-- What is left of postings that are gone.
-- name: clear_block
DELETE FROM block WHERE block.key = ? AND block.at = ? AND block.id = ?
    AND NOT EXISTS (SELECT 1 FROM feature AS f WHERE f.id = block.id);

-- What is said of a posting and others that are there: by somebody (1), and by the rules.
-- name: links_of
SELECT 1 AS said, v.other, v.verdict, '[]' AS reasons, v.at, v.actor
FROM verdict AS v JOIN posting AS p ON p.id = v.other WHERE v.id = ?
UNION ALL
SELECT 0, l.other, l.verdict, l.reasons, l.at, NULL
FROM link AS l JOIN link AS o ON o.id = l.other AND o.other = l.id WHERE l.id = ?;

-- Everybody whom the rules or somebody put beside postings, whether there or not.
-- name: beside
WITH RECURSIVE {wanted}
SELECT w.id, 0 AS said, l.other, '' AS verdict, 0 AS at, NULL AS actor
FROM wanted AS w CROSS JOIN link AS l ON l.id = w.id
UNION ALL
SELECT w.id, 1, v.other, v.verdict, v.at, v.actor
FROM wanted AS w CROSS JOIN verdict AS v ON v.id = w.id;

-- name: unlink
DELETE FROM link WHERE link.id = ? AND link.other = ?;

-- name: take_back
DELETE FROM verdict WHERE verdict.id = ? AND verdict.other = ?;

-- All that hangs together with some postings, or is in a group that has the id of one of them: who,
-- in which order (the open ones come first, as they were first seen; none for who is not there),
-- with whom, and who says so.
-- name: together
WITH RECURSIVE {wanted}, reached (id) AS (
    SELECT w.id FROM wanted AS w
    UNION
    SELECT m.id FROM wanted AS w CROSS JOIN member AS m ON m.first = w.id
    UNION
    SELECT v.other FROM reached AS r CROSS JOIN verdict AS v
    WHERE v.id = r.id AND v.verdict = 'same'
    UNION
    SELECT l.other FROM reached AS r CROSS JOIN link AS l WHERE l.id = r.id AND l.verdict = 'same'
    -- Differs by necessity: PostgreSQL takes neither a LIMIT nor a second such part here.
    LIMIT ?
)
SELECT
    r.id,
    p.first_seen_at + CASE p.status WHEN 'closed' THEN 4611686018427387904 ELSE 0 END,
    NULL AS other, NULL AS verdict,
    0 AS said
FROM reached AS r LEFT JOIN posting AS p ON p.id = r.id
UNION ALL
SELECT v.id, 0, v.other, v.verdict, 1 FROM reached AS r JOIN verdict AS v ON v.id = r.id
UNION ALL
SELECT l.id, 0, l.other, l.verdict, 0 FROM reached AS r JOIN link AS l ON l.id = r.id
WHERE l.verdict = 'same';

-- name: leave_group
DELETE FROM member WHERE member.id = ?;

-- name: group_of
SELECT o.id FROM member AS m JOIN member AS o ON o.first = m.first
WHERE m.id = ? ORDER BY o.number;

-- Pairs that the rules found, each once, in the order of their ids, behind one; and what somebody
-- says of them.
-- name: pairs_after
SELECT l.id, l.other, l.verdict, l.reasons, l.at, v.verdict
FROM link AS l
JOIN posting AS p ON p.id = l.id
JOIN posting AS o ON o.id = l.other
LEFT JOIN verdict AS v ON v.id = l.id AND v.other = l.other
WHERE (l.id, l.other) > (?, ?) AND l.id < l.other
ORDER BY l.id, l.other LIMIT ?;

-- The groups of postings whose ids are bound as one value, one after another: each with all in it.
-- Where nothing is in a group the ids are not even taken apart. Differs by necessity: a page of
-- PostgreSQL brings its groups along, since each statement more is a way to the server and back.
-- name: groups_of
WITH RECURSIVE given (ids) AS (SELECT ?), wanted (id, number) AS (
    SELECT substr(g.ids, 1, 16), 1 FROM given AS g WHERE EXISTS (SELECT 1 FROM member)
    UNION ALL
    SELECT substr(g.ids, 16 * w.number + 1, 16), w.number + 1 FROM wanted AS w, given AS g
    WHERE 16 * w.number < length(g.ids)
)
SELECT m.id, o.id, p.source, p.url
FROM wanted AS w
-- A CROSS JOIN keeps the order: all groups would be gone through otherwise.
CROSS JOIN member AS m ON m.id = w.id
CROSS JOIN member AS o ON o.first = m.first
CROSS JOIN posting AS p ON p.id = o.id
ORDER BY m.id, o.number;

-- name: reposts_of
SELECT e.detail FROM event AS e WHERE e.id = ? AND e.kind = 'repost';

-- Whether a posting is there, and stays until the transaction ends.
-- name: is_there
SELECT 1 FROM posting AS p WHERE p.id = ?;

-- Who is in a group that has the id of one of some postings.
-- name: named_after
WITH RECURSIVE {wanted}
SELECT m.id FROM wanted AS w CROSS JOIN member AS m ON m.first = w.id;

-- Which group each of some postings is in, and whether it was compared.
-- name: members_of
WITH RECURSIVE {wanted}
SELECT w.id, m.first, f.at
FROM wanted AS w LEFT JOIN member AS m ON m.id = w.id LEFT JOIN feature AS f ON f.id = w.id;

-- Who is in a group, or beside another one, behind an id.
-- name: in_groups_after
WITH given (after, most) AS (SELECT ?, ?), found AS (
    SELECT * FROM (
        SELECT DISTINCT l.id FROM link AS l
        WHERE l.id > (SELECT g.after FROM given AS g)
        ORDER BY l.id LIMIT (SELECT g.most FROM given AS g)
    ) AS l
    UNION
    SELECT * FROM (
        SELECT DISTINCT v.id FROM verdict AS v
        WHERE v.id > (SELECT g.after FROM given AS g)
        ORDER BY v.id LIMIT (SELECT g.most FROM given AS g)
    ) AS v
    UNION
    SELECT * FROM (
        SELECT m.id FROM member AS m
        WHERE m.id > (SELECT g.after FROM given AS g)
        ORDER BY m.id LIMIT (SELECT g.most FROM given AS g)
    ) AS m
)
SELECT f.id FROM found AS f ORDER BY f.id LIMIT (SELECT g.most FROM given AS g);

-- Who decided something that does not stand under the other posting, though both were compared.
-- name: half_verdicts
SELECT v.id FROM verdict AS v
JOIN feature AS f ON f.id = v.id
JOIN feature AS o ON o.id = v.other
LEFT JOIN verdict AS m ON m.id = v.other AND m.other = v.id
WHERE m.verdict IS NULL OR m.verdict <> v.verdict;

-- Which postings up to a place in the order of changes were not compared as they stand.
-- name: left_out
SELECT p.id FROM posting AS p LEFT JOIN feature AS f ON f.id = p.id
WHERE (p.updated_at, p.id) <= (?, ?)
    AND (f.version IS NULL OR f.version <> p.version OR f.form <> ?);

-- name: blocks_of
SELECT f.at, f.keys FROM feature AS f WHERE f.id = ?;

-- Somebody decided elsewhere: it is compared again.
-- name: reconsider
UPDATE feature SET form = 0 WHERE feature.id = ?;

-- What was decided of a posting that got another id stands under the other posting too.
-- name: move_verdict
UPDATE OR REPLACE verdict SET other = ?, verdict = ?, at = ?, actor = ?, digest = ?
WHERE verdict.id = ? AND verdict.other = ?;
