"""What a worker of the relayer does a second, and what that takes of nodes and of the database."""
