ALTER TABLE alert RENAME COLUMN notified_at TO told_at;
ALTER TABLE alert RENAME COLUMN notified TO told;
ALTER TABLE alert RENAME COLUMN turning_since TO well_since;
