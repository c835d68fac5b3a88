"""Statements and what they are made of: pure text, no I/O and no engine."""
