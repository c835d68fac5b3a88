-- Building anew, while others write, what follows from the postings.
--
-- The index that is being built has an entry for every posting from place renewal.place on that is
-- not in renewal_change, and for each in there the entry of what it says there, if it says any.
-- The triggers and what drains the table keep that true.

-- part: known_posting
old.version, old.status, old.source, old.source_job_id, old.title, old.company, old.location,
old.locations, old.country, old.workplace, old.employment_type, old.experience_level,
old.industry, old.skills, old.salary_min, old.salary_max, old.salary_currency, old.salary_period,
old.salary_text, old.url, old.applicant_count, old.posted_at, old.expires_at, old.first_seen_at,
old.last_seen_at, old.apply_url, old.company_url, old.company_size, old.updated_at, old.closed_at

-- part: posting_beside
p.version, p.status, p.source, p.source_job_id, p.title, p.company, p.location,
p.locations, p.country, p.workplace, p.employment_type, p.experience_level,
p.industry, p.skills, p.salary_min, p.salary_max, p.salary_currency, p.salary_period,
p.salary_text, p.url, p.applicant_count, p.posted_at, p.expires_at, p.first_seen_at,
p.last_seen_at, p.apply_url, p.company_url, p.company_size, p.updated_at, p.closed_at

-- part: unless_logged
NOT EXISTS (SELECT 1 FROM renewal_change AS c WHERE c.id = old.id)

-- part: log_old_posting
INSERT INTO renewal_change (id, place, was)
    SELECT old.id, old.place, json_array(
        {known_posting}, t.description, t.plain, t.attributes
    )
    FROM renewal AS r
    LEFT JOIN posting_text AS t ON t.place = old.place
    WHERE {unless_logged};

-- part: log_old_text
INSERT INTO renewal_change (id, place, was)
    SELECT p.id, p.place, json_array(
        {posting_beside}, old.description, old.plain, old.attributes
    )
    FROM posting AS p
    WHERE p.place = old.place
        AND NOT EXISTS (SELECT 1 FROM renewal_change AS c WHERE c.id = p.id);

