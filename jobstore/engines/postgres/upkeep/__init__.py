"""Looking after a database on a server: inspection, repair, tidying, copies."""
