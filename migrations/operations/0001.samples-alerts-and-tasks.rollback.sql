-- The first migration: taking it back leaves an empty database.
DROP TABLE task;
DROP TABLE delivery;
DROP TABLE notice;
DROP TABLE silence;
DROP TABLE alert;
DROP TABLE level;
DROP TABLE tally;
DROP TABLE process;
PRAGMA application_id = 0;
