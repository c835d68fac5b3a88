-- Postings stay; what they were before is given up.
DROP TABLE revision;
