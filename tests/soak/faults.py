"""What goes wrong with the world of a relayer, each for a while, and the state of a replica that names it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from smartsync import rlp
from smartsync.anchors.attestation import attestation_of, sign
from smartsync.anchors.block import newest_accepted
from smartsync.anchors.documents import encode_signed
from smartsync.anchors.quorum import quorum_terms
from smartsync.header import decode_header
from tests import lying_proxy
from tests.http_node import Refusal, Reply
from tests.postgres import Postgres
from tests.soak.faulty_proxy import FaultyProxy
from tests.soak.ground import Ground
from tests.soak.workers import Crew

SLOW_S = 2.5
"""Seconds that a slow node takes for an answer: more than the workers wait."""

SOURCE_BLOCK_S = 2
"""Seconds between blocks of the source, where nothing happens there either."""

STALLED_AFTER_S = 10
"""Seconds without one after which the workers are to tell it."""

_GWEI = 10**9


@dataclass
class Place:
    """Everything that can be out of order."""

    made: Ground
    source: FaultyProxy
    target: FaultyProxy
    server: Postgres
    crew: Crew

    def node(self, role: Literal["source", "target"]) -> FaultyProxy:
        return self.source if role == "source" else self.target


Trouble = Callable[[Place], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Fault:
    """Something that is out of order while its context is open.

    ``state`` is what a replica is in that has to be synced meanwhile, with ``words`` in its reason. Without a state
    nothing can be written down, and the workers' logs have the words; without words either, all is exact in spite of
    it. ``is_anchored`` where the anchor accepts blocks all the same, ``is_late`` where it can only do so before:
    the workers are held until then. ``named_in_s`` how long it may take until it is named.
    """

    trouble: Trouble
    state: str | None
    words: str = ""
    is_anchored: bool = True
    is_late: bool = False
    named_in_s: float = 45.0


# --- nodes ---


def outage(role: Literal["source", "target"], reply: Reply) -> Trouble:
    @asynccontextmanager
    async def trouble(place: Place) -> AsyncIterator[None]:
        place.node(role).outage = lambda request: reply
        try:
            yield
        finally:
            place.node(role).outage = None

    return trouble


def lies(role: Literal["source", "target"], method: str, told: lying_proxy.Lie) -> Trouble:
    @asynccontextmanager
    async def trouble(place: Place) -> AsyncIterator[None]:
        place.node(role).lies[method] = told
        try:
            yield
        finally:
            place.node(role).lies.clear()

    return trouble


def refuses(role: Literal["source", "target"], method: str, refusal: Refusal) -> Trouble:
    """Have a node answer so and do nothing; what `lies` says is told of what was done."""

    @asynccontextmanager
    async def trouble(place: Place) -> AsyncIterator[None]:
        place.node(role).results[method] = refusal
        try:
            yield
        finally:
            place.node(role).results.clear()

    return trouble


@asynccontextmanager
async def source_behind(place: Place) -> AsyncIterator[None]:
    """Have the source's node import no more blocks."""
    place.source.head = await place.made.client.source.block_number()
    try:
        yield
    finally:
        place.source.head = None


@asynccontextmanager
async def source_stalled(place: Place) -> AsyncIterator[None]:
    """Have the source make no blocks, while the target's clock goes on: it tells the time by its blocks."""

    async def go_on() -> None:
        while True:
            place.made.target.request("evm_mine")
            await asyncio.sleep(1.0)

    place.made.source.request("evm_setIntervalMining", [0])
    clock = asyncio.create_task(go_on())
    try:
        yield
    finally:
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)
        place.made.source.request("evm_setIntervalMining", [SOURCE_BLOCK_S * 1_000])


def _another_chain(params: list[Any], result: Any) -> str:
    return "0x7777"


_POOL_FULL = Refusal(-32000, "txpool is full")


# --- the target ---


@asynccontextmanager
async def no_blocks(place: Place) -> AsyncIterator[None]:
    """Have the target make no blocks: what is sent waits."""
    target = place.made.target
    target.request("evm_setAutomine", [False])
    try:
        yield
    finally:
        target.request("evm_setAutomine", [True])
        target.request("evm_mine")


@asynccontextmanager
async def small_blocks(place: Place) -> AsyncIterator[None]:
    """Leave no room in the target's blocks for a sync."""
    target = place.made.target
    limit = int(target.request("eth_getBlockByNumber", ["latest", False])["gasLimit"], 16)
    target.request("evm_setBlockGasLimit", [hex(90_000)])
    target.request("evm_mine")
    try:
        yield
    finally:
        target.request("evm_setBlockGasLimit", [hex(limit)])
        target.request("evm_mine")


