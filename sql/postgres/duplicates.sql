-- Statements on postings that are the same opening.

-- part: wanted
-- Postings whose ids are bound as one value, one after another.
wanted (id) AS (
    SELECT encode(substring(g.ids FROM 16 * n.number + 1 FOR 16), 'hex')::uuid
    FROM (SELECT %s::bytea AS ids) AS g
    CROSS JOIN LATERAL generate_series(0, length(g.ids) / 16 - 1) AS n (number)
)

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

-- name: newest_change
SELECT p.updated_at, p.id FROM posting AS p ORDER BY p.updated_at DESC, p.id DESC LIMIT 1;

-- name: followed
SELECT f.at, f.id FROM follower AS f WHERE f.name = %s;

-- A copy has brought postings that changed earlier than what was looked at here.
-- name: rewind
DELETE FROM follower;

-- The newest postings under each key of a JSON array.
-- name: near
SELECT k.value::bigint, b.id, b.at
FROM json_array_elements_text(%s::json) AS k (value) CROSS JOIN LATERAL (
    SELECT n.at, n.id FROM block AS n WHERE n.key = k.value::bigint
    ORDER BY n.at DESC, n.id DESC LIMIT %s
) AS b;

-- What is kept of postings to compare them; how many each is the same as, and how many it stands
-- beside: so many at most as are bound.
-- name: features_of
WITH {wanted}
SELECT f.id, f.given,
    (SELECT count(*) FROM (
        SELECT 1 FROM link AS l WHERE l.id = f.id AND l.verdict = 'same' LIMIT %s
    ) AS s) AS same,
    (SELECT count(*) FROM (SELECT 1 FROM link AS l WHERE l.id = f.id LIMIT %s) AS b) AS beside
FROM wanted AS w JOIN feature AS f ON f.id = w.id WHERE f.form = %s;

-- Which of some postings are there, in which version, and by what each is looked up. Differs by
-- necessity: nobody may change or delete one until what is written about it stands, and here
-- writers do not take turns. In the order in which writers lock.
-- name: standing
WITH {wanted}
SELECT p.id, p.version, f.at, f.keys
FROM posting AS p LEFT JOIN feature AS f ON f.id = p.id
WHERE p.id IN (SELECT w.id FROM wanted AS w) ORDER BY p.id FOR KEY SHARE OF p;

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

-- Everybody whom the rules or somebody put beside postings, whether there or not.
-- name: beside
WITH {wanted}
SELECT w.id, 0 AS said, l.other, '' AS verdict, 0 AS at, NULL AS actor
FROM wanted AS w JOIN link AS l ON l.id = w.id
UNION ALL
SELECT w.id, 1, v.other, v.verdict, v.at, v.actor
FROM wanted AS w JOIN verdict AS v ON v.id = w.id;

-- name: unlink
DELETE FROM link WHERE link.id = %s AND link.other = %s;

-- name: take_back
DELETE FROM verdict WHERE verdict.id = %s AND verdict.other = %s;

-- All that hangs together with some postings, or is in a group that has the id of one of them: who,
-- in which order (the open ones come first, as they were first seen; none for who is not there),
-- with whom, and who says so.
-- name: together
WITH RECURSIVE {wanted}, found (id) AS (
    (
        SELECT w.id FROM wanted AS w
        UNION
        SELECT m.id FROM wanted AS w JOIN member AS m ON m.first = w.id
    )
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

-- Who is in a group that has the id of one of some postings.
-- name: named_after
WITH {wanted}
SELECT m.id FROM wanted AS w JOIN member AS m ON m.first = w.id;

-- Which group each of some postings is in, and whether it was compared.
-- name: members_of
WITH {wanted}
SELECT w.id, m.first, f.at
FROM wanted AS w LEFT JOIN member AS m ON m.id = w.id LEFT JOIN feature AS f ON f.id = w.id;

-- Who is in a group, or beside another one, behind an id.
-- name: in_groups_after
WITH given (after, most) AS (SELECT %s::uuid, %s::bigint), found AS (
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
WHERE (p.updated_at, p.id) <= (%s, %s)
    AND (f.version IS NULL OR f.version <> p.version OR f.form <> %s);

-- name: remove_blocks_of
DELETE FROM block USING feature AS f, json_array_elements_text(f.keys::json) AS k (value)
WHERE f.id = ANY(%s) AND block.key = k.value::bigint AND block.at = f.at AND block.id = f.id;

-- Somebody decided elsewhere: it is compared again.
-- name: reconsider
UPDATE feature SET form = 0 WHERE feature.id = %s;

-- What was decided of a posting that got another id stands under the other posting too. The row
-- stays the same one: whoever deletes the other posting meanwhile, deletes it.
-- name: move_verdict
UPDATE verdict SET other = %s, verdict = %s, at = %s, actor = %s, digest = %s
WHERE verdict.id = %s AND verdict.other = %s;

-- What stands where that one comes. Differs by necessity: nothing replaces a row here.
-- name: clear_verdict
DELETE FROM verdict WHERE verdict.id = %s AND verdict.other = %s AND EXISTS (
    SELECT 1 FROM verdict AS v WHERE v.id = verdict.id AND v.other = %s
);
