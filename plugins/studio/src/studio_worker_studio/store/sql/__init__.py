"""What the studio asks of any SQL database: each piece of work once, in words that SQLite and
PostgreSQL both read. What differs is in the rooms of the two."""
