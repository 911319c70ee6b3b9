"""What a source's node must be able to do: prove states, also older ones, and tell which slots there are."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from smartsync.chain import Chain
from smartsync.discovery import (
    REPLAYED,
    SHORT_RANGE,
    TRACED,
    TRACED_SINGLY,
    WHOLE,
    Strategy,
    in_order,
)
from smartsync.discovery.completeness import is_anvil
from smartsync.discovery.whole_storage import whole_storage
from smartsync.doctor.probing import NOBODY, failure_of, proof_check
from smartsync.errors import (
    IncompleteSlots,
    MethodMissing,
    NoCode,
    NodeError,
    NodeUnreachable,
    NonCanonicalTrie,
    RpcError,
    SmartSyncError,
    SourceDestroyed,
)
from smartsync.header import Header
from smartsync.implementations import uncopyable, unsupported
from smartsync.results import Check
from smartsync.source import look_at
from smartsync.trie.proof import verify_account

_DEPTHS = (1, 16, 64, 127, 1_000, 10_000, 100_000)
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
    depths = _depths(header.number)
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
    if header.number == 1:
        # anvil's block 0 has a wrong state root, its later ones have not.
        return Check(name, True, "not of block 0, and there is no other older block yet: ask again when there is one")
    detail = "only the newest block: a block that the anchor accepts will nearly always be too old; use an archive node"
    return Check(name, False, detail)


def _depths(newest: int) -> list[int]:
    """Return how far back to ask: up to block 1 and then block 0, whose own state some nodes cannot prove."""
    return sorted({depth for depth in (*_DEPTHS, newest - 1, newest) if 0 < depth <= newest})


async def _discovery(chain: Chain, header: Header | None, address: str | None, client: str) -> list[Check]:
    """Try the strategies in their order: one that finds all slots is enough, and a file of slots replaces them."""
    number = header.number if header else 0
    checks: list[Check] = []
    working: list[str] = []
    order = [strategy for strategy in in_order(None, number) if strategy.method]
    for place, strategy in enumerate(order, 1):
        failure = await _tried(strategy, chain, address or NOBODY, number)
        detail = failure or f"works: {strategy.tells}"
        if strategy is WHOLE and client.startswith("Geth") and not failure and address is None:
            detail = "works; geth tells the slots only with --cache.preimages, though"
        if strategy is TRACED_SINGLY and {TRACED.method, REPLAYED.method} & {*working}:
            detail += "; not needed, blocks are traced"
        if not failure:
            working.append(strategy.method)
        checks.append(
            Check(f"{place}. {strategy.name}: {strategy.method} (optional)", not failure, detail, needed=False)
        )
    return [*checks, _finding(working)]


def _finding(working: Sequence[str]) -> Check:
    """Tell which strategies there are on this node, in which order they are tried, and why so."""
    if not working:
        detail = (
            "no method works: a sync finds what changed in slots that the replica has or had, by eth_getProof alone; "
            "for a fork, and of new slots, only those are found that can be guessed: help with --layout FILE, --keys "
            "FILE, give --slots FILE, or use a node with one of the methods (geth with --http.api debug, reth, erigon)"
        )
        return Check("finding slots", False, detail, needed=False)
    detail = f"a fork: by {' and '.join(working)}, then by guessing; "
    by_block = [method for method in working if method in (TRACED.method, REPLAYED.method)]
    if by_block:
        detail += f"a sync over up to {SHORT_RANGE} blocks: by {by_block[0]}; "
    return Check("finding slots", True, f"{detail}a sync: by eth_getProof alone, then as a fork where slots are new")


async def _tried(strategy: Strategy, chain: Chain, address: str, number: int) -> str:
    """Return why a strategy does not work, empty where it does."""
    if strategy is TRACED_SINGLY or (number == 0 and strategy is not WHOLE):
        # There may be no transaction to trace, and the first block cannot be traced anywhere.
        return await _lacking(chain, strategy.method)
    try:
        found = await strategy.find(chain, address, None if strategy is WHOLE else number - 1, number, None)
    except NodeUnreachable:
        raise
    except NodeError as error:
        # On a chain with nothing but its first block there is nothing to ask about.
        return f"does not work: {error.message}" if isinstance(error, MethodMissing) or number else ""
    return "; ".join(found.gaps)


async def _lacking(chain: Chain, method: str) -> str:
    """Return why a method does not work, empty where it is there: asked for what there is not, it shows as well."""
    try:
        await chain.rpc.call(method, [f"0x{bytes(32).hex()}" if method == TRACED_SINGLY.method else "0x0", {}])
    except MethodMissing as error:
        return f"does not work: {error.message}"
    except RpcError:
        pass
    return ""


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
    why = ""
    try:
        code, proxy = await look_at(chain, address, header.number)
        if proxy is not None:
            # What is refused by its own code is refused whatever it names.
            why = unsupported(code, *proxy) or await uncopyable(chain, *proxy, header.number)
    except SmartSyncError as error:
        return Check("contract", False, error.in_full), not isinstance(error, (NoCode, SourceDestroyed))
    if proxy is None:
        return Check("contract", True, f"{len(code)} bytes of code, not a proxy of a known kind"), True
    kind, named = proxy
    detail = f"{len(code)} bytes of code, a proxy ({kind}) of {named}" + (f", and {why}" if why else "")
    return Check("contract", not why, detail), True


async def _storage_trie(chain: Chain, header: Header, address: str) -> Check:
    name = "storage trie"
    try:
        async with asyncio.timeout(_STORAGE_TIMEOUT_S):
            return Check(name, True, await _complete(chain, header, address))
    except TimeoutError:
        return Check(name, True, f"not examined to the end within {_STORAGE_TIMEOUT_S:.0f} s: the contract is large")
    except (NonCanonicalTrie, IncompleteSlots) as error:
        return Check(name, False, error.in_full)
    except SmartSyncError as error:
        return Check(name, False, error.message)


async def _complete(chain: Chain, header: Header, address: str) -> str:
    state, strategy = await whole_storage(chain, header, address)
    warning = "; but anvil's is not once a slot is deleted or only touched" if is_anvil(state.client) else ""
    return f"canonical: all {len(state.values)} slots were found by {strategy}{warning}"
