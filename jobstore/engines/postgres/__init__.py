"""PostgreSQL as an engine: a database on a server, reached with psycopg."""
