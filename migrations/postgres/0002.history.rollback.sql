DROP TABLE deletion;
DROP TABLE event;
ALTER TABLE posting DROP COLUMN opened_digest;
ALTER TABLE posting DROP COLUMN opened_run;
ALTER TABLE posting DROP COLUMN opened_by;
ALTER TABLE posting DROP COLUMN opened_at;
