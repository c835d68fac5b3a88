-- additive
--
-- What this is, and why, stands in migrations/sqlite/0018.runs-of-a-source.sql.
CREATE INDEX scrape_run_source ON scrape_run (source, ended_at, run);
