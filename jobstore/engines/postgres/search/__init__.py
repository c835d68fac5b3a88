"""Searching in PostgreSQL: the words of a posting as a tsvector, pages and orders."""
