"""Proofs of many slots from nodes that prove few at once.

Nodes limit ``eth_getProof``, to 100 slots a call or fewer, or to so many bytes or seconds. The limit is not known
beforehand and written differently by each (`smartsync.refusals`), so it is found out: what is refused is halved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from smartsync import answers
from smartsync.errors import NodeError, NodeUnreachable, RpcError
from smartsync.jobs import side_by_side
from smartsync.refusals import too_many_keys
from smartsync.rpc import JsonRpc
from smartsync.types import UntrustedProof

Ask: TypeAlias = Callable[[str, Sequence[Any], int], Awaitable[Any]]
"""Calls a method whose last parameter is a block: from its name, the parameters before that, and the block's number."""

_SLOTS_PER_PROOF = 100
"""Slots in one ``eth_getProof``: the lowest cap among the clients that have one. Hosted nodes may have a lower one."""

_PROOFS_AT_ONCE = 4


class Proofs:
    """Proofs by one node, which is asked for fewer slots at once from when it has refused so many on.

    Parameters
    ----------
    ask
        Asks that node.
    chain_id
        Asks it for something that every node has at once, to tell one that is slow from one that is away.
    """

    def __init__(self, rpc: JsonRpc, ask: Ask, chain_id: Callable[[], Awaitable[int]]) -> None:
        self._rpc, self._ask, self._chain_id = rpc, ask, chain_id
        self._slots_per_proof = _SLOTS_PER_PROOF

    async def read(self, address: str, slots: Sequence[bytes], block: int) -> UntrustedProof:
        """Return the node's proofs; for parameters and errors see `Chain.proof`."""
        size = self._slots_per_proof
        chunks = [slots[i : i + size] for i in range(0, len(slots), size)] or [[]]
        gate = asyncio.Semaphore(_PROOFS_AT_ONCE)

        async def prove(part: Sequence[bytes]) -> list[UntrustedProof]:
            async with gate:
                # What was cut before a limit was known waits at the gate: it need not be refused, too.
                if len(part) <= self._slots_per_proof and (proof := await self._proof(address, part, block)):
                    return [proof]
            half = len(part) // 2
            return [*await prove(part[:half]), *await prove(part[half:])]

        proofs = [proof for found in await side_by_side(prove(chunk) for chunk in chunks) for proof in found]
        first = proofs[0]
        if any(p.account_nodes != first.account_nodes or p.storage_root != first.storage_root for p in proofs):
            raise NodeError(
                f"{self._rpc.host} proved two different states for block {block}",
                hint="the block may have been replaced meanwhile: try again",
            )
        return UntrustedProof(
            address=address,
            storage_root=first.storage_root,
            code_hash=first.code_hash,
            account_nodes=first.account_nodes,
            storage=tuple(storage for proof in proofs for storage in proof.storage),
        )

    async def _proof(self, address: str, slots: Sequence[bytes], block: int) -> UntrustedProof | None:
        """Return one proof; None where these are too many slots for the node, of which it is asked for fewer then."""
        try:
            told = await self._ask("eth_getProof", [address, [f"0x{slot.hex()}" for slot in slots]], block)
        except (RpcError, NodeUnreachable) as error:
            if len(slots) < 2 or not await self._too_many(error):
                raise
            self._slots_per_proof = min(self._slots_per_proof, len(slots) // 2)
            return None
        try:
            return answers.account_proof(told, address, slots)
        except NodeError as error:
            raise NodeError(f"{self._rpc.host}: {error.message}", hint=error.hint) from error

    async def _too_many(self, error: RpcError | NodeUnreachable) -> bool:
        """Whether it is for the number of slots that the node does not answer."""
        if isinstance(error, RpcError):
            return too_many_keys(error)
        try:
            # One that has time for this, but had none for so many slots, may have it for fewer.
            return error.timed_out and await self._chain_id() > 0
        except NodeError:
            return False
