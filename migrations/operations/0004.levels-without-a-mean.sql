-- Of a level its range is shown, and its latest value; nobody asks for its mean.
ALTER TABLE level DROP COLUMN readings;
ALTER TABLE level DROP COLUMN total;
