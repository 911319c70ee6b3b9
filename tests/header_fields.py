"""The fields of a block's header as nodes name them, in the order of its RLP."""

from __future__ import annotations

FIELDS = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "difficulty"),
    *("number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce"),
)
"""The fifteen that every block has; later forks append theirs."""
