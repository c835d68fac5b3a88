"""Writing to PostgreSQL: batches in sets of rows, counts, retries, and the proof of a commit."""
