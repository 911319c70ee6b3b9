"""What the relayer remembers, in SQLite or PostgreSQL. All of it can be had from the chains again."""
