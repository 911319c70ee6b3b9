"""``smartsync`` and ``python -m smartsync``: the command line."""

import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line: the entry point of the installed script.

    Loading it takes a second or more, in which Ctrl-C is taken already: nothing has begun.
    """
    try:
        from smartsync.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        raise SystemExit(INTERRUPTED) from None
    run()


if __name__ == "__main__":
    main()
