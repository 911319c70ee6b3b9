"""Candidate keys from a chain: words of the contract's logs, of the calls that led to them, and who made them.

Nothing here is trusted or complete: what could not be read is told as a gap, and costs names, not truth.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeAlias

from smartsync import answers
from smartsync.answers import Log, Transaction
from smartsync.chain import Chain
from smartsync.errors import NodeError, NodeUnreachable
from smartsync.layout import Pool
from smartsync.rpc import Call

MAX_LOGS = 20_000
"""Logs that are looked at, the newest ones."""

MAX_WINDOWS = 4_000
"""Windows of blocks, the newest ones, in which logs are looked for: with a node that answers for few blocks at once a
whole chain would take millions of calls."""

MAX_CALLS = 1_000
"""Transactions that are looked at, the newest ones: three calls to the node each."""

MAX_BLOCKS = 64
"""Blocks, the newest ones, that are searched for calls which left no log."""

_BLOCKS_AT_ONCE = 8
_MAX_WORDS = 96
_MAX_TEXT = 4_096
_SELECTOR = 4

Tell: TypeAlias = Callable[[str], None]
"""Told what could not be seen, in words."""


async def collect(
    chain: Chain, address: str, from_block: int | None, to_block: int, pool: Pool, tell: Tell
) -> list[Transaction]:
    """Add to a pool what the blocks after one and until another tell, and return the calls that were seen.

    Parameters
    ----------
    address
        Of the contract, checksummed.
    from_block, to_block
        Block numbers, in any order; None for the beginning of the chain.
    tell
        Told what the node did not serve.

    Raises
    ------
    NodeUnreachable
        The node does not answer at the moment.
    """
    pool.add([_address_word(address)])
    logs, calls = await look(chain, address, from_block, to_block, tell)
    by_hash = {call.tx_hash: call for call in calls}
    emitted = await _unless_refused(_logs_of(chain, calls), "receipts", tell) or []
    emitters: dict[bytes, list[bytes]] = {}
    for log in emitted:
        emitters.setdefault(log.tx_hash, []).append(_address_word(log.address))
    once = {(one.tx_hash, one.address, one.topics, one.data): one for one in (*logs, *emitted)}
    # The newest last, logs and calls alike: a full pool lets go of what came longest ago.
    for one in sorted((*once.values(), *calls), key=_block_of):
        if isinstance(one, Log):
            parties = [*_parties(by_hash.get(one.tx_hash)), _address_word(one.address)]
            _add(pool, [*one.topics[1:], *words_of(one.data)], one.data, parties)
        else:
            arguments = one.data[_SELECTOR:] if one.to else b""
            _add(pool, words_of(arguments), arguments, [*_parties(one), *emitters.get(one.tx_hash, ())])
    if pool.is_full:
        tell(f"more keys were seen than are tried: the {len(pool)} that were seen last are")
    return calls


async def look(
    chain: Chain, address: str, from_block: int | None, to_block: int, tell: Tell
) -> tuple[list[Log], list[Transaction]]:
    """Return the newest of a contract's logs in a range of blocks, and of the calls to it; none where not served.

    Parameters and errors as of ``collect``.
    """
    first, last = _range(from_block, to_block)
    logs = await _unless_refused(_newest_logs(chain, address, first, last, tell), "logs", tell) or []
    return logs, await _calls_of(chain, address, first, last, logs, tell)


async def _calls_of(
    chain: Chain, address: str, first: int, last: int, logs: Sequence[Log], tell: Tell
) -> list[Transaction]:
    """Return the transactions that led to some logs, and those that the blocks until ``last`` have to the contract."""
    hashes = list(dict.fromkeys(log.tx_hash for log in logs))[-MAX_CALLS:]
    found = await _unless_refused(chain.transactions(hashes), "transactions", tell) or []
    since = max(first, last - MAX_BLOCKS + 1, 0)
    if since > first:
        tell(f"calls without a log are not seen before block {since}")
    direct = await _unless_refused(_direct_calls(chain, address, since, last), "blocks", tell) or []
    calls = {call.tx_hash: call for call in (*(one for one in found if one is not None), *direct)}
    return list(calls.values())[-MAX_CALLS:]


def words_of(data: bytes) -> list[bytes]:
    """Return the 32-byte words of ABI-encoded data, the first ones where they are many."""
    return [data[i : i + 32] for i in range(0, min(len(data), 32 * _MAX_WORDS) - 31, 32)]


def texts_of(data: bytes) -> list[bytes]:
    """Return what may be texts in ABI-encoded data: a length, so many bytes, and zeros up to a whole word."""
    texts: dict[bytes, None] = {}
    for start in range(0, min(len(data), 32 * _MAX_WORDS) - 63, 32):
        length = int.from_bytes(data[start : start + 32], "big")
        end = start + 32 + length
        if 0 < length <= _MAX_TEXT and end <= len(data) and not any(data[end : start + 32 + -(-length // 32) * 32]):
            texts[data[start + 32 : end]] = None
    return list(texts)


def _add(pool: Pool, words: Sequence[bytes], data: bytes, parties: Sequence[bytes]) -> None:
    texts = texts_of(data)
    pool.add([*words, *parties], texts)
    for text in texts:
        if len(text) % 32 == _SELECTOR:  # a call in a call, as routers and wallets make them
            pool.add([*words_of(text[_SELECTOR:]), *parties])


def _block_of(one: Log | Transaction) -> float:
    """Return the number of the block; what is in none yet comes after all."""
    return math.inf if one.block_number is None else one.block_number


def _range(from_block: int | None, to_block: int) -> tuple[int, int]:
    if from_block is None:
        return 0, to_block
    return min(from_block, to_block) + 1, max(from_block, to_block)


async def _newest_logs(chain: Chain, address: str, first: int, last: int, tell: Tell) -> list[Log]:
    """Read logs from the last block back, as far as they are looked at, and return them with the oldest first."""
    if first > last:
        return []
    windows: list[list[Log]] = []
    found, is_cut = 0, False
    async for logs in chain.logs_backwards(address, from_block=first, to_block=last):
        is_cut = found >= MAX_LOGS or len(windows) == MAX_WINDOWS
        if is_cut:
            break
        windows.append(logs)
        found += len(logs)
    if is_cut or found > MAX_LOGS:
        tell(
            f"of the contract's logs only the newest were looked at: {min(found, MAX_LOGS)}, of {len(windows)} queries"
        )
    return [log for logs in reversed(windows) for log in logs][-MAX_LOGS:]


async def _logs_of(chain: Chain, calls: Sequence[Transaction]) -> list[Log]:
    """Return what all contracts emitted in some transactions: who took part may be a key."""
    wanted: list[Call] = [("eth_getTransactionReceipt", [f"0x{call.tx_hash.hex()}"]) for call in calls]
    receipts = [answers.receipt(told) for told in await chain.rpc.batch(wanted) if told is not None]
    return [log for receipt in receipts for log in receipt.logs]


async def _direct_calls(chain: Chain, address: str, first: int, last: int) -> list[Transaction]:
    found: list[Transaction] = []
    for start in range(first, last + 1, _BLOCKS_AT_ONCE):  # with all their transactions they are large
        numbers = range(start, min(start + _BLOCKS_AT_ONCE, last + 1))
        calls: list[Call] = [("eth_getBlockByNumber", [hex(number), True]) for number in numbers]
        found += [call for block in await chain.rpc.batch(calls) for call in _calls_in(block, address)]
    return found


def _calls_in(block: Any, address: str) -> Iterator[Transaction]:
    told = answers.mapping(block, "block").get("transactions")
    for one in answers.sequence(told, "transactions"):
        to = answers.mapping(one, "transaction").get("to")
        if isinstance(to, str) and to.lower() == address.lower():
            yield answers.transaction(one)


def _parties(call: Transaction | None) -> list[bytes]:
    return [] if call is None else [_address_word(one) for one in (call.sender, call.to) if one]


def _address_word(address: str) -> bytes:
    return bytes(12) + bytes.fromhex(address[2:])


async def _unless_refused(work: Awaitable[list[Any]], what: str, tell: Tell) -> list[Any] | None:
    """Return what a node answers, None where it does not serve it, which is told."""
    try:
        return await work
    except NodeError as error:
        if isinstance(error, NodeUnreachable) and not error.timed_out:
            raise
        tell(f"{what} were not looked at: {error.message}")
        return None
