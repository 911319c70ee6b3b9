"""What a relayer shows of itself over HTTP."""
