"""What a node means by a JSON-RPC error: a revert, a block that it does not serve, too little gas, too much at once.

There is no standard for it, so this goes by the texts and places that the clients use. Measured on geth 1.17, hardhat
2.29, ganache 7.9, anvil 1.7 and @ethereumjs/client 0.10; from their sources for erigon, nethermind, reth and besu; of
hosted nodes from what their users report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from smartsync.contracts import decode_revert
from smartsync.errors import BlockUnavailable, MethodMissing, RpcError, TransactionReverted
from smartsync.rpc import TOO_LARGE

_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_REVERT = re.compile(
    r"revert|vm exception|vm execution error|invalid opcode|invalid jump|invalid instruction|out of gas|outofgas"
    r"|stack (under|over)flow|stack(under|over)flow|EVM error",
    re.I,
)
_GONE = re.compile(
    r"missing trie node|prun(ed|ing)|header (for hash )?not found|distance to target block|block .{0,80}not found"
    r"|unknown block|block.?out.?of.?range|invalid block tag|historical state|proof window|too old"
    r"|(state|header|block|trie) .{0,40}(not |un)available|no state available|greater than current height",
    re.I,
)
_OUT_OF_GAS = re.compile(r"gas required exceeds allowance|out ?of ?gas|exceeds block gas limit", re.I)
_ALLOWANCE = re.compile(r"allowance\D{0,3}(\d+)", re.I)
_ABOVE_CAP = re.compile(r"gas limit \(\d+\) is greater than the cap", re.I)
_HEAVY = re.compile(
    r"(request|response|result|payload|body|message|entity|content).{0,30}too (large|big|long)"
    r"|(request|response|result|payload|body|content).{0,20} (size|length).{0,20}(exceed|limit)"
    r"|timed[ -]?out|time-?out|deadline exceeded|took too long",
    re.I | re.S,
)
"""What is asked for is too much, by its size or by the time that it takes."""

_MANY_KEYS = re.compile(
    r"too many.{0,20} (keys|slots|proofs)\b|\b(keys|slots|proofs)\b.{0,40}(exceed|limit|max|too many)"
    r"|(exceed|limit|max).{0,40} (keys|slots|proofs)\b",
    re.I | re.S,
)
"""geth and bsc: "too many storage keys requested (max 1024, got 2000)"; mezo: "max number of storage keys exceeded"."""

_MANY_LOGS = re.compile(
    r"more than [\d,]+ (results|logs)|(too many|max(imum)?) (results|logs)|\b(results|logs|size|length)\b.{0,12} limit"
    r"|response size",
    re.I,
)
"""infura: "query returned more than 10000 results"; reth: "query exceeds max results 20000"; alchemy: "Log response
size exceeded"."""

_WIDE_RANGE = re.compile(
    r"\b(ranges?|span)\b.{0,60}(too (large|wide|big|long)|exceed|limit|max|bigger|larger|greater|over\b|not supported)"
    r"|(exceed|limit|max|up to|over|too (large|wide|big|long|many)).{0,60}\b(ranges?|span|blocks?)\b",
    re.I | re.S,
)
_NAMED_RANGE = re.compile(
    r"(?:limit(?:ed)?(?: of| to)?|(?:range|blocks?|span|max(?:imum)?)(?: is| of)?|up to|over|greater than)"
    r"[ :=]*(?:a |0 - )?(\d[\d,]*)(k\b)?",
    re.I,
)
_REVERTED = 3
_RESOURCE_NOT_FOUND = -32001


def revert_data(error: RpcError) -> bytes | None:
    """Return what the EVM returned on a revert (or an exceptional halt), or None where the error is no such thing.

    Nodes put it at different places of the JSON-RPC error's ``data``: geth, anvil and ganache's ``eth_call`` as the hex
    string itself; hardhat as ``{"message", "data": "0x…"}``; ganache's ``eth_estimateGas`` as
    ``{"hash", "result": "0x…"}`` and older ones below the transaction's hash, ``{"0x<hash>": {"return": "0x…"}}``;
    nethermind as hex behind the word ``Reverted``.
    """
    if error.code != _REVERTED and not _REVERT.search(error.text):
        return None
    return next(_hex_strings(error.data), b"")


def reverted(error: RpcError) -> TransactionReverted | None:
    """Return the revert that an error tells of, decoded, or None where it is something else."""
    data = revert_data(error)
    if data is None:
        return None
    name, reason = decode_revert(data)
    return TransactionReverted(reason if data else error.text, name=name, data=data)


def unavailable(error: RpcError, block: str) -> BlockUnavailable | None:
    """Return the error for a block, or its state, that the node does not serve, or None where it is something else."""
    if isinstance(error, MethodMissing) or revert_data(error) is not None:
        return None
    if error.code == _RESOURCE_NOT_FOUND or _GONE.search(error.text):
        return BlockUnavailable(block, error.text, host=error.host)
    return None


def out_of_gas(error: RpcError) -> int | None:
    """Return the gas that did not suffice (0 where the node does not tell it), or None where it is something else."""
    if not _OUT_OF_GAS.search(error.text):
        return None
    told = _ALLOWANCE.search(error.text)
    return int(told.group(1)) if told else 0


def searched_above_cap(error: RpcError) -> bool:
    """Whether the node's own search for an estimate left what one transaction may use, so that it found none.

    hardhat 2.29 does that under Osaka: from some 5 million gas on, where calls keep a part of it back.
    """
    return _ABOVE_CAP.search(error.text) is not None


def too_many_keys(error: RpcError) -> bool:
    """Whether a node refuses an ``eth_getProof`` for how many keys it asks for; fewer may do."""
    return _too_heavy(error) or _MANY_KEYS.search(error.text) is not None


def too_many_logs(error: RpcError) -> bool:
    """Whether a node refuses an ``eth_getLogs`` for how much there is to answer; of fewer blocks there may be less."""
    return _too_heavy(error) or _MANY_LOGS.search(error.text) is not None


def too_wide_range(error: RpcError) -> bool:
    """Whether a node refuses an ``eth_getLogs`` for how many blocks it is about."""
    return not too_many_logs(error) and _WIDE_RANGE.search(_all_text(error)) is not None


def named_range(error: RpcError, asked: int) -> int | None:
    """Return the number of blocks that a refusal names as its limit, None where it names none below ``asked``.

    A wrong guess is no harm: what is refused again is halved.
    """
    found = (int(number.replace(",", "")) * (1000 if k else 1) for number, k in _NAMED_RANGE.findall(_all_text(error)))
    return min((number for number in found if 0 < number < asked), default=None)


def _too_heavy(error: RpcError) -> bool:
    return error.code == TOO_LARGE or _HEAVY.search(error.text) is not None


def _all_text(error: RpcError) -> str:
    """Return the message with what stands beside it: tenderly's is "invalid params", the reason is in the data."""
    return f"{error.text} {error.data}" if isinstance(error.data, (str, Mapping)) else error.text


def _hex_strings(told: object) -> Iterator[bytes]:
    if isinstance(told, str):
        text = told.removeprefix("Reverted").strip()
        if _HEX.fullmatch(text):
            yield bytes.fromhex(text[2:])
    elif isinstance(told, Mapping):
        for name in ("data", "result", "return", "output"):
            yield from _hex_strings(told.get(name))
        for value in told.values():
            if isinstance(value, Mapping):
                yield from _hex_strings(value)
