"""Events of many blocks from nodes with limits; the words of the refusals are those of hosted nodes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

import pytest

from smartsync.chain import Chain
from smartsync.errors import BlockUnavailable, NodeError, NodeUnreachable, RateLimited, RpcError
from smartsync.rpc import Rpc
from tests.http_node import HttpNode, Refusal, Reply, serving

EMITTER = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
HEAD = 50_000
WRITTEN = [1, 3, 3, 20_000, 20_001, 30_000, 49_999, 50_000]
"""The blocks that have an event, once for each."""


def event(place: int, number: int) -> dict[str, Any]:
    topics = [f"0x{place:064x}"]
    return {
        "address": EMITTER,
        "topics": topics,
        "data": "0x",
        "blockNumber": hex(number),
        "transactionHash": topics[0],
    }


def asked(params: list[Any]) -> range:
    words = {"earliest": 0, "latest": HEAD}
    first, last = (
        words.get(tag) if tag in words else int(tag, 16) for tag in (params[0]["fromBlock"], params[0]["toBlock"])
    )
    return range(first or 0, (last or 0) + 1)


def told(params: list[Any]) -> list[Any]:
    blocks = asked(params)
    return [event(place, number) for place, number in enumerate(WRITTEN) if number in blocks]


def at_most(blocks: int, code: int, text: str, data: Any = None) -> Callable[[list[Any]], Any]:
    def answer(params: list[Any]) -> Any:
        count = len(asked(params))
        return Refusal(code, text.format(count=count), data) if count > blocks else told(params)

    return answer


@pytest.fixture
def node() -> Iterator[HttpNode]:
    with serving() as node:
        node.results["eth_blockNumber"] = hex(HEAD)
        yield node


@pytest.fixture
async def chain(node: HttpNode) -> AsyncIterator[Chain]:
    async with Rpc(node.url, retries=0) as rpc:
        yield Chain(rpc, "target")


LIMITED = {
    "infura": (10_000, -32602, "range {count} exceeds limit of 10000"),
    "quicknode": (10_000, -32614, "eth_getLogs is limited to a 10,000 range"),
    "publicnode": (5_000, -32701, "exceed maximum block range: 5000"),
    "reth": (1_000, -32602, "query exceeds max block range 1000"),
    "drpc": (10_000, 35, "ranges over 10000 blocks are not supported on freetier"),
    "scroll": (3_000, -32000, "block range is bigger than maxBlockRange"),
    "morph": (
        5_000,
        -32000,
        "block range is larger than max block range, block range = {count}, max block range = 5000",
    ),
    "ankr": (3_000, -32600, "block range is too wide"),
    "alchemy": (2_000, -32602, "You can make eth_getLogs requests with up to a 2K block range"),
    "1rpc": (50, -32602, "eth_getLogs is limited to 0 - 50 blocks range"),
    "besu": (5_000, -32005, "Requested range exceeds maximum range limit"),
}


@pytest.mark.parametrize(("blocks", "code", "text"), LIMITED.values(), ids=LIMITED)
async def test_logs_where_the_node_limits_blocks_are_all_there_in_order(
    node: HttpNode, chain: Chain, blocks: int, code: int, text: str
) -> None:
    node.results["eth_getLogs"] = at_most(blocks, code, text)
    logs = await chain.logs(EMITTER)
    assert [log.block_number for log in logs] == WRITTEN
    assert [log.tx_hash[-1] for log in logs] == list(range(len(WRITTEN)))
    refused = [params for params in node.params("eth_getLogs") if len(asked(params)) > blocks]
    assert len(refused) <= 6, "what was refused is not asked for again"
    answered = [asked(params) for params in node.params("eth_getLogs") if len(asked(params)) <= blocks]
    assert {number for window in answered for number in WRITTEN if number in window} == set(WRITTEN)
    assert sum(len(window) for window in answered) == HEAD + 1, "each block is asked for once"


async def test_logs_limit_named_in_the_data_is_kept_from_then_on(node: HttpNode, chain: Chain) -> None:
    # tenderly
    reason = {"error_id": "4ed94073", "payload": "range 50001 is bigger than range limit 20000"}
    node.results["eth_getLogs"] = at_most(20_000, -32602, "invalid params", reason)
    for _ in range(2):
        assert [log.block_number for log in await chain.logs(EMITTER)] == WRITTEN
    widths = [len(asked(params)) for params in node.params("eth_getLogs")]
    assert widths == [50_001, 20_000, 20_000, 10_001, 20_000, 20_000, 10_001]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (-32005, "query returned more than 2 results"),
        (-32602, "query exceeds max results 2, retry with the range 0-1"),
        (-32602, "Log response size exceeded. this block range should work: [0x0, 0x1]"),
        (-32002, "request timed out"),
        (-32000, "query timeout exceeded. Consider reducing your block range."),
    ],
)
async def test_logs_where_the_node_limits_results_are_all_there(
    node: HttpNode, chain: Chain, code: int, text: str
) -> None:
    def few(params: list[Any]) -> Any:
        found = told(params)
        return Refusal(code, text) if len(found) > 2 else found

    node.results["eth_getLogs"] = few
    assert [log.block_number for log in await chain.logs(EMITTER)] == WRITTEN
    assert len(node.calls) < 60


async def test_logs_gateway_that_takes_no_large_answer_is_asked_for_less(node: HttpNode, chain: Chain) -> None:
    def gateway(request: Any) -> Reply:
        node.replies.append(gateway)
        calls = request if isinstance(request, list) else [request]
        wide = any(call["method"] == "eth_getLogs" and len(asked(call["params"])) > 9_000 for call in calls)
        return Reply("Payload Too Large", 413) if wide else Reply(node.answer(request))

    node.results["eth_getLogs"] = told
    node.replies.append(gateway)
    assert [log.block_number for log in await chain.logs(EMITTER)] == WRITTEN


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (-32000, "internal error", RpcError),
        (-32602, "invalid argument 0: json: cannot unmarshal", RpcError),
        (-32000, "daily request count exceeded", RateLimited),
        (4444, "pruned history unavailable", BlockUnavailable),
        (-32000, "header not found", BlockUnavailable),
    ],
)
async def test_logs_refused_for_another_reason_is_not_asked_for_in_windows(
    node: HttpNode, chain: Chain, code: int, text: str, kind: type[NodeError]
) -> None:
    node.results["eth_getLogs"] = Refusal(code, text)
    with pytest.raises(NodeError) as caught:
        await chain.logs(EMITTER)
    assert type(caught.value) is kind
    assert len(node.params("eth_getLogs")) == 1


async def test_logs_of_one_block_that_is_refused_is_an_error(node: HttpNode, chain: Chain) -> None:
    node.results["eth_getLogs"] = Refusal(-32600, "block range is too wide")
    with pytest.raises(RpcError, match="too wide"):
        await chain.logs(EMITTER)
    assert [len(asked(params)) for params in node.params("eth_getLogs")][-1] == 1


async def test_logs_of_no_blocks_are_none(node: HttpNode, chain: Chain) -> None:
    node.results["eth_getLogs"] = at_most(10, -32600, "block range is too wide")
    await chain.logs(EMITTER, from_block=HEAD - 20)
    assert await chain.logs(EMITTER, from_block=HEAD + 7) == []


async def test_logs_backwards_stops_where_the_caller_does(node: HttpNode, chain: Chain) -> None:
    node.results["eth_getLogs"] = at_most(1_000, -32602, "query exceeds max block range 1000")
    async for logs in chain.logs_backwards(EMITTER):
        if any(log.block_number <= 30_000 for log in logs):
            break
    lowest = min(asked(params).start for params in node.params("eth_getLogs")[1:])
    assert 20_000 < lowest <= 30_000


async def test_logs_backwards_is_one_call_where_the_node_has_no_limit(node: HttpNode, chain: Chain) -> None:
    node.results["eth_getLogs"] = told
    assert [[log.block_number for log in logs] async for logs in chain.logs_backwards(EMITTER)] == [WRITTEN]
    assert node.calls[0][1][0]["fromBlock"] == "earliest" and len(node.calls) == 1


async def test_logs_that_take_too_long_are_asked_for_in_fewer_blocks() -> None:
    class Slow:
        """A node that answers for a thousand blocks in time."""

        host = "slow:1"

        async def call(self, method: str, params: list[Any]) -> list[Any]:
            if len(asked(params)) > 1000:
                raise NodeUnreachable("slow:1: no answer within 30 s", timed_out=True)
            return told(params) if method == "eth_getLogs" else []

        async def batch(self, calls: list[Any], *, return_errors: bool = False) -> list[Any]:
            return [await self.call(*call) for call in calls]

    class Numbered(Chain):
        async def block_number(self) -> int:
            return HEAD

    logs = await Numbered(cast(Rpc, Slow())).logs(EMITTER)
    assert [log.block_number for log in logs] == WRITTEN


async def test_logs_node_that_is_away_is_not_asked_for_fewer_blocks() -> None:
    calls = []

    class Away:
        host = "away:1"

        async def call(self, method: str, params: list[Any]) -> list[Any]:
            calls.append(method)
            raise NodeUnreachable("away:1: cannot connect")

    with pytest.raises(NodeUnreachable):
        await Chain(cast(Rpc, Away())).logs(EMITTER, from_block=1, to_block=9)
    assert calls == ["eth_getLogs"]