-- INSERT OR IGNORE would not do: in a trigger, the statement that fires it decides what becomes of
-- a conflict (https://sqlite.org/lang_createtrigger.html).

-- name: trigger_insert
CREATE TRIGGER renewal_insert AFTER INSERT ON posting
WHEN new.place >= (SELECT r.place FROM renewal AS r)
BEGIN
    INSERT INTO renewal_change (id, place, was)
    SELECT new.id, NULL, NULL
    WHERE NOT EXISTS (SELECT 1 FROM renewal_change AS c WHERE c.id = new.id);
END;

-- Of all columns but those that no entry and no count depends on. What `migrate up` itself writes
-- is not among them.
-- name: trigger_update
CREATE TRIGGER renewal_update BEFORE UPDATE OF
    place, id, listed_at, version, status, source, source_job_id, title, company, location,
    locations, country, workplace, employment_type, experience_level, industry, company_size,
    skills, salary_min, salary_max, salary_currency, salary_period, salary_text, yearly_min,
    yearly_max, url, apply_url, company_url, applicant_count, posted_at, expires_at, closed_at
ON posting
WHEN max(old.place, new.place) >= (SELECT r.place FROM renewal AS r)
BEGIN
    INSERT INTO renewal_change (id, place, was)
    SELECT old.id, r.place_known, CASE WHEN r.place_known IS NOT NULL THEN json_array(
        {known_posting}, t.description, t.plain, t.attributes
    ) END
    FROM (
        SELECT CASE WHEN old.place >= n.place THEN old.place END AS place_known FROM renewal AS n
    ) AS r
    LEFT JOIN posting_text AS t ON t.place = old.place
    WHERE {unless_logged};
END;

-- name: trigger_sighting
CREATE TRIGGER renewal_sighting BEFORE UPDATE OF first_seen_at ON posting
WHEN old.first_seen_at <> new.first_seen_at AND old.place >= (SELECT r.place FROM renewal AS r)
BEGIN
    {log_old_posting}
END;

-- name: trigger_delete
CREATE TRIGGER renewal_delete BEFORE DELETE ON posting
WHEN old.place >= (SELECT r.place FROM renewal AS r)
BEGIN
    {log_old_posting}
END;

-- name: trigger_text_update
CREATE TRIGGER renewal_text_update BEFORE UPDATE OF place, description, attributes ON posting_text
WHEN old.place >= (SELECT r.place FROM renewal AS r)
BEGIN
    {log_old_text}
END;

-- name: trigger_text_delete
CREATE TRIGGER renewal_text_delete BEFORE DELETE ON posting_text
WHEN old.place >= (SELECT r.place FROM renewal AS r)
BEGIN
    {log_old_text}
END;

-- What a writer looks at once in each transaction.
-- name: compatible
SELECT s.value FROM store_property AS s WHERE s.name = 'compatible';

-- name: renewal_standing
SELECT r.place, r.stage, (SELECT max(c.number) FROM renewal_change AS c)
FROM renewal AS r WHERE r.form = ?;

-- name: renewal
SELECT
    r.form, r.earlier, r.stage, r.place, r.at_first, r.at_second, r.done, r.total, r.switched_at,
    r.written
FROM renewal AS r;

-- name: begin_renewal
INSERT INTO renewal (form, earlier, stage, place, at_first, at_second, done, total)
VALUES (?, ?, 'postings', ?, 0, 0, 0, ?);

-- name: end_renewal
DELETE FROM renewal;

-- name: renewal_built
UPDATE renewal SET place = ?, done = renewal.done + ?, stage = ?, at_first = ?, at_second = ?;

-- name: renewal_written
UPDATE renewal SET written = 1 WHERE renewal.written = 0;

-- name: renewal_switched
UPDATE renewal SET stage = 'kept', switched_at = ?;

-- name: first_changes
SELECT c.number, c.id, c.place, c.was FROM renewal_change AS c ORDER BY c.number LIMIT ?;

-- name: changes_after
SELECT c.number, c.id, c.place, c.was FROM renewal_change AS c WHERE c.number > ?;

-- name: change_of
SELECT c.number, c.id, c.place, c.was FROM renewal_change AS c WHERE c.id = ?;

-- name: change_known_at
SELECT c.number, c.id, c.place, c.was FROM renewal_change AS c WHERE c.place = ?;

-- name: every_change_id
SELECT c.id FROM renewal_change AS c;

-- name: changes_known
SELECT c.id, c.place, c.was FROM renewal_change AS c
WHERE c.place IS NOT NULL ORDER BY c.place DESC;

-- name: any_change
SELECT EXISTS (SELECT 1 FROM renewal_change);

-- name: count_changes
SELECT count(*) FROM renewal_change AS c;

-- name: forget_change
DELETE FROM renewal_change WHERE renewal_change.number = ?;

-- name: unknow_change
UPDATE renewal_change SET place = NULL, was = NULL WHERE renewal_change.number = ?;

-- name: forget_changes
DELETE FROM renewal_change;

-- name: write_digests
UPDATE posting SET digest = ?, seen_digest = ? WHERE posting.place = ?;

-- name: next_revisions
SELECT r.id, r.version, r.changed_at, r.previous, r.digest FROM revision AS r
WHERE (r.id, r.version) > (?, ?) ORDER BY r.id, r.version LIMIT ?;

-- name: write_revision_digest
UPDATE revision SET digest = ? WHERE revision.id = ? AND revision.version = ?;

-- The label is that of the oldest posting: they are counted newest first.
-- name: add_to_renewal_counter
INSERT INTO renewal_counter (kind, value, label, amount) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, value) DO UPDATE SET
    label = excluded.label, amount = renewal_counter.amount + excluded.amount;

-- name: next_counters
SELECT c.kind, c.value, c.label, c.amount FROM counter AS c
WHERE (c.kind, c.value) > (?, ?) AND c.kind <> 'quartiles' ORDER BY c.kind, c.value LIMIT ?;

-- name: next_renewal_counters
SELECT c.kind, c.value, c.label, c.amount FROM renewal_counter AS c
WHERE (c.kind, c.value) > (?, ?) ORDER BY c.kind, c.value LIMIT ?;

-- name: write_derived_form
INSERT INTO store_property (name, value) VALUES ('derived_form', ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: write_compatible
INSERT INTO store_property (name, value) VALUES ('compatible', ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: any_posting
SELECT EXISTS (SELECT 1 FROM posting);
