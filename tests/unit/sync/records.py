"""What the hub says of replicas, made up."""

from __future__ import annotations

from typing import Any

from smartsync.replica import ReplicaKey, ReplicaRecord

REPLICA = "0x" + "44" * 20
ANCHOR = "0x" + "22" * 20


def record_at(node: Any, recorded: int, halt: int | None = None) -> ReplicaRecord:
    """Return the record of a replica that stands at a block of the node, and whose source had ended at another one."""
    told = dict.fromkeys(ReplicaRecord.__dataclass_fields__, 0) | {"block_number": recorded}
    told["key"] = ReplicaKey(0x539, REPLICA, ANCHOR, REPLICA, bytes(32), bytes(32))
    told["block_hash"] = node.header(recorded).hash
    told["halt_hash"] = bytes(32) if halt is None else node.header(halt).hash
    return ReplicaRecord(**told)  # type: ignore[arg-type]
