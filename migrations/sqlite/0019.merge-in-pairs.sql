-- additive
-- Merging the full-text index beside writes (jobstore.engines.sqlite.writing.merging, and the task
-- optimize) goes on as long as two pieces are left that belong together, not four: what was said of
-- a posting before stays in the index until its pieces are merged, and every search reads past it.
INSERT INTO text_index (text_index, rank) VALUES ('usermerge', 2);
