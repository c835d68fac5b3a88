"""Writing to SQLite: group commit, what a change does to each table, and exclusive transactions."""
