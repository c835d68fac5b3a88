-- additive
--
-- The last runs of a source were sorted out of all that it has had. Those of a scope are in the order
-- of the key.
CREATE INDEX scrape_run_source ON scrape_run (source, ended_at, run);
