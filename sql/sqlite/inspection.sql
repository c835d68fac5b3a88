-- What `jobstore doctor` reads. These walk whole tables, and only when they are asked to.

-- name: every_posting
SELECT
    p.id, p.version, p.status, p.source, p.source_job_id, p.title, p.company, p.location,
    p.country, p.workplace, p.employment_type, p.experience_level, p.industry, p.skills,
    p.salary_min, p.salary_max, p.salary_currency, p.salary_period, p.salary_text, p.url,
    p.applicant_count, p.posted_at, p.first_seen_at, p.last_seen_at,
    p.apply_url, p.company_url, p.company_size, p.expires_at, p.updated_at, p.closed_at,
    t.description, t.attributes,
    p.place, p.listed_at, p.listed_tie
FROM posting AS p
LEFT JOIN posting_text AS t ON t.place = p.place
ORDER BY p.place;

-- name: every_counter
SELECT c.kind, c.value, c.amount FROM counter AS c;

-- name: indexed_places
SELECT w.rowid FROM posting_words AS w WHERE w.posting_words MATCH ? ORDER BY w.rowid;

-- Fails when the index contradicts itself; writes nothing, but counts as a write.
-- name: check_words
INSERT INTO posting_words (posting_words) VALUES ('integrity-check');

-- What `jobstore doctor --repair` makes anew. Goes back to an index without entries, whatever
-- state it is in.
-- name: empty_words
INSERT INTO posting_words (posting_words) VALUES ('delete-all');

-- name: empty_counters
DELETE FROM counter;
