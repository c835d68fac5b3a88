-- Statements on postings. Search statements depend on the query and are built in code.
--
-- What is written comes as one JSON array of objects whose names are those of the columns: one
-- statement for any number of rows, which the server reads with the types of the table. Measured
-- beside COPY, it takes as long, and unlike COPY it can be sent together with others.

-- part: stored_posting
p.id, p.version, p.status, p.source, p.source_job_id, p.title, p.company, p.location,
p.locations, p.country, p.workplace, p.employment_type, p.experience_level, p.industry, p.skills,
p.salary_min, p.salary_max, p.salary_currency, p.salary_period, p.salary_text, p.url,
p.applicant_count, p.posted_at, p.expires_at, p.first_seen_at, p.last_seen_at,
p.apply_url, p.company_url, p.company_size, p.updated_at, p.closed_at,
p.description, p.plain, p.attributes

-- part: opened
p.opened_at, p.opened_by, p.opened_run, p.opened_digest

-- name: posting_by_id
SELECT {stored_posting} FROM posting AS p WHERE p.id = %s;

-- name: postings_by_ids
-- In which order, the caller says.
SELECT {stored_posting} FROM posting AS p WHERE p.id = ANY(%s);

-- name: postings_to_write
-- What is stored for a batch, and locked until its end; all lock in one order, so that two batches
-- seldom wait for each other.
SELECT
    {stored_posting}, p.listed_at, p.listed_tie, {opened}, p.digest, p.seen_digest
FROM posting AS p WHERE p.id = ANY(%s) ORDER BY p.id FOR UPDATE OF p;

-- name: which_are_there
SELECT p.id FROM posting AS p WHERE p.id = ANY(%s);

-- part: whole_posting
-- With what its digests are over. NULL stands for the place that SQLite gives a row.
{stored_posting}, NULL, p.listed_at, p.listed_tie, {opened}, p.yearly_min, p.yearly_max,
p.digest, p.seen_digest

-- name: carried_postings
SELECT {whole_posting} FROM posting AS p WHERE p.id = ANY(%s);

-- name: every_posting
-- Newest first.
SELECT {whole_posting} FROM posting AS p
ORDER BY p.listed_at DESC, p.listed_tie DESC, p.id DESC;

-- name: last_ties
-- The last of the postings that are listed at each of these times.
SELECT t.listed_at, (
    SELECT max(p.listed_tie) FROM posting AS p WHERE p.listed_at = t.listed_at
) FROM unnest(%s::bigint[]) AS t (listed_at);

-- name: insert_postings
INSERT INTO posting (
    id, listed_at, listed_tie, version, status, source, source_job_id, title, company, location,
    locations, country, workplace, employment_type, experience_level, industry, company_size,
    skills, salary_min, salary_max, salary_currency, salary_period, salary_text, yearly_min,
    yearly_max, url, apply_url, company_url, applicant_count, posted_at, expires_at,
    first_seen_at, last_seen_at, updated_at, closed_at, digest, seen_digest, form, words,
    spoken, description, plain, attributes, opened_at, opened_by, opened_run, opened_digest
)
SELECT
    n.id, n.listed_at, n.listed_tie, n.version, n.status, n.source, n.source_job_id, n.title,
    n.company, n.location, n.locations, n.country, n.workplace, n.employment_type,
    n.experience_level, n.industry, n.company_size, n.skills, n.salary_min, n.salary_max,
    n.salary_currency, n.salary_period, n.salary_text, n.yearly_min, n.yearly_max, n.url,
    n.apply_url, n.company_url, n.applicant_count, n.posted_at, n.expires_at, n.first_seen_at,
    n.last_seen_at, n.updated_at, n.closed_at, n.digest, n.seen_digest, n.form, n.words,
    n.spoken, n.description, n.plain, n.attributes, n.opened_at, n.opened_by, n.opened_run,
    n.opened_digest
FROM json_populate_recordset(NULL::posting, %s::json) AS n;

-- name: rewrite_postings
-- A long value that is the same stays where it is: the server then neither stores it again nor
-- writes to the index.
UPDATE posting AS p SET
    listed_at = n.listed_at, listed_tie = n.listed_tie, version = n.version, status = n.status,
    title = n.title, company = n.company, location = n.location, locations = n.locations,
    country = n.country, workplace = n.workplace, employment_type = n.employment_type,
    experience_level = n.experience_level, industry = n.industry,
    company_size = n.company_size, skills = n.skills, salary_min = n.salary_min,
    salary_max = n.salary_max, salary_currency = n.salary_currency,
    salary_period = n.salary_period, salary_text = n.salary_text, yearly_min = n.yearly_min,
    yearly_max = n.yearly_max, url = n.url, apply_url = n.apply_url,
    company_url = n.company_url, applicant_count = n.applicant_count, posted_at = n.posted_at,
    expires_at = n.expires_at, first_seen_at = n.first_seen_at, last_seen_at = n.last_seen_at,
    updated_at = n.updated_at, closed_at = n.closed_at, digest = n.digest,
    seen_digest = n.seen_digest, form = n.form, spoken = n.spoken,
    words = CASE WHEN n.words = p.words THEN p.words ELSE n.words END,
    description = CASE WHEN n.description = p.description THEN p.description ELSE n.description END,
    plain = CASE WHEN n.plain = p.plain THEN p.plain ELSE n.plain END,
    attributes = CASE WHEN n.attributes = p.attributes THEN p.attributes ELSE n.attributes END
FROM json_populate_recordset(NULL::posting, %s::json) AS n WHERE p.id = n.id;

-- name: sight_postings
UPDATE posting AS p SET
    first_seen_at = n.first_seen_at, last_seen_at = n.last_seen_at, listed_at = n.listed_at,
    listed_tie = n.listed_tie, seen_digest = n.seen_digest
FROM json_populate_recordset(NULL::posting, %s::json) AS n WHERE p.id = n.id;

-- name: delete_postings
DELETE FROM posting AS p WHERE p.id = ANY(%s);

-- name: insert_revisions
INSERT INTO revision (id, version, changed_at, previous, digest)
SELECT n.id, n.version, n.changed_at, n.previous, n.digest
FROM json_populate_recordset(NULL::revision, %s::json) AS n;

-- name: revisions_of
SELECT r.version, r.changed_at, r.previous FROM revision AS r
WHERE r.id = %s ORDER BY r.version DESC;

-- name: histories
SELECT r.id, r.changed_at, r.previous FROM revision AS r
WHERE r.id = ANY(%s) ORDER BY r.id, r.version;

-- name: revision_digests
SELECT r.id, r.version, r.digest FROM revision AS r WHERE r.id = ANY(%s);

-- name: delete_revisions
DELETE FROM revision AS r WHERE r.id = ANY(%s);

-- name: compatible
-- What a writer looks at once in each transaction.
SELECT s.value FROM store_property AS s WHERE s.name = 'compatible';

-- name: transaction_number
SELECT pg_current_xact_id()::text;

-- name: mark_log
SELECT pg_logical_emit_message(true, 'jobstore', '');

-- name: limit_waiting
-- Until the end of the transaction, in milliseconds.
SELECT set_config('lock_timeout', %s, true);

-- name: limit_transaction
SELECT
    set_config('lock_timeout', %s, true),
    set_config('statement_timeout', %s, true),
    set_config('idle_in_transaction_session_timeout', %s, true);

-- name: cursor_key
SELECT s.value FROM store_property AS s WHERE s.name = 'cursor_key';
