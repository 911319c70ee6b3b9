"""``python -m smartsync``: the command line."""

from smartsync.cli import main

if __name__ == "__main__":
    main()
