-- Statements on applications for postings.

-- part: columns
SELECT a.id, a.application, a.state, a.reached, a.began_at, a.applied_at, a.changed_at, a.due_at,
    a.look, a.address, a.apply_address, a.detail,
    p.source, p.source_job_id, p.title, p.company, p.url, p.status, p.closed_at, p.version

-- Differs by necessity: processes of SQLite take turns at the file, those of a server take turns here,
-- so that of two applications at once for the same opening one sees the other.
-- name: turn_to_apply
SELECT pg_advisory_xact_lock(hashtextextended('jobstore: applications', 0));

-- Those for one posting, the latest first.
-- name: applications_for
{columns}
FROM application AS a JOIN posting AS p ON p.id = a.id
WHERE a.id = %s ORDER BY a.began_at DESC, a.application DESC;

-- Those in some states (a JSON array), the latest changed first, behind a time and an id.
-- name: applications
{columns}
FROM application AS a JOIN posting AS p ON p.id = a.id
WHERE (a.changed_at, a.application) < (%s, %s)
    AND a.state IN (SELECT j.value FROM json_array_elements_text(%s::json) AS j)
ORDER BY a.changed_at DESC, a.application DESC LIMIT %s;

-- All, in an order in which none moves when it is changed, behind a posting and an id.
-- name: every_application
{columns}
FROM application AS a JOIN posting AS p ON p.id = a.id
WHERE (a.id, a.application) > (%s, %s) ORDER BY a.id, a.application LIMIT %s;

-- Those in some states whose postings were closed since anybody wrote there: a version of the posting
-- that was not there then, since the clocks of two writers differ. Where none is written down, by the
-- time at which the store was told. Where that is pruned, any version since.
-- part: closed
FROM application AS a JOIN posting AS p ON p.id = a.id
WHERE p.status = 'closed' AND a.state IN (SELECT j.value FROM json_array_elements_text(%s::json) AS j)
    AND CASE
        WHEN (a.detail::json ->> 'version')::bigint IS NULL THEN a.changed_at < coalesce((
            SELECT max(r.changed_at) FROM revision AS r
            WHERE r.id = p.id AND (r.previous::json ->> 'status') IS NOT NULL
        ), p.updated_at)
        ELSE (a.detail::json ->> 'version')::bigint < coalesce((
            SELECT max(r.version) FROM revision AS r
            WHERE r.id = p.id AND (r.previous::json ->> 'status') IS NOT NULL
        ), p.version)
    END

-- name: closed_applications
{columns}
{closed}
ORDER BY p.closed_at DESC, a.application DESC LIMIT %s;

-- name: closed_applications_count
SELECT count(*)
{closed};

-- Applications that may be for the same opening: for the posting; sent to one of two addresses; sent
-- between two times for one of its duplicates, or for a posting that looks alike.
-- name: earlier_applications
SELECT 'posting' AS why, a.id, a.application, a.applied_at FROM application AS a WHERE a.id = %s
UNION ALL
SELECT 'address', a.id, a.application, a.applied_at FROM application AS a
WHERE a.address IN (%s, %s) AND a.applied_at IS NOT NULL
UNION ALL
SELECT 'address', a.id, a.application, a.applied_at FROM application AS a
WHERE a.apply_address IN (%s, %s) AND a.applied_at IS NOT NULL
UNION ALL
SELECT 'duplicate', a.id, a.application, a.applied_at
FROM member AS m JOIN member AS o ON o.first = m.first JOIN application AS a ON a.id = o.id
WHERE m.id = %s AND a.applied_at > %s AND a.applied_at < %s
UNION ALL
SELECT 'look-alike', a.id, a.application, a.applied_at FROM application AS a
WHERE a.look = %s AND a.applied_at > %s AND a.applied_at < %s;

-- name: forget_application
DELETE FROM application WHERE application.id = %s AND application.application = %s;
