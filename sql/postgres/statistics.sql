-- The counts that writers keep, and what statistics reads of them. A count is the sum of its row in
-- counter and of those in counter_delta, which are rolled up now and then.

-- name: add_counts
INSERT INTO counter_delta (kind, value, label, amount)
SELECT n.kind, n.value, n.label, n.amount
FROM json_populate_recordset(NULL::counter_delta, %s::json) AS n;

-- name: turn_to_roll_up
SELECT pg_try_advisory_xact_lock(hashtextextended('jobstore: counters', 0));

-- name: roll_up
-- Rows that others add meanwhile stay for the next time.
WITH taken AS (
    DELETE FROM counter_delta AS d RETURNING d.kind, d.value, d.label, d.amount
), added AS (
    SELECT t.kind, t.value, min(t.label) AS label, sum(t.amount)::bigint AS amount
    FROM taken AS t GROUP BY t.kind, t.value
), dropped AS (
    DELETE FROM counter AS c USING added AS a
    WHERE c.kind = a.kind AND c.value = a.value AND c.amount + a.amount = 0
), written AS (
    INSERT INTO counter AS c (kind, value, label, amount)
    SELECT a.kind, a.value, a.label, a.amount FROM added AS a
    WHERE a.amount <> 0 AND NOT EXISTS (
        SELECT FROM counter AS e
        WHERE e.kind = a.kind AND e.value = a.value AND e.amount + a.amount = 0
    )
    ON CONFLICT (kind, value) DO UPDATE SET amount = c.amount + excluded.amount
)
SELECT DISTINCT left(a.value, 3) FROM added AS a WHERE a.kind = 'salary';

-- name: counted_total
SELECT coalesce(sum(c.amount), 0)::bigint FROM (
    SELECT r.amount FROM counter AS r WHERE r.kind = 'total'
    UNION ALL
    SELECT d.amount FROM counter_delta AS d WHERE d.kind = 'total'
) AS c;

-- name: shown_counters
-- What statistics show: kinds that have few values or a row for each currency, the last days, and of
-- kinds with many values the largest. What is to be added can only raise a count that is pending
-- itself, so of those that are kept the largest will do: as many as are shown, and one more for each
-- from which something is to be taken.
WITH pending AS MATERIALIZED (
    SELECT d.kind, d.value, min(d.label) AS label, sum(d.amount)::bigint AS amount
    FROM counter_delta AS d
    WHERE d.kind NOT IN ('salary', 'salary_bucket') AND (d.kind <> 'day' OR d.value >= %(since)s)
    GROUP BY d.kind, d.value
), kept AS (
    SELECT c.kind, c.value, c.label, c.amount FROM counter AS c
    WHERE c.kind IN (
        'applicants', 'employment_type', 'experience_level', 'quartiles', 'status', 'total',
        'workplace'
    ) OR (c.kind = 'day' AND c.value >= %(since)s)
    UNION
    SELECT k.kind, n.value, n.label, n.amount
    FROM (VALUES ('source', %(sources)s), ('company', %(top)s), ('location', %(top)s))
        AS k (kind, shown)
    CROSS JOIN LATERAL (
        SELECT c.value, c.label, c.amount FROM counter AS c WHERE c.kind = k.kind
        ORDER BY c.amount DESC, c.value
        LIMIT k.shown + (
            SELECT count(*) FROM pending AS p WHERE p.kind = k.kind AND p.amount < 0
        )
    ) AS n
    UNION
    SELECT c.kind, c.value, c.label, c.amount
    FROM pending AS p JOIN counter AS c ON c.kind = p.kind AND c.value = p.value
)
SELECT
    s.kind, s.value, coalesce(min(s.label) FILTER (WHERE s.is_kept), min(s.label)),
    sum(s.amount)::bigint
FROM (
    SELECT k.kind, k.value, k.label, k.amount, TRUE AS is_kept FROM kept AS k
    UNION ALL
    SELECT p.kind, p.value, p.label, p.amount, FALSE FROM pending AS p
) AS s GROUP BY s.kind, s.value HAVING sum(s.amount) <> 0;

-- name: pending_currencies
SELECT DISTINCT left(d.value, 3) FROM counter_delta AS d WHERE d.kind = 'salary';

-- name: counters_beginning
-- The counts of a kind whose values begin with one of some texts. ``g`` comes after every digit.
SELECT c.value, sum(c.amount)::bigint FROM (
    SELECT r.value, r.amount FROM unnest(%(starts)s::text[]) AS s (start)
    JOIN counter AS r
        ON r.kind = %(kind)s AND r.value >= s.start COLLATE "C" AND r.value < s.start || 'g'
    UNION ALL
    SELECT d.value, d.amount FROM unnest(%(starts)s::text[]) AS s (start)
    JOIN counter_delta AS d
        ON d.kind = %(kind)s AND d.value >= s.start COLLATE "C" AND d.value < s.start || 'g'
) AS c GROUP BY c.value HAVING sum(c.amount) <> 0 ORDER BY c.value;

-- name: write_quartiles
INSERT INTO counter (kind, value, label, amount) VALUES ('quartiles', %s, %s, %s)
ON CONFLICT (kind, value) DO UPDATE SET label = excluded.label, amount = excluded.amount;

-- name: drop_quartiles
DELETE FROM counter AS c WHERE c.kind = 'quartiles' AND c.value = %s;

-- Applications, counted one by one.
-- name: application_counts
SELECT a.state, a.reached, count(*) FROM application AS a GROUP BY a.state, a.reached;

-- name: applicant_bounds
SELECT
    (SELECT min(p.applicant_count) FROM posting AS p WHERE p.applicant_count IS NOT NULL),
    (SELECT max(p.applicant_count) FROM posting AS p WHERE p.applicant_count IS NOT NULL);
