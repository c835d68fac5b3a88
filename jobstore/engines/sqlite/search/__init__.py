"""Searching in SQLite: the full-text index, its facet words, pages and orders."""
