"""The command line, ``smartsync``."""

from smartsync.cli.application import app, main

__all__ = ["app", "main"]
