DROP INDEX scrape_run_source;