@asynccontextmanager
async def high_fees(place: Place) -> AsyncIterator[None]:
    """Have the target ask for more per gas than any transaction may pay."""
    target = place.made.target
    target.request("anvil_setNextBlockBaseFeePerGas", [hex(5_000 * _GWEI)])
    target.request("evm_mine")
    try:
        yield
    finally:
        target.request("anvil_setNextBlockBaseFeePerGas", [hex(_GWEI)])
        target.request("evm_mine")


@asynccontextmanager
async def no_funds(place: Place) -> AsyncIterator[None]:
    """Take away what the workers pay with."""
    target, keys = place.made.target, place.made.keys.values()
    for key in keys:
        target.request("anvil_setBalance", [key.address, hex(1)])
    target.request("evm_mine")
    try:
        yield
    finally:
        for key in keys:
            target.request("anvil_setBalance", [key.address, hex(10**21)])


# --- the anchor, and what the relayer remembers ---


@asynccontextmanager
async def nothing(place: Place) -> AsyncIterator[None]:
    """Leave all as it is: who accepts blocks for the anchor is told not to."""
    yield


@asynccontextmanager
async def frozen_anchor(place: Place) -> AsyncIterator[None]:
    """Show the anchor that its signer signed two blocks of one number; its guardian names another one afterwards."""
    made, client = place.made, place.made.client
    stands = (await newest_accepted(client.target, made.anchor)).block_hash
    terms = await quorum_terms(client.target, made.anchor)
    header = await client.source.header("latest")
    fields = list(header.fields)
    fields[3] = bytes(32)
    both = [attestation_of(terms, one, "safe") for one in (header, decode_header(rlp.encode(fields)))]
    documents = [encode_signed(terms, one, sign(made.signer, terms, one)) for one in both]
    assert (await client.report_double_signing(made.anchor, *documents)).anchor_status == "frozen"
    try:
        yield
    finally:
        made.signer = next(one for one in made.target.accounts[2:4] if one.address not in terms.signers)
        await client.recover_anchor(made.anchor, [made.signer.address], 1, stands)
        made.target.request("evm_mine")
        await client.recover_anchor(made.anchor, [made.signer.address], 1, stands)


@asynccontextmanager
async def database_down(place: Place) -> AsyncIterator[None]:
    """Kill the server of the relayer's state."""
    await asyncio.to_thread(place.server.stop, kill=True)
    try:
        yield
    finally:
        await asyncio.to_thread(place.server.start)


_LIMITED = Reply(status=429)
_SLOW = Reply(delay_s=SLOW_S)
_AWAY = Reply(status=503)

FAULTS: dict[str, Fault] = {
    "the source's node is away": Fault(outage("source", _AWAY), "source-down", "503"),
    "the source's node is slow": Fault(outage("source", _SLOW), "source-down", "no answer within"),
    "the source's node limits us": Fault(outage("source", _LIMITED), "source-limited", "429"),
    "the source's node is behind": Fault(source_behind, "source-behind"),
    "the source makes no blocks": Fault(source_stalled, "source-stalled"),
    "the source's node forges proofs": Fault(
        lies("source", "eth_getProof", lying_proxy.bent_account_proof), "source-wrong"
    ),
    "the source's node is on another chain": Fault(lies("source", "eth_chainId", _another_chain), "source-wrong"),
    "the target's node is away": Fault(outage("target", _AWAY), "target-down", "503"),
    "the target's node is slow": Fault(outage("target", _SLOW), "target-down", "no answer within"),
    "the target's node limits us": Fault(outage("target", _LIMITED), "target-limited", "429"),
    "the target's node is on another chain": Fault(lies("target", "eth_chainId", _another_chain), "target-down"),
    "the target's node takes no transactions": Fault(
        refuses("target", "eth_sendRawTransaction", _POOL_FULL), "target-full", "txpool is full"
    ),
    "the target's node takes transactions and says that it does not": Fault(
        lies("target", "eth_sendRawTransaction", lambda params, result: _POOL_FULL), None
    ),
    "the target's blocks are too small": Fault(small_blocks, "target-full", is_late=True),
    "the target's fees are too high": Fault(high_fees, "fee-too-high"),
    "the keys have no funds": Fault(no_funds, "no-funds"),
    "the anchor lags": Fault(nothing, "anchor-behind", is_anchored=False),
    "the anchor is frozen": Fault(frozen_anchor, "anchor-stopped", is_anchored=False),
    "the database is away": Fault(database_down, None, "the relayer's state in"),
}
"""What the story is made of."""

SLOW_FAULTS: dict[str, Fault] = {
    "the target makes no blocks": Fault(no_blocks, "target-full", "is in no block", is_late=True, named_in_s=180.0),
}
"""Those that take minutes to be named."""

IN_THE_SUITE = (
    "the source's node limits us",
    "the source's node forges proofs",
    "the target's node is away",
    "the anchor is frozen",
    "the database is away",
)
"""Those that `make test` has time for."""
