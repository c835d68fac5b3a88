-- Statements on postings. Search statements depend on the query and are built in code.

-- part: stored_posting
p.id, p.version, p.status, p.source, p.source_job_id, p.title, p.company, p.location,
p.locations, p.country, p.workplace, p.employment_type, p.experience_level, p.industry, p.skills,
p.salary_min, p.salary_max, p.salary_currency, p.salary_period, p.salary_text, p.url,
p.applicant_count, p.posted_at, p.expires_at, p.first_seen_at, p.last_seen_at,
p.apply_url, p.company_url, p.company_size, p.updated_at, p.closed_at,
t.description, t.plain, t.attributes,
p.place, p.listed_at, p.listed_tie, p.opened_at, p.opened_by, p.opened_run, p.opened_digest

-- name: posting_by_id
SELECT
    {stored_posting}
FROM posting AS p
LEFT JOIN posting_text AS t ON t.place = p.place
WHERE p.id = ?;

-- part: with_wanted
-- The ids are bound as one value, one after another: a batch reads what is stored for it at once,
-- in two fifths of the time that a statement for each takes.
WITH RECURSIVE wanted (id, number) AS (
    SELECT substr(:ids, 1, 16), 1
    UNION ALL
    SELECT substr(:ids, 16 * w.number + 1, 16), w.number + 1 FROM wanted AS w
    WHERE 16 * w.number < length(:ids)
)

-- name: postings_by_ids
{with_wanted}
SELECT
    {stored_posting}, wanted.id
FROM wanted
CROSS JOIN posting AS p ON p.id = wanted.id
LEFT JOIN posting_text AS t ON t.place = p.place;

-- In which order, the caller says.
-- name: every_posting
SELECT
    {stored_posting}, p.yearly_min, p.yearly_max, p.digest, p.seen_digest
FROM posting AS p
LEFT JOIN posting_text AS t ON t.place = p.place

-- name: insert_posting
INSERT INTO posting (
    place, id, listed_at, listed_tie, version, status, source, source_job_id, title, company,
    location, locations, country, workplace, employment_type, experience_level, industry,
    company_size, skills, salary_min, salary_max, salary_currency, salary_period, salary_text, yearly_min,
    yearly_max, url, apply_url, company_url, applicant_count, posted_at, expires_at,
    first_seen_at, last_seen_at, updated_at, closed_at, digest, seen_digest, opened_at, opened_by,
    opened_run, opened_digest
) VALUES (
    :place, :id, :listed_at, :listed_tie, :version, :status, :source, :source_job_id, :title,
    :company, :location, :locations, :country, :workplace, :employment_type, :experience_level,
    :industry, :company_size, :skills, :salary_min, :salary_max, :salary_currency, :salary_period,
    :salary_text, :yearly_min, :yearly_max, :url, :apply_url, :company_url, :applicant_count,
    :posted_at, :expires_at, :first_seen_at, :last_seen_at, :updated_at, :closed_at,
    :digest, :seen_digest, :opened_at, :opened_by, :opened_run, :opened_digest
);

-- name: rewrite_posting
UPDATE posting SET
    version = :version, status = :status, title = :title, company = :company,
    location = :location, locations = :locations, country = :country, workplace = :workplace,
    employment_type = :employment_type, experience_level = :experience_level,
    industry = :industry, company_size = :company_size, skills = :skills,
    salary_min = :salary_min, salary_max = :salary_max, salary_currency = :salary_currency,
    salary_period = :salary_period, salary_text = :salary_text, yearly_min = :yearly_min,
    yearly_max = :yearly_max, url = :url, apply_url = :apply_url, company_url = :company_url,
    applicant_count = :applicant_count, posted_at = :posted_at, expires_at = :expires_at,
    first_seen_at = :first_seen_at, last_seen_at = :last_seen_at, updated_at = :updated_at,
    closed_at = :closed_at, digest = :digest, seen_digest = :seen_digest
