"""What the relayer remembers, in SQLite or PostgreSQL. What of it matters can be had from the chains again."""
