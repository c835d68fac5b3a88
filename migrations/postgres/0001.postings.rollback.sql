DROP VIEW postings;
DROP TABLE posting;
DROP TABLE revision;
DROP TABLE counter;
DROP TABLE counter_delta;
DROP TABLE store_property;
