-- The counts that the writer keeps, and what statistics reads of them.

-- name: add_to_counter
INSERT INTO counter (kind, value, label, amount) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, value) DO UPDATE SET amount = counter.amount + excluded.amount;

-- name: drop_empty_counter
DELETE FROM counter WHERE counter.kind = ? AND counter.value = ? AND counter.amount = 0;

-- name: counted_total
SELECT c.amount FROM counter AS c WHERE c.kind = 'total' AND c.value = '';

-- name: shown_counters
-- What statistics show: kinds that have few values or a row for each currency, the last days, and of
-- kinds with many values the largest.
SELECT c.kind, c.value, c.label, c.amount FROM counter AS c
WHERE c.kind IN (
    'applicants', 'employment_type', 'experience_level', 'quartiles', 'status', 'total', 'workplace'
)
UNION ALL
SELECT d.kind, d.value, d.label, d.amount FROM counter AS d
WHERE d.kind = 'day' AND d.value >= :since
UNION ALL
SELECT s.kind, s.value, s.label, s.amount FROM (
    SELECT n.kind, n.value, n.label, n.amount FROM counter AS n WHERE n.kind = 'source'
    ORDER BY n.amount DESC, n.value LIMIT :sources
) AS s
UNION ALL
SELECT t.kind, t.value, t.label, t.amount FROM (
    SELECT n.kind, n.value, n.label, n.amount FROM counter AS n WHERE n.kind = 'company'
    ORDER BY n.amount DESC, n.value LIMIT :top
) AS t
UNION ALL
SELECT t.kind, t.value, t.label, t.amount FROM (
    SELECT n.kind, n.value, n.label, n.amount FROM counter AS n WHERE n.kind = 'location'
    ORDER BY n.amount DESC, n.value LIMIT :top
) AS t;

-- name: write_quartiles
INSERT INTO counter (kind, value, label, amount) VALUES ('quartiles', ?, ?, ?)
ON CONFLICT (kind, value) DO UPDATE SET label = excluded.label, amount = excluded.amount;

-- name: every_quartiles
SELECT c.value, c.label, c.amount FROM counter AS c WHERE c.kind = 'quartiles' ORDER BY c.value;

-- name: drop_quartiles
DELETE FROM counter WHERE counter.kind = 'quartiles' AND counter.value = ?;

-- name: counters_between
SELECT c.value, c.amount FROM counter AS c
WHERE c.kind = ? AND c.value >= ? AND c.value < ? ORDER BY c.value;

-- name: every_salary_bucket
SELECT c.value FROM counter AS c WHERE c.kind = 'salary_bucket';

-- Applications, counted one by one.
-- name: application_counts
SELECT a.state, a.reached, count(*) FROM application AS a GROUP BY a.state, a.reached;

-- name: applicant_bounds
SELECT
    (SELECT min(p.applicant_count) FROM posting AS p WHERE p.applicant_count IS NOT NULL),
    (SELECT max(p.applicant_count) FROM posting AS p WHERE p.applicant_count IS NOT NULL);

-- name: cursor_key
SELECT s.value FROM store_property AS s WHERE s.name = 'cursor_key';
