DROP TABLE seen_match;
DROP TABLE saved_search;
