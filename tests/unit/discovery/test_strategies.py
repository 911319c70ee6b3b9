from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from smartsync.discovery import Discovery, Strategy, in_order, strategies
from smartsync.discovery.candidates import Candidates
from smartsync.errors import MethodMissing, NoCode, NodeUnreachable, RpcError
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


async def names(node: Any, from_block: int | None, to_block: int) -> list[str]:
    return [found.strategy async for found in strategies(node.chain, ADDRESS, from_block, to_block)]


async def first(node: Any, from_block: int | None, to_block: int) -> Discovery:
    return await anext(strategies(node.chain, ADDRESS, from_block, to_block))


def able(node: Any) -> Any:
    node.debug["debug_storageRangeAt"] = lambda *_: {"storage": {}, "nextKey": None}
    node.debug["debug_traceBlockByNumber"] = lambda *_: []
    node.debug["debug_traceTransaction"] = lambda *_: {}
    node.debug["trace_replayBlockTransactions"] = lambda *_: []
    return node


async def test_strategies_all_slots_begin_with_the_storage_range(fake: Any) -> None:
    assert await names(able(fake({})), None, 9) == [
        "storage range",
        "prestate diff",
        "state diff",
        "low slots",
        "guessed keys",
    ]


async def test_strategies_short_range_begins_with_tracing(fake: Any) -> None:
    assert await names(able(fake({})), 5, 9) == [
        "prestate diff",
        "state diff",
        "storage range",
        "low slots",
        "guessed keys",
    ]


@pytest.mark.parametrize("refusal", [MethodMissing, RpcError])
async def test_strategies_node_that_traces_no_blocks_traces_transactions(fake: Any, refusal: type[RpcError]) -> None:
    def refused(*_: object) -> None:
        raise refusal("debug_traceBlockByNumber", -32000, "no")

    node = able(fake({}))
    node.debug["debug_traceBlockByNumber"] = refused
    assert await names(node, 5, 9) == ["state diff", "storage range", "low slots", "guessed keys"], (
        "as long as another tells of blocks"
    )
    del node.debug["trace_replayBlockTransactions"]
    assert await names(node, 5, 9) == ["prestate diff by transaction", "storage range", "low slots", "guessed keys"]


async def test_strategies_the_walk_comes_before_what_grows_with_the_contract(fake: Any) -> None:
    async def find(*_: object) -> Candidates:
        return Candidates(set(), (), (b"\x01",))

    walk = Strategy("proof walk", find, "", ""), Strategy("naming", find, "", "")
    for since, expected in (
        (5, ["prestate diff", "state diff", "proof walk", "storage range", "naming"]),
        (None, ["proof walk", "storage range", "prestate diff", "state diff", "naming"]),
    ):
        found = [one async for one in strategies(able(fake({})).chain, ADDRESS, since, 9, walk=walk)]
        assert [one.strategy for one in found] == expected
        assert [one.unnamed for one in found if one.strategy == "proof walk"] == [(b"\x01",)]
    fork = [one async for one in strategies(able(fake({})).chain, ADDRESS, None, 9, walk=walk, is_fork=True)]
    assert [one.strategy for one in fork] == ["storage range", "prestate diff", "state diff", "proof walk", "naming"]


async def test_strategies_what_a_node_could_not_name_is_handed_to_the_naming_and_not_told_as_proven(fake: Any) -> None:
    taken: list[Sequence[bytes]] = []

    async def nothing(*_: object) -> Candidates:
        return Candidates(set())

    key = keccak256(slot(1))
    node = able(fake({}))
    page = {"storage": {f"0x{key.hex()}": {"key": None, "value": "0x1"}}, "nextKey": None}
    node.debug["debug_storageRangeAt"] = lambda *_: page
    walk = Strategy("proof walk", nothing, "", ""), Strategy("naming", nothing, "", "", take=taken.append)
    found = [one async for one in strategies(node.chain, ADDRESS, None, 9, walk=walk, is_fork=True)]
    assert (to_nibbles(key),) in taken
    assert [one.unnamed for one in found if one.unnamed] == []
    assert [one.strategy for one in found][-2:] == ["low slots", "guessed keys"], "a node's word keeps nothing from it"


async def test_strategies_tell_which_is_at_work_and_how_many_slots_it_found(fake: Any) -> None:
    async def find(*given: Any) -> Candidates:
        on_progress = given[-1]
        on_progress("walk (found)", 1, 0)
        on_progress("discover (slots tried, 2 found)", 7, 9)
        return Candidates({bytes(32), b"\x01" * 32})

    walk = Strategy("proof walk", find, "", ""), Strategy("naming", find, "", "")
    told: list[tuple[str, int, int]] = []
    wanted = able(fake({})).chain, ADDRESS, None, 9
    async for found in strategies(*wanted, on_progress=lambda *step: told.append(step), walk=walk):
        assert found.strategy == "proof walk"
        break
    assert told == [
        ("discover by proof walk", 0, 0),
        ("walk (found)", 1, 0),
        ("discover by proof walk (slots tried, 2 found)", 7, 9),
        ("discover by proof walk (slots found)", 2, 0),
    ]


