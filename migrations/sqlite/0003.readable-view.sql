-- Shows the store to people who open the file with the sqlite3 shell, pandas or Datasette:
-- ids as text, times as ISO 8601 in UTC, salaries as numbers, the description beside them.
CREATE VIEW postings AS
SELECT
    lower(substr(hex(p.id), 1, 8) || '-' || substr(hex(p.id), 9, 4) || '-'
        || substr(hex(p.id), 13, 4) || '-' || substr(hex(p.id), 17, 4) || '-'
        || substr(hex(p.id), 21)) AS id,
    p.source, p.source_job_id, p.title, p.company, p.location, p.country, p.workplace,
    p.employment_type, p.experience_level, p.industry, p.company_size, p.skills,
    CAST(p.salary_min AS REAL) AS salary_min, CAST(p.salary_max AS REAL) AS salary_max,
    p.salary_currency, p.salary_period, p.salary_text,
    p.yearly_min AS salary_min_per_year, p.yearly_max AS salary_max_per_year,
    p.url, p.apply_url, p.company_url, p.applicant_count, p.status, p.version,
    strftime('%Y-%m-%dT%H:%M:%S', p.posted_at / 1000000, 'unixepoch')
        || printf('.%06dZ', p.posted_at % 1000000) AS posted_at,
    strftime('%Y-%m-%dT%H:%M:%S', p.expires_at / 1000000, 'unixepoch')
        || printf('.%06dZ', p.expires_at % 1000000) AS expires_at,
    strftime('%Y-%m-%dT%H:%M:%S', p.first_seen_at / 1000000, 'unixepoch')
        || printf('.%06dZ', p.first_seen_at % 1000000) AS first_seen_at,
    strftime('%Y-%m-%dT%H:%M:%S', p.last_seen_at / 1000000, 'unixepoch')
        || printf('.%06dZ', p.last_seen_at % 1000000) AS last_seen_at,
    strftime('%Y-%m-%dT%H:%M:%S', p.updated_at / 1000000, 'unixepoch')
        || printf('.%06dZ', p.updated_at % 1000000) AS updated_at,
    strftime('%Y-%m-%dT%H:%M:%S', p.closed_at / 1000000, 'unixepoch')
        || printf('.%06dZ', p.closed_at % 1000000) AS closed_at,
    t.description, t.attributes
FROM posting AS p
LEFT JOIN posting_text AS t ON t.place = p.place;
