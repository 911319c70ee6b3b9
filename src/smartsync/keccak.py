"""keccak-256 by the C implementation.

``eth_hash.auto`` would take PyCryptodome, which ``eth-keyfile`` brings along and which is several times slower.
"""

from __future__ import annotations

from eth_hash.backends.pysha3 import backend


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte keccak-256 of ``data`` (Yellow Paper, appendix A)."""
    return backend.keccak256(data)
