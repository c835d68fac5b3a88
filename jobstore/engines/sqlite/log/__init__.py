"""Keeping a database's write-ahead log: positions, pieces, capturing, checkpoints and replaying."""
