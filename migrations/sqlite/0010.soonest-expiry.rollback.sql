DROP INDEX posting_soonest;
