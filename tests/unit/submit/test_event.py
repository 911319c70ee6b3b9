"""What is told of transactions to whoever counts them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from smartsync.chain import Chain
from smartsync.errors import NonceTaken, TransactionError, TransactionPending, TransactionReverted
from smartsync.rpc import Rpc
from smartsync.submit import Sender
from smartsync.submit.event import Event
from tests.http_node import Refusal, serving
from tests.unit.submit.test_sender import ACCOUNT, TO, Target


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    monkeypatch.setattr("smartsync.rpc._BACKOFF_S", 0.001)
    with serving() as node:
        node.__class__ = Target
        assert isinstance(node, Target)
        node.take()
        yield node


@pytest.fixture
async def chain(node: Target) -> AsyncIterator[Chain]:
    async with Rpc(node.url, retries=0) as rpc:
        yield Chain(rpc, "target")


def sender(chain: Chain, told: list[Event]) -> Sender:
    return Sender(chain, ACCOUNT, timeout_s=0.4, poll_s=0.01, stuck_s=0.02, tell=told.append)


async def test_send_tells_sent_and_included(chain: Chain) -> None:
    told: list[Event] = []
    await sender(chain, told).send(TO, b"", what="sync")
    assert told == ["sent", "included"]


async def test_send_that_reverts_in_its_block_tells_reverted(node: Target, chain: Chain) -> None:
    told: list[Event] = []
    node.status = "0x0"
    with pytest.raises(TransactionReverted):
        await sender(chain, told).send(TO, b"", what="sync")
    assert told == ["sent", "reverted"]


async def test_send_that_is_refused_tells_dropped(node: Target, chain: Chain) -> None:
    told: list[Event] = []
    node.results["eth_sendRawTransaction"] = Refusal(-32000, "nonce too low")
    with pytest.raises(TransactionError):
        await sender(chain, told).send(TO, b"", what="sync")
    assert told == ["dropped"]


async def test_send_that_is_never_sent_tells_nothing(node: Target, chain: Chain) -> None:
    told: list[Event] = []
    node.results["eth_estimateGas"] = Refusal(3, "execution reverted")
    with pytest.raises(TransactionReverted):
        await sender(chain, told).send(TO, b"", what="sync")
    assert told == []


async def test_send_that_the_node_has_lost_tells_resent(node: Target, chain: Chain) -> None:
    told: list[Event] = []
    node.looks = 10**9
    with pytest.raises(TransactionPending):
        await sender(chain, told).send(TO, b"", what="sync")
    assert told[0] == "sent" and set(told[1:]) == {"resent"}


async def test_send_that_is_stuck_tells_outbid(node: Target, chain: Chain) -> None:
    told: list[Event] = []
    node.looks = 10**9
    node.results["eth_maxPriorityFeePerGas"] = lambda params: hex(3 + 100 * len(node.sent))
    with pytest.raises(TransactionPending):
        await sender(chain, told).send(TO, b"", what="sync")
    assert told[:2] == ["sent", "outbid"]


async def test_send_whose_nonce_is_taken_tells_dropped(node: Target, chain: Chain) -> None:
    told: list[Event] = []
    node.looks = 10**9
    node.results["eth_getTransactionCount"] = lambda params: "0x6" if params[1] == "latest" else "0x5"
    with pytest.raises(NonceTaken):
        await sender(chain, told).send(TO, b"", what="sync")
    assert told == ["sent", "dropped"]