async def test_strategies_walk_that_gave_up_is_followed_by_guesses(fake: Any) -> None:
    async def find(*_: object) -> Candidates:
        return Candidates(set(), ("too many",))

    walk = Strategy("proof walk", find, "", ""), Strategy("naming", find, "", "")
    found = [one async for one in strategies(able(fake({})).chain, ADDRESS, 5, 9, walk=walk)]
    assert [one.strategy for one in found][-3:] == ["naming", "low slots", "guessed keys"]


def test_in_order_names_each_strategy_once_and_each_method() -> None:
    for from_block in (None, 5):
        order = in_order(from_block, 9)
        methods = [one.method for one in order if one.method]
        assert len({one.name for one in order}) == len(order) == 7
        assert len(set(methods)) == len(methods) == 5
        assert order[-1].method == "", "something is left to try on any node"


class Several:
    """A chain of several nodes, as far as discovery looks at it."""

    def __init__(self, *nodes: Any) -> None:
        self.chains = [node.chain for node in nodes]
        for place, node in enumerate(nodes):
            node.host = f"node{place}"

    def each(self) -> list[Any]:
        return self.chains

    def __getattr__(self, name: str) -> Any:
        return getattr(self.chains[0], name)


async def found_by(*nodes: Any) -> list[Discovery]:
    several: Any = Several(*nodes)
    return [found async for found in strategies(several, ADDRESS, None, 9)]


async def test_strategies_of_several_nodes_are_asked_of_one_after_the_other(fake: Any) -> None:
    first, second = fake({}), able(fake({}))
    found = await found_by(first, second)
    assert [one.strategy for one in found] == [
        "storage range",
        "prestate diff",
        "state diff",
        "low slots",
        "guessed keys",
    ]
    assert "debug_storageRangeAt" in found[-1].failures["storage range of node0"]


async def test_strategies_node_that_is_away_is_passed_over_where_there_is_another(fake: Any) -> None:
    def away(*_: object) -> None:
        raise NodeUnreachable("node0: no answer", hint="check it")

    first, second = fake({}), able(fake({}))
    for method in ("debug_storageRangeAt", "debug_traceBlockByNumber", "trace_replayBlockTransactions"):
        first.debug[method] = away
    found = await found_by(first, second)
    assert [one.strategy for one in found][:2] == ["storage range", "prestate diff"]
    second.debug["debug_storageRangeAt"] = away
    with pytest.raises(NodeUnreachable):
        await found_by(first, second)


async def test_strategies_two_nodes_of_one_host_are_two(fake: Any) -> None:
    def away(*_: object) -> None:
        raise NodeUnreachable("gateway: no answer")

    first, second = fake({}), able(fake({}))
    first.debug["debug_storageRangeAt"] = away
    several: Any = Several(first, second)
    first.host = second.host = "gateway"
    found = [one.strategy async for one in strategies(several, ADDRESS, None, 9)]
    assert found[0] == "storage range", "the other one of the host is there"


async def test_strategies_long_range_begins_with_the_storage_range(fake: Any) -> None:
    node = able(fake({}))
    node.newest = 1_000
    assert (await first(node, 5, 900)).strategy == "storage range"


async def test_strategies_missing_methods_are_skipped_and_told(fake: Any) -> None:
    found = await first(fake({}), None, 9)
    assert found.strategy == "low slots"
    assert slot(0) in found.slots and slot(127) in found.slots
    assert "debug_storageRangeAt" in found.failures["storage range"]
    assert "debug_traceBlockByNumber" in found.failures["prestate diff"]
    assert "debug_traceTransaction" in found.failures["prestate diff by transaction"]
    assert "trace_replayBlockTransactions" in found.failures["state diff"]


async def test_strategies_gaps_are_told_with_what_was_found(fake: Any) -> None:
    node = fake({})
    node.debug["debug_storageRangeAt"] = lambda *_: {"storage": {"0x" + "12" * 32: {"key": None}}, "nextKey": None}
    found = await first(node, None, 9)
    assert found.strategy == "storage range"
    assert "0x12121212" in found.failures["storage range"]


async def test_strategies_address_without_code_is_not_skipped(fake: Any) -> None:
    node = fake({}, b"")
    node.debug["debug_traceBlockByNumber"] = lambda *_: []
    with pytest.raises(NoCode):
        await names(node, None, 9)
