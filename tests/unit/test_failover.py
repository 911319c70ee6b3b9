"""Two or three nodes of one chain, each of which a test makes fail in its own way."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from smartsync import failover
from smartsync.chain import Chain
from smartsync.errors import (
    BlockUnavailable,
    ConfigError,
    IncompleteSlots,
    InvalidHeader,
    InvalidProof,
    MethodMissing,
    NodeError,
    NodeUnreachable,
    NonCanonicalTrie,
    RpcError,
    SmartSyncError,
    SourceReorganised,
    WrongChain,
)
from smartsync.failover import Failover, connect
from smartsync.rpc import Rpc
from tests.http_node import HttpNode, Refusal, Reply, serving

HASH = "0x" + "11" * 32
RAW = "0x02f8"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smartsync.rpc._BACKOFF_S", 0.001)
    monkeypatch.setattr(failover, "_BACKOFF_S", 0.001)


@pytest.fixture
def nodes() -> Iterator[list[HttpNode]]:
    with ExitStack() as stack:
        nodes = [stack.enter_context(serving()) for _ in range(2)]
        for place, node in enumerate(nodes):
            node.results |= {"eth_chainId": "0x1", "eth_blockNumber": hex(100 - place), "eth_gasPrice": hex(place)}
        yield nodes


@pytest.fixture
async def both(nodes: list[HttpNode]) -> AsyncIterator[Failover]:
    several = connect([node.url for node in nodes], "source")
    assert isinstance(several, Failover)
    yield several
    await several.aclose()


@pytest.fixture
async def hasty(nodes: list[HttpNode]) -> AsyncIterator[Failover]:
    """Give both nodes, of which a slow answer is not waited for."""
    several = connect([node.url for node in nodes], "source", timeout_s=0.5)
    assert isinstance(several, Failover)
    await several.agree()
    yield several
    await several.aclose()


def asked(node: HttpNode) -> list[str]:
    """Return the methods that a node was asked for, but for its chain."""
    return [method for method, _ in node.calls if method != "eth_chainId"]


def host(node: HttpNode) -> str:
    return node.url.removeprefix("http://")


def test_connect_one_url_is_one_node() -> None:
    for urls in ("http://a.example", ["http://a.example"], ("http://a.example",)):
        assert isinstance(connect(urls, "source"), Rpc)


@pytest.mark.parametrize("role", ["source", "target"])
async def test_call_of_the_only_node_that_is_away_says_that_no_other_stands_in(role: Any) -> None:
    only = connect("http://127.0.0.1:1", role)
    try:
        with pytest.raises(NodeUnreachable, match=r"127\.0\.0\.1:1: cannot connect") as caught:
            await only.call("eth_blockNumber")
    finally:
        await only.aclose()
    assert f"check that this {role} node runs" in caught.value.hint
    assert "no other one stands in for it" in caught.value.hint and "choose-nodes.md" in caught.value.hint


async def test_call_of_several_that_are_all_away_names_each() -> None:
    several = connect(["http://127.0.0.1:1", "http://127.0.0.1:2"], "source")
    try:
        with pytest.raises(NodeUnreachable, match=r"127\.0\.0\.1:1: cannot connect") as caught:
            await several.call("eth_blockNumber")
    finally:
        await several.aclose()
    assert caught.value.hint.count("of other nodes: eth_chainId: 127.0.0.1:2: cannot connect") == 1
    assert "no other" not in caught.value.hint


async def test_call_that_must_not_be_made_twice_says_that_no_other_was_asked(
    both: Failover, nodes: list[HttpNode]
) -> None:
    await both.agree()
    nodes[0].results["eth_sendTransaction"] = Reply(500, b"")
    with pytest.raises(NodeError) as caught:
        await both.call("eth_sendTransaction", [{}])
    assert host(nodes[0]) in caught.value.message
    assert caught.value.hint.endswith(
        "no other node was asked, for it is not known whether this one did what it was asked for"
    )
    assert asked(nodes[1]) == []


@pytest.mark.parametrize("urls", [[], ["http://a.example", "http://a.example"], ["http://a.example", "ws://b.example"]])
def test_connect_urls_that_are_not_of_nodes_are_refused(urls: list[str]) -> None:
    with pytest.raises(ConfigError):
        connect(urls, "source")


async def test_call_is_answered_by_the_first_while_it_answers(both: Failover, nodes: list[HttpNode]) -> None:
    for _ in range(3):
        assert await both.call("eth_gasPrice") == "0x0"
    assert asked(nodes[1]) == []


DOWN = {
    "no service": lambda node: node.replies.extend([Reply(status=503)] * 9),
    "asked too often": lambda node: node.replies.extend([Reply(status=429, headers={"Retry-After": "600"})] * 9),
    "asked too often, no time named": lambda node: node.replies.extend([Reply(status=429)] * 9),
    "rate limit as JSON": lambda node: node.results.update(eth_gasPrice=Refusal(-32005, "rate limit exceeded")),
    "quota": lambda node: node.results.update(eth_gasPrice=Refusal(-32005, "daily request count exceeded")),
    "no key": lambda node: node.replies.extend([Reply("forbidden", 403)] * 9),
    "garbage": lambda node: node.replies.extend([Reply("<html>")] * 9),
    "half an answer": lambda node: node.replies.extend([Reply('{"jsonrpc": "2.0", "id": 1, "res')] * 9),
}


@pytest.mark.parametrize("kind", DOWN)
async def test_call_where_the_first_does_not_answer_is_answered_by_the_second(
    both: Failover, nodes: list[HttpNode], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smartsync.rpc._MAX_WAIT_S", 0.001)
    await both.agree()
    DOWN[kind](nodes[0])
    assert await both.call("eth_gasPrice") == "0x1"
    before = len(nodes[0].requests)
    assert await both.call("eth_gasPrice") == "0x1"
    assert len(nodes[0].requests) == before, "it is left aside"


async def test_call_where_the_first_is_too_slow_is_answered_by_the_second(
    hasty: Failover, nodes: list[HttpNode]
) -> None:
    nodes[0].replies.extend([Reply(delay_s=1.0)] * 9)
    before = len(nodes[0].requests)
    assert await hasty.call("eth_gasPrice") == await hasty.call("eth_gasPrice") == "0x1"
    assert len(nodes[0].requests) == before + 1, "it is neither asked twice nor waited for again"


async def test_call_where_the_first_is_gone_is_answered_by_the_second(nodes: list[HttpNode]) -> None:
    with serving() as gone:
        url = gone.url
    several = connect([url, nodes[1].url], "source")
    assert await several.call("eth_gasPrice") == "0x1"
    await several.aclose()


async def test_call_a_node_left_aside_is_asked_again_after_a_while(
    both: Failover, nodes: list[HttpNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failover, "_ASIDE_S", 0.05)
    await both.agree()
    nodes[0].replies.extend([Reply(status=503)] * 2)
    assert await both.call("eth_gasPrice") == "0x1"
    await asyncio.sleep(0.1)
    assert await both.call("eth_gasPrice") == "0x0"


async def test_call_a_node_left_aside_is_asked_at_once_where_no_other_answers(
    both: Failover, nodes: list[HttpNode]
) -> None:
    await both.agree()
    nodes[0].replies.extend([Reply(status=503)] * 2)
    assert await both.call("eth_gasPrice") == "0x1"
    nodes[1].replies.extend([Reply(status=503)] * 9)
    assert await both.call("eth_gasPrice") == "0x0"


async def test_call_where_none_can_be_reached_is_tried_some_times(both: Failover, nodes: list[HttpNode]) -> None:
    await both.agree()
    for node in nodes:
        node.replies.extend([Reply(status=503)] * 4)
    assert await both.call("eth_gasPrice") == "0x0", "at the third time"
    for node in nodes:
        node.replies.extend([Reply(status=503)] * 20)
    with pytest.raises(NodeUnreachable) as caught:
        await both.call("eth_gasPrice")
    assert host(nodes[0]) in caught.value.message


async def test_call_method_that_the_first_lacks_is_asked_of_the_second_and_remembered(
    both: Failover, nodes: list[HttpNode]
) -> None:
    nodes[1].results["debug_traceBlockByNumber"] = ["told"]
    for _ in range(2):
        assert await both.call("debug_traceBlockByNumber", ["0x1"]) == ["told"]
    assert asked(nodes[0]) == ["debug_traceBlockByNumber"]
    nodes[0].results["eth_getCode"] = "0x60"
    assert await both.call("eth_getCode") == "0x60", "for all else the first is asked"
    with pytest.raises(MethodMissing):
        await both.call("debug_nothing")


async def test_call_what_a_node_lacks_is_asked_of_it_again_after_an_hour(
    both: Failover, nodes: list[HttpNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes[1].results["debug_traceBlockByNumber"] = ["told"]
    await both.call("debug_traceBlockByNumber", ["0x1"])
    nodes[0].results["debug_traceBlockByNumber"] = ["served by now"]
    now = time.monotonic()
    for passed_s, expected in ((3_500, ["told"]), (3_700, ["served by now"])):
        monkeypatch.setattr("smartsync.failover.time.monotonic", lambda passed_s=passed_s: now + passed_s)
        assert await both.call("debug_traceBlockByNumber", ["0x1"]) == expected


@pytest.mark.parametrize(
    "refusal", [Refusal(-32000, "missing trie node ab (path )"), Refusal(-32001, "resource not found"), None]
)
async def test_call_block_that_the_first_does_not_have_is_asked_of_the_second(
    both: Failover, nodes: list[HttpNode], refusal: Refusal | None
) -> None:
    nodes[0].results["eth_getBlockByNumber"] = refusal
    nodes[1].results["eth_getBlockByNumber"] = {"number": "0x7"}
    assert await both.call("eth_getBlockByNumber", ["0x7", False]) == {"number": "0x7"}
    nodes[0].results["eth_gasPrice"] = "0x5"
    assert await both.call("eth_gasPrice") == "0x5", "the first is still preferred"


async def test_call_what_no_node_has_is_what_one_node_answers(both: Failover, nodes: list[HttpNode]) -> None:
    for node in nodes:
        node.results |= {"eth_getTransactionReceipt": None, "eth_call": Refusal(-32000, "header not found")}
    assert await both.call("eth_getTransactionReceipt", [HASH]) is None
    with pytest.raises(RpcError, match="header not found"):
        await both.call("eth_call", [{}])


async def test_call_refused_for_what_it_is_is_not_asked_elsewhere(both: Failover, nodes: list[HttpNode]) -> None:
    nodes[0].results["eth_call"] = Refusal(3, "execution reverted", "0x")
    nodes[1].results["eth_call"] = "0x01"
    with pytest.raises(RpcError, match="reverted"):
        await both.call("eth_call", [{}])
    assert asked(nodes[1]) == []


async def test_batch_is_put_together_of_what_each_node_has(both: Failover, nodes: list[HttpNode]) -> None:
    for place, node in enumerate(nodes):
        node.results["eth_getTransactionByHash"] = lambda params, place=place: (
            {"by": place} if params[0] % 2 == place or params[0] == 4 else None
        )
    calls = [("eth_getTransactionByHash", [number]) for number in range(5)]
    assert [one["by"] for one in await both.batch(calls)] == [0, 1, 0, 1, 0]
    assert await both.batch([]) == []


async def test_batch_errors_stand_in_their_place_where_they_are_wanted(both: Failover, nodes: list[HttpNode]) -> None:
    for node in nodes:
        node.results["eth_call"] = lambda params: Refusal(-32000, "header not found") if params[0] else "0x"
    calls = [("eth_call", [0]), ("eth_call", [1])]
    told = await both.batch(calls, return_errors=True)
    assert told[0] == "0x" and isinstance(told[1], RpcError)
    with pytest.raises(RpcError):
        await both.batch(calls)


async def test_call_a_signed_transaction_goes_to_the_second_where_the_first_did_not_answer(
    hasty: Failover, nodes: list[HttpNode]
) -> None:
    nodes[0].replies.append(Reply(delay_s=1.0))
    nodes[1].results["eth_sendRawTransaction"] = HASH
    assert await hasty.call("eth_sendRawTransaction", [RAW]) == HASH
    assert nodes[0].params("eth_sendRawTransaction") == nodes[1].params("eth_sendRawTransaction") == [[RAW]]


async def test_call_that_must_not_be_doubled_is_not_sent_to_the_second(hasty: Failover, nodes: list[HttpNode]) -> None:
    nodes[0].replies.append(Reply(delay_s=1.0))
    nodes[1].results["eth_sendTransaction"] = HASH
    with pytest.raises(NodeUnreachable):
        await hasty.call("eth_sendTransaction", [{}])
    assert asked(nodes[1]) == []


# --- chains ---


async def test_agree_node_of_another_chain_is_named(both: Failover, nodes: list[HttpNode]) -> None:
    nodes[1].results["eth_chainId"] = "0x2"
    with pytest.raises(WrongChain) as caught:
        await both.agree()
    assert caught.value.host == host(nodes[1])
    assert (caught.value.expected, caught.value.actual, caught.value.role) == (1, 2, "source")


async def test_call_node_of_another_chain_that_was_away_is_named_when_it_is_asked(
    both: Failover, nodes: list[HttpNode]
) -> None:
    nodes[1].results["eth_chainId"] = "0x2"
    nodes[1].replies.extend([Reply(status=503)] * 2)
    await both.agree()
    nodes[0].replies.extend([Reply(status=503)] * 9)
    with pytest.raises(WrongChain) as caught:
        await both.call("eth_gasPrice")
    assert caught.value.host == host(nodes[1])


async def test_agree_expected_chain_counts_where_it_is_given(nodes: list[HttpNode]) -> None:
    several = connect([node.url for node in nodes], "target", chain_id=7)
    assert isinstance(several, Failover)
    with pytest.raises(WrongChain) as caught:
        await several.agree()
    assert caught.value.host == host(nodes[0]) and caught.value.expected == 7
    await several.aclose()


# --- lies ---


@pytest.mark.parametrize("lie", [InvalidProof("no"), InvalidHeader("no"), NonCanonicalTrie("no")])
async def test_verified_node_that_lies_is_named_and_not_asked_again(
    both: Failover, nodes: list[HttpNode], lie: SmartSyncError, caplog: pytest.LogCaptureFixture
) -> None:
    async def ask(node: Rpc) -> str:
        told = await node.call("eth_gasPrice")
        if told == "0x0":
            raise lie
        return str(told)

    assert await both.verified(ask) == "0x1"
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert host(nodes[0]) in warning.getMessage() and "does not verify" in warning.getMessage()
    assert both.host == host(nodes[1])
    before = len(nodes[0].requests)
    assert await both.verified(ask) == await both.call("eth_gasPrice") == "0x1"
    assert len(nodes[0].requests) == before


async def test_verified_where_one_lies_a_node_left_aside_is_asked(both: Failover, nodes: list[HttpNode]) -> None:
    first = both.nodes[0]
    await both.agree()
    nodes[0].replies.extend([Reply(status=503)] * 2)
    nodes[1].replies.extend([Reply(status=503)] * 2)
    assert await both.call("eth_gasPrice") == "0x0", "both are left aside, and the first one answered then"
    nodes[0].replies.extend([Reply(status=503)] * 2)
    assert await both.call("eth_gasPrice") == "0x1", "the first one is left aside"

    async def ask(node: Rpc) -> str:
        if node is not first:
            raise InvalidProof("no")
        return node.host

    assert await both.verified(ask) == first.host


async def test_verified_where_all_lie_is_the_first_lie_and_names_the_others(both: Failover) -> None:
    async def ask(node: Rpc) -> None:
        raise InvalidProof(f"{node.host} does not prove it", hint="take another")

    for _ in range(2):
        with pytest.raises(InvalidProof) as caught:
            await both.verified(ask)
        first, second = (node.host for node in both.nodes)
        assert first in caught.value.message and second in caught.value.hint
        assert caught.value.hint.startswith("take another")


async def test_verified_where_one_lies_and_one_is_away_is_the_lie(both: Failover, nodes: list[HttpNode]) -> None:
    nodes[1].replies.extend([Reply(status=503)] * 20)

    async def ask(node: Rpc) -> None:
        await node.call("eth_gasPrice")
        raise InvalidProof("no")

    with pytest.raises(InvalidProof) as caught:
        await both.verified(ask)
    assert host(nodes[1]) in caught.value.hint


@pytest.mark.parametrize("other", [SourceReorganised("gone"), BlockUnavailable("7", "gone"), NodeError("garbage")])
async def test_verified_node_that_does_not_have_it_is_no_liar(both: Failover, other: SmartSyncError) -> None:
    first, second = both.nodes

    async def ask(node: Rpc) -> str:
        if node is first:
            raise other
        return node.host

    assert await both.verified(ask) == second.host
    assert first.host in both.host


async def test_verified_other_errors_are_raised_at_once(both: Failover) -> None:
    asked: list[str] = []

    async def ask(node: Rpc) -> None:
        asked.append(node.host)
        raise IncompleteSlots([b""])

    with pytest.raises(IncompleteSlots):
        await both.verified(ask)
    assert len(asked) == 1


async def test_chain_each_is_the_chain_by_one_node_and_remembers_its_limits(
    both: Failover, nodes: list[HttpNode]
) -> None:
    chain = Chain(both, "target")
    assert [one.rpc.host for one in chain.each()] == [host(node) for node in nodes]
    assert chain.each()[0] is chain.each()[0] and {one.role for one in chain.each()} == {"target"}
    alone = Chain(both.nodes[0])
    assert alone.each() == [alone]


async def test_header_of_a_node_that_lies_is_taken_from_the_other(both: Failover, nodes: list[HttpNode]) -> None:
    from tests.unit.chain.headers import header_of

    told: dict[str, Any] = header_of(7)[0]
    nodes[0].results["eth_getBlockByNumber"] = {**told, "stateRoot": "0x" + "22" * 32}
    nodes[1].results["eth_getBlockByNumber"] = told
    chain = Chain(both)
    assert f"0x{(await chain.header(7)).hash.hex()}" == told["hash"]
    assert both.host == host(nodes[1])
    nodes[1].results["eth_getBlockByNumber"] = nodes[0].results["eth_getBlockByNumber"]
    with pytest.raises(InvalidHeader) as caught:
        await chain.header(7)
    assert host(nodes[1]) in caught.value.message
