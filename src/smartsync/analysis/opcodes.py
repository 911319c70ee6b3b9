"""Opcodes that matter to a replica: whose answer is the target's, and which not every chain has. Pure.

Source: Yellow Paper, appendix H; the EIPs named below.
"""

from __future__ import annotations

_ANSWER = "the answer of what stands at that address on the target: mostly nothing, and most code reverts then"
_CODE = "what the code at that address on the target does: mostly there is none, and nothing happens; or it is another"

ANSWERS = {
    "TIMESTAMP": "the target's time, now",
    "NUMBER": "the target's block number, now",
    "BLOCKHASH": "hashes of the target's blocks",
    "COINBASE": "who makes the target's block",
    "PREVRANDAO": "the target's random number (or difficulty)",
    "GASLIMIT": "the gas limit of the target's block",
    "BASEFEE": "the target's base fee",
    "BLOBBASEFEE": "the target's blob base fee",
    "BLOBHASH": "blobs of the transaction on the target",
    "GASPRICE": "the gas price of the transaction on the target",
    "CHAINID": "the target's chain id: an EIP-712 domain computed anew is another one",
    "SELFBALANCE": "the replica's own balance on the target",
    "BALANCE": "the account's balance on the target",
    "ADDRESS": "the replica's address: code that compares it with a constant or an immutable takes another way",
    "EXTCODESIZE": "the size of the code at that address on the target",
    "EXTCODECOPY": "the code at that address on the target",
    "EXTCODEHASH": "the hash of the code at that address on the target",
    "CALL": _ANSWER,
    "CALLCODE": _CODE,
    "DELEGATECALL": _CODE,
    "STATICCALL": _ANSWER,
}
"""Opcode -> what code that runs in a replica gets from it."""

CALLS = frozenset({"CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"})
WRITES = frozenset({"SSTORE", "TSTORE", "CREATE", "CREATE2", "SELFDESTRUCT", *(f"LOG{count}" for count in range(5))})
"""What no view can do: code that comes to one of these is for writing."""

PRECOMPILES = frozenset({*range(0x01, 0x12), 0x100})
"""Addresses of contracts that the protocol has (up to Osaka): they answer the same wherever the fork has them."""

EVERYWHERE = frozenset(range(0x01, 0x0B))
"""Of these, those up to Cancun, which a target has to have in any case: calling one makes no difference."""

PROBES = {
    "SHL": "600060001b00",
    "EXTCODEHASH": "303f00",
    "CREATE2": "6000600060006000f500",
    "CHAINID": "4600",
    "SELFBALANCE": "4700",
    "BASEFEE": "4800",
    "PUSH0": "5f00",
    "PREVRANDAO": "4400",
    "TLOAD": "60005c00",
    "TSTORE": "600060005d00",
    "MCOPY": "6000600060005e00",
    "BLOBHASH": "60004900",
    "BLOBBASEFEE": "4a00",
    "CLZ": "60001e00",
}
"""Opcode -> creation code, in hex, that runs it and stops; only those that some chain in use lacks.

EIP-145, 1052, 1014, 1344, 1884, 3198, 3855, 4399, 1153, 5656, 4844, 7516, 7939.
"""

NEWER = frozenset({"PUSH0", "TLOAD", "TSTORE", "MCOPY", "BLOBHASH", "BLOBBASEFEE", "CLZ"})
"""Of these, those since Shanghai: that a chain has them is worth telling."""
