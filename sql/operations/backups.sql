-- How backups and restore tests went, and which counters of signed backups were seen.

-- name: backup_attempt
SELECT a.at, a.backup, a.error, a.failures, a.store FROM backup_attempt AS a;

-- name: put_backup_attempt
INSERT OR REPLACE INTO backup_attempt (id, at, backup, error, failures, store)
VALUES (1, ?, ?, ?, ?, ?);

-- name: restore_tests
SELECT r.at, r.backup, r.place, r.ok, r.error, r.seconds, r.age_seconds, r.postings, r.faults
FROM restore_test AS r
ORDER BY r.number DESC;

-- name: put_restore_test
INSERT INTO restore_test (
    at, backup, place, ok, error, seconds, age_seconds, postings, faults
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: prune_restore_tests
DELETE FROM restore_test
WHERE restore_test.number <= (SELECT max(r.number) FROM restore_test AS r) - :kept
    AND restore_test.number IS NOT (
        SELECT max(r.number) FROM restore_test AS r WHERE r.ok = 1 AND r.at <= :now
    );

-- name: backup_counters
SELECT c.store, c.highest FROM backup_counter AS c;

-- name: raise_backup_counter
INSERT INTO backup_counter (store, highest) VALUES (?, ?)
ON CONFLICT (store) DO UPDATE SET highest = max(backup_counter.highest, excluded.highest);
