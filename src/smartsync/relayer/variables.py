"""Environment variables of a relayer: what is secret stands in them and never in the file.

==================================== ==============================================================================
``SMARTSYNC_STATE_URL``              where the state is, with a password in it; or PostgreSQL's own ``PGPASSWORD``
``SMARTSYNC_RELAYER_LISTEN``         where it listens: for containers, which are reached from without or not at all
``SMARTSYNC_RELAYER_TOKEN``          what visitors of the web page must show; needed beyond loopback
``SMARTSYNC_CHAIN_NAME_URLS``        urls of a chain's nodes, separated by commas
``SMARTSYNC_KEY_NAME``               a private key
``SMARTSYNC_KEY_NAME_PASSWORD``      the password of a key's keystore
``SMARTSYNC_PAIR_NAME_TOKEN``        what a pair's attestors are shown; else ``SMARTSYNC_ATTESTOR_TOKEN``
==================================== ==============================================================================

NAME is that of the table, in capitals, with _ for each hyphen. A variable beats the file; an empty one is not set. Each
of them, and ``PGPASSWORD``, with ``_FILE`` behind its name is the path of a file that has it (`smartsync.environment`).
"""

from __future__ import annotations

STATE_URL = "SMARTSYNC_STATE_URL"
PGPASSWORD = "PGPASSWORD"
LISTEN = "SMARTSYNC_RELAYER_LISTEN"
TOKEN = "SMARTSYNC_RELAYER_TOKEN"  # noqa: S105  # a variable's name
ATTESTOR_TOKEN = "SMARTSYNC_ATTESTOR_TOKEN"  # noqa: S105


def urls_variable(chain: str) -> str:
    """Return the environment variable with the urls of a chain's nodes."""
    return f"SMARTSYNC_CHAIN_{_capitals(chain)}_URLS"


def key_variable(key: str) -> str:
    """Return the environment variable with a private key."""
    return f"SMARTSYNC_KEY_{_capitals(key)}"


def password_variable(key: str) -> str:
    """Return the environment variable with the password of a key's keystore."""
    return f"{key_variable(key)}_PASSWORD"


def token_variable(pair: str) -> str:
    """Return the environment variable with what a pair's attestors are shown."""
    return f"SMARTSYNC_PAIR_{_capitals(pair)}_TOKEN"


def _capitals(name: str) -> str:
    return name.upper().replace("-", "_")
