-- The counts that the writer keeps, and what statistics reads of them.

-- name: add_to_counter
INSERT INTO counter (kind, value, label, amount) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, value) DO UPDATE SET amount = amount + excluded.amount;

-- name: drop_empty_counter
DELETE FROM counter WHERE kind = ? AND value = ? AND amount = 0;

-- name: counted_total
SELECT c.amount FROM counter AS c WHERE c.kind = 'total' AND c.value = '';

-- name: counters_of_kind
SELECT c.value, c.label, c.amount FROM counter AS c WHERE c.kind = ? ORDER BY c.value;

-- name: counters_since
SELECT c.value, c.amount FROM counter AS c WHERE c.kind = ? AND c.value >= ? ORDER BY c.value;

-- name: largest_counters
SELECT c.label, c.amount FROM counter AS c WHERE c.kind = ?
ORDER BY c.amount DESC, c.value LIMIT ?;

-- name: applicant_bounds
SELECT
    (SELECT min(p.applicant_count) FROM posting AS p WHERE p.applicant_count IS NOT NULL),
    (SELECT max(p.applicant_count) FROM posting AS p WHERE p.applicant_count IS NOT NULL);

-- The sum of both ends, twice the middle of the range, at a rank above a lower bound.
-- name: salary_at_rank
SELECT p.yearly_min + p.yearly_max FROM posting AS p
WHERE p.yearly_max IS NOT NULL AND p.salary_currency = ? AND p.yearly_min + p.yearly_max >= ?
ORDER BY p.yearly_min + p.yearly_max LIMIT 1 OFFSET ?;

-- name: cursor_key
SELECT s.value FROM store_property AS s WHERE s.name = 'cursor_key';
