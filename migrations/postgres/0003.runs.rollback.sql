DROP TABLE scope_member;
DROP TABLE scrape_run;
