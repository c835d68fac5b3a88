-- An alert fires, and is over, when readings have said so for some minutes: `turning_since` is when
-- they began to say otherwise. Words are those of the program: people are notified.
ALTER TABLE alert RENAME COLUMN well_since TO turning_since;
ALTER TABLE alert RENAME COLUMN told TO notified;
ALTER TABLE alert RENAME COLUMN told_at TO notified_at;
