-- What `jobstore doctor` reads. These walk whole tables, and only when they are asked to.

-- name: every_counter
-- Quartiles follow from the counts of salaries, and are compared by themselves.
SELECT c.kind, c.value, c.label, c.amount FROM counter AS c WHERE c.kind <> 'quartiles';

-- name: indexed_entries
SELECT w.rowid FROM text_index AS w WHERE w.text_index MATCH ? ORDER BY w.rowid;

-- Each word, and a sum over where it stands: the remainder (by a prime) of the rowid multiplied
-- by the position, so that neither can change unnoticed. FTS5 has the words in order: nothing is
-- sorted.
-- name: indexed_words
SELECT
    v.term,
    sum((v.doc % 1000000007) * (v.offset * 128 + unicode(v.col)) % 1000000007 + 1)
FROM text_vocabulary AS v
GROUP BY v.term;

-- name: postings_without_text
SELECT p.id FROM posting AS p
WHERE NOT EXISTS (SELECT 1 FROM posting_text AS t WHERE t.place = p.place) ORDER BY p.place;

-- name: every_revision
SELECT r.id, r.version, r.changed_at, r.previous, r.digest FROM revision AS r
ORDER BY r.id, r.version;

-- name: orphaned_texts
SELECT t.place FROM posting_text AS t
WHERE NOT EXISTS (SELECT 1 FROM posting AS p WHERE p.place = t.place) ORDER BY t.place;

-- name: orphaned_revisions
SELECT r.id, r.version FROM revision AS r
WHERE NOT EXISTS (SELECT 1 FROM posting AS p WHERE p.id = r.id) ORDER BY r.id, r.version;

-- Fails when the index contradicts itself; writes nothing, but counts as a write.
-- name: check_words
INSERT INTO text_index (text_index) VALUES ('integrity-check');

-- What `jobstore doctor --repair` makes anew. Goes back to an index without entries, whatever
-- state it is in.
-- name: empty_words
INSERT INTO text_index (text_index) VALUES ('delete-all');

-- name: write_plain_text
UPDATE posting_text SET plain = ? WHERE posting_text.place = ?;

-- name: empty_counters
DELETE FROM counter;

-- name: delete_orphaned_texts
DELETE FROM posting_text
WHERE NOT EXISTS (SELECT 1 FROM posting AS p WHERE p.place = posting_text.place);

-- name: delete_orphaned_revisions
DELETE FROM revision WHERE NOT EXISTS (SELECT 1 FROM posting AS p WHERE p.id = revision.id);
