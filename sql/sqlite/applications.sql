-- Statements on applications for postings.

-- part: columns
SELECT a.id, a.application, a.state, a.reached, a.began_at, a.applied_at, a.changed_at, a.due_at,
    a.look, a.address, a.apply_address, a.detail,
    p.source, p.source_job_id, p.title, p.company, p.url, p.status, p.closed_at, p.version

-- Differs by necessity: processes take turns at the file, so there is nothing to wait for.
-- name: turn_to_apply
SELECT 1;

-- Those for one posting, the latest first.
-- name: applications_for
{columns}
FROM application AS a CROSS JOIN posting AS p ON p.id = a.id
WHERE a.id = ? ORDER BY a.began_at DESC, a.application DESC;

-- Those in some states (a JSON array), the latest changed first, behind a time and an id.
-- name: applications
{columns}
FROM application AS a CROSS JOIN posting AS p ON p.id = a.id
WHERE (a.changed_at, a.application) < (?, ?)
    AND a.state IN (SELECT j.value FROM json_each(?) AS j)
ORDER BY a.changed_at DESC, a.application DESC LIMIT ?;

-- All, in an order in which none moves when it is changed, behind a posting and an id.
-- name: every_application
{columns}
FROM application AS a CROSS JOIN posting AS p ON p.id = a.id
WHERE (a.id, a.application) > (?, ?) ORDER BY a.id, a.application LIMIT ?;

-- Those in some states whose postings were closed since anybody wrote there: a version of the posting
-- that was not there then, since the clocks of two writers differ. Where none is written down, by the
-- time at which the store was told. Where that is pruned, any version since.
-- part: closed
FROM application AS a CROSS JOIN posting AS p ON p.id = a.id
WHERE p.status = 'closed' AND a.state IN (SELECT j.value FROM json_each(?) AS j)
    AND CASE
        WHEN json_extract(a.detail, '$.version') IS NULL THEN a.changed_at < coalesce((
            SELECT max(r.changed_at) FROM revision AS r
            WHERE r.id = p.id AND json_extract(r.previous, '$.status') IS NOT NULL
        ), p.updated_at)
        ELSE json_extract(a.detail, '$.version') < coalesce((
            SELECT max(r.version) FROM revision AS r
            WHERE r.id = p.id AND json_extract(r.previous, '$.status') IS NOT NULL
        ), p.version)
    END

-- name: closed_applications
{columns}
{closed}
ORDER BY p.closed_at DESC, a.application DESC LIMIT ?;

-- name: closed_applications_count
SELECT count(*)
{closed};

-- Applications that may be for the same opening: for the posting; sent to one of two addresses; sent
-- between two times for one of its duplicates, or for a posting that looks alike.
-- name: earlier_applications
SELECT 'posting' AS why, a.id, a.application, a.applied_at FROM application AS a WHERE a.id = ?
UNION ALL
SELECT 'address', a.id, a.application, a.applied_at FROM application AS a
WHERE a.address IN (?, ?) AND a.applied_at IS NOT NULL
UNION ALL
SELECT 'address', a.id, a.application, a.applied_at FROM application AS a
WHERE a.apply_address IN (?, ?) AND a.applied_at IS NOT NULL
UNION ALL
SELECT 'duplicate', a.id, a.application, a.applied_at
FROM member AS m CROSS JOIN member AS o ON o.first = m.first CROSS JOIN application AS a ON a.id = o.id
WHERE m.id = ? AND a.applied_at > ? AND a.applied_at < ?
UNION ALL
SELECT 'look-alike', a.id, a.application, a.applied_at FROM application AS a
WHERE a.look = ? AND a.applied_at > ? AND a.applied_at < ?;

-- name: forget_application
DELETE FROM application WHERE application.id = ? AND application.application = ?;
