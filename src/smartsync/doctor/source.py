"""What a source's node must be able to do: prove states, also older ones, and tell which slots there are."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from smartsync.chain import Chain
from smartsync.discovery import Strategy, prestate, storage_range, strategies
from smartsync.discovery.candidates import Candidates
from smartsync.discovery.completeness import check_complete, is_anvil, source_values
from smartsync.doctor.probing import NOBODY, failure_of, proof_check
from smartsync.errors import (
    IncompleteSlots,
    MethodMissing,
    NoCode,
    NodeError,
    NodeUnreachable,
    NonCanonicalTrie,
    SmartSyncError,
    SourceDestroyed,
)
from smartsync.header import Header
from smartsync.results import Check, Progress
from smartsync.source import inspect
from smartsync.trie.proof import verify_account

_DEPTHS = (1, 127, 1_000, 10_000, 100_000)
"""Blocks back from the newest at which a proof is asked for: geth keeps 128 states."""

_STORAGE_TIMEOUT_S = 60.0


async def source_checks(chain: Chain, header: Header | None, address: str | None, client: str) -> list[Check]:
    """Return what a node can do as a source; ``header`` is None where it has none that verifies."""
    checks = []
    if header is not None:
        checks.append(await proof_check(chain, header, address, needed=True))
        checks.append(await _history(chain, header, address))
    checks += await _discovery(chain, header, address, client)
    checks.append(await _raw_header(chain, header))
    if address is None or header is None:
        checks.append(_trie_by_client(client))
    else:
        contract, has_code = await _contract(chain, header, address)
        checks.append(contract)
        if has_code:
            checks.append(await _storage_trie(chain, header, address))
    return checks


async def _history(chain: Chain, header: Header, address: str | None) -> Check:
    """Find how far back proofs are served: an accepted block must not be older than that."""
    name = "eth_getProof of older blocks"
    depths = [depth for depth in _DEPTHS if depth < header.number] + [header.number]
    deepest = 0
    for depth in depths:
        try:
            proof = await chain.proof(address or NOBODY, [], header.number - depth)
            old = await chain.header(header.number - depth)
            verify_account(old.state_root, proof.address, proof.account_nodes)
        except NodeUnreachable:
            raise
        except SmartSyncError:
            break
        deepest = depth
    if deepest:
        return Check(name, True, f"served {deepest:,} back; fork and sync to a block before it is older than that")
    if header.number == 0:
        return Check(name, True, "there are no older blocks yet")
    detail = "only the newest block: a block that the anchor accepts will nearly always be too old; use an archive node"
    return Check(name, False, detail)


async def _discovery(chain: Chain, header: Header | None, address: str | None, client: str) -> list[Check]:
    """Try both debug methods; one of them is enough, and a file of slots replaces both."""
    number = header.number if header else 0
    ranged = await _tried(storage_range.candidates, chain, address or NOBODY, None, number)
    # The first block cannot be traced anywhere; whether the method is there shows all the same.
    traced = await _tried(
        prestate.candidates if number else _trace_genesis, chain, address or NOBODY, number - 1, number
    )
    both = [("debug_storageRangeAt", ranged), ("debug_traceBlockByNumber with prestateTracer", traced)]
    working = [name for name, failure in both if not failure]
    checks = [Check(f"{name} (optional)", not failure, failure or "works", needed=False) for name, failure in both]
    if client.startswith("Geth") and not ranged and address is None:
        checks[0] = replace(checks[0], detail="works; geth tells the slots only with --cache.preimages, though")
    only = (
        "neither method works, so only the slots 0 to 127 are found, by guessing: give --slots FILE, or use a node "
        "with one of them (geth with --http.api debug, reth)"
    )
    return [*checks, Check("finding slots", bool(working), f"by {' and '.join(working)}" if working else only)]


async def _trace_genesis(
    chain: Chain, address: str, from_block: int | None, to_block: int, on_progress: Progress | None = None
) -> Candidates:
    await chain.rpc.call("debug_traceBlockByNumber", ["0x0", {"tracer": "prestateTracer"}])
    return Candidates(set())


async def _tried(strategy: Strategy, chain: Chain, address: str, from_block: int | None, to_block: int) -> str:
    """Return why a strategy does not work, empty where it does."""
    try:
        found = await strategy(chain, address, from_block, to_block, None)
    except NodeUnreachable:
        raise
    except NodeError as error:
        # On a chain with nothing but its first block there is nothing to ask about.
        return f"does not work: {error.message}" if isinstance(error, MethodMissing) or to_block else ""
    return "; ".join(found.gaps)


async def _raw_header(chain: Chain, header: Header | None) -> Check:
    name = "debug_getRawHeader (optional)"
    failure = await failure_of(lambda: chain.rpc.call("debug_getRawHeader", [hex(header.number if header else 0)]))
    if not failure:
        return Check(name, True, "works", needed=False)
    rest = "not needed here: headers verify without it" if header else "it would help: headers do not verify without it"
    return Check(name, False, f"{failure}; {rest}", needed=False)


def _trie_by_client(client: str) -> Check:
    if is_anvil(client):
        detail = (
            "anvil keeps zeros in its storage tries, of slots that were deleted or only touched (read or compared by a "
            "transaction), and a contract with one cannot be replicated from it: take another node (hardhat, ganache, "
            "geth)"
        )
        return Check("storage trie", False, detail)
    return Check("storage trie", True, "no fault known of this client; name a contract to have its storage checked")


async def _contract(chain: Chain, header: Header, address: str) -> tuple[Check, bool]:
    """Check the contract; also returned is whether there is one at all, with a storage to look at."""
    try:
        code = await inspect(chain, address, header.number)
    except SmartSyncError as error:
        detail = f"{error.message}{f'; {error.hint}' if error.hint else ''}"
        return Check("contract", False, detail), not isinstance(error, (NoCode, SourceDestroyed))
    return Check("contract", True, f"{len(code)} bytes of code, not a proxy of a known kind"), True


async def _storage_trie(chain: Chain, header: Header, address: str) -> Check:
    name = "storage trie"
    try:
        async with asyncio.timeout(_STORAGE_TIMEOUT_S):
            return Check(name, True, await _complete(chain, header, address))
    except TimeoutError:
        return Check(name, True, f"not examined to the end within {_STORAGE_TIMEOUT_S:.0f} s: the contract is large")
    except (NonCanonicalTrie, IncompleteSlots) as error:
        return Check(name, False, f"{error.message}; {error.hint}")
    except SmartSyncError as error:
        return Check(name, False, error.message)


async def _complete(chain: Chain, header: Header, address: str) -> str:
    slots: set[bytes] = set()
    incomplete: IncompleteSlots | None = None
    async for found in strategies(chain, address, None, header.number):
        slots |= found.slots
        try:
            state = await source_values(chain, header, address, slots)
            check_complete(state)
        except IncompleteSlots as error:
            incomplete = error
            continue
        warning = "; but anvil's is not once a slot is deleted or only touched" if is_anvil(state.client) else ""
        return f"canonical: all {len(state.values)} slots were found by {found.strategy}{warning}"
    raise incomplete or IncompleteSlots([b""])
