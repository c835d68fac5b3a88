"""The PostgreSQL engine: postings in the tables of a server, for many processes and machines."""
