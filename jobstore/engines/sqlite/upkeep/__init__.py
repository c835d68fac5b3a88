"""Looking at a SQLite store, verifying it, and writing anew what is derived."""
