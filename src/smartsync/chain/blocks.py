"""How a block is named: by callers, by JSON-RPC, and in messages."""

from __future__ import annotations

from typing import TypeAlias

from smartsync.errors import ConfigError

Block: TypeAlias = int | str | bytes
"""A block's number, its 32-byte hash, or a word such as ``latest``."""

WORDS = frozenset({"earliest", "finalized", "safe", "latest", "pending"})


def block_tag(block: Block) -> str | dict[str, str]:
    """Return a block as JSON-RPC names it (EIP-1898 for a hash). ConfigError where it is none."""
    if isinstance(block, int) and block >= 0:
        return hex(block)
    if isinstance(block, str) and block in WORDS:
        return block
    return {"blockHash": f"0x{block_hash(block).hex()}"}


def block_hash(block: Block) -> bytes:
    """Return a block hash (32 bytes) given as bytes or as hex.

    Raises
    ------
    ConfigError
        It is neither.
    """
    try:
        found = bytes.fromhex(block.removeprefix("0x")) if isinstance(block, str) else block
    except ValueError:
        found = b""
    if not isinstance(found, bytes) or len(found) != 32:
        raise ConfigError(
            f"not a block: {block!r}", hint=f"give a number, a 32-byte hash, or {', '.join(sorted(WORDS))}"
        )
    return found


def block_name(block: Block) -> str:
    """Return a block as messages name it."""
    return f"0x{block.hex()}" if isinstance(block, bytes) else str(block)