WHERE posting.place = :place;

-- name: sight_posting
UPDATE posting SET first_seen_at = ?, last_seen_at = ?, seen_digest = ?
WHERE posting.place = ?;

-- name: relist_posting
UPDATE posting SET place = ?, listed_at = ?, listed_tie = ?, seen_digest = ?
WHERE posting.place = ?;

-- name: move_posting
UPDATE posting SET place = ? WHERE posting.place = ?;

-- Neighbours in the order of listing.
-- name: last_listed_before
SELECT p.place, p.listed_at, p.listed_tie FROM posting AS p
WHERE (p.listed_at, p.listed_tie) < (?, ?)
ORDER BY p.listed_at DESC, p.listed_tie DESC LIMIT 1;

-- name: next_place
SELECT min(p.place) FROM posting AS p WHERE p.place > ?;

-- name: places_above
SELECT p.place FROM posting AS p WHERE p.place > ? ORDER BY p.place;

-- name: places_below
SELECT p.place FROM posting AS p WHERE p.place < ? ORDER BY p.place DESC;

-- name: place_of_id
SELECT p.place FROM posting AS p WHERE p.id = ?;

-- name: posting_at_place
SELECT p.id FROM posting AS p WHERE p.place = ?;

-- name: delete_posting
DELETE FROM posting WHERE posting.place = ?;

-- name: write_text
INSERT INTO posting_text (place, description, plain, attributes) VALUES (?, ?, ?, ?)
ON CONFLICT (place) DO UPDATE SET
    description = excluded.description, plain = excluded.plain,
    attributes = excluded.attributes;

-- name: move_text
UPDATE posting_text SET place = ? WHERE posting_text.place = ?;

-- name: delete_text
DELETE FROM posting_text WHERE posting_text.place = ?;

-- name: insert_words
INSERT INTO text_index (rowid, body, title, company, location) VALUES (?, ?, ?, ?, ?);

-- The index keeps no text: an entry is removed by naming the words that it was made of.
-- name: delete_words
INSERT INTO text_index (text_index, rowid, body, title, company, location)
VALUES ('delete', ?, ?, ?, ?, ?);

-- name: insert_revision
INSERT INTO revision (id, version, changed_at, previous, digest) VALUES (?, ?, ?, ?, ?);

-- name: revisions_of
SELECT r.version, r.changed_at, r.previous FROM revision AS r
WHERE r.id = ? ORDER BY r.version DESC;

-- name: delete_revisions
DELETE FROM revision WHERE revision.id = ?;

-- What is carried into another store.
-- name: carried_postings
{with_wanted}
SELECT
    {stored_posting}, p.yearly_min, p.yearly_max, p.digest, p.seen_digest
FROM wanted
CROSS JOIN posting AS p ON p.id = wanted.id
LEFT JOIN posting_text AS t ON t.place = p.place;

-- name: carried_revisions
{with_wanted}
SELECT r.id, r.version, r.changed_at, r.previous, r.digest
FROM wanted
CROSS JOIN revision AS r ON r.id = wanted.id
ORDER BY r.id, r.version;

-- The digests of the revisions come as one text.
-- part: mark
p.listed_at, p.listed_tie, p.id, p.digest, p.seen_digest,
(
    SELECT group_concat(hex(h.digest), '') FROM (
        SELECT r.digest FROM revision AS r WHERE r.id = p.id ORDER BY r.version
    ) AS h
)

-- name: marks_from
SELECT {mark}, p.place FROM posting AS p WHERE p.place > ? ORDER BY p.place LIMIT ?;

-- name: marks_of
{with_wanted}
SELECT {mark} FROM wanted CROSS JOIN posting AS p ON p.id = wanted.id;

-- name: write_property
INSERT INTO store_property (name, value) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: store_property
SELECT s.value FROM store_property AS s WHERE s.name = ?;
