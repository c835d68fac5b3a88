DROP INDEX posting_updated;
DROP TABLE follower;
DROP TABLE member;
DROP TABLE block;
DROP TABLE feature;
DROP TABLE link;
DROP TABLE verdict;
