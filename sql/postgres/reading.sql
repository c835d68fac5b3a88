-- Reads by key. What is searched for is built in jobstore/engines/postgres/search/.

-- part: job_columns
-- In the order of JOB_COLUMNS in jobstore/engines/rows.py.
p.id, p.version, p.status, p.source, p.source_job_id, p.title, p.company, p.location, p.locations,
p.country, p.workplace, p.employment_type, p.experience_level, p.industry, p.skills,
p.salary_min, p.salary_max, p.salary_currency, p.salary_period, p.salary_text, p.url,
p.applicant_count, p.posted_at, p.expires_at, p.first_seen_at, p.last_seen_at,
p.apply_url, p.company_url, p.company_size, p.updated_at, p.closed_at,
p.description, p.plain, p.attributes

-- name: job_by_id
SELECT
    {job_columns}
FROM posting AS p
WHERE p.id = %s;

-- name: jobs_by_ids
-- In which order, the caller says.
SELECT
    {job_columns}
FROM posting AS p
WHERE p.id = ANY(%s);

-- name: revisions_of
SELECT r.version, r.changed_at, r.previous FROM revision AS r
WHERE r.id = %s
ORDER BY r.version DESC;

-- name: cursor_key
SELECT s.value FROM store_property AS s WHERE s.name = 'cursor_key';
