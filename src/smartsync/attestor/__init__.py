"""The signer service of a quorum anchor: follows the source, remembers what it signed, serves it over HTTP."""
