"""A relayer's HTTP face: web page, metrics and health, read-only, in the relayer's own process."""
