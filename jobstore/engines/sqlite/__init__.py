"""SQLite: one writer with group commit, several readers, full text by FTS5."""
