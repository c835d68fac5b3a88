INSERT INTO text_index (text_index, rank) VALUES ('usermerge', 4);
