INSERT INTO text_index (text_index, rank) VALUES ('automerge', 4);
INSERT INTO text_index (text_index, rank) VALUES ('hashsize', 1048576);
