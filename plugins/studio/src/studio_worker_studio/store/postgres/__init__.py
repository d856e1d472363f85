"""The studio's memory in PostgreSQL: for a queue that outgrows one file."""
