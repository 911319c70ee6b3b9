from __future__ import annotations

from typing import Any

import pytest

from smartsync.discovery import prestate
from smartsync.errors import BlockUnavailable, MethodMissing, NodeError, RpcError, SourceReorganised

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


def tracer(blocks: dict[int, list[dict[str, Any]]]) -> Any:
    return lambda number, options: blocks.get(int(number, 16), [])


def transaction(pre: dict[str, str], post: dict[str, str], address: str = ADDRESS.lower()) -> dict[str, Any]:
    return {"txHash": "0x", "result": {"pre": {address: {"storage": pre}}, "post": {address: {"storage": post}}}}


def traced_blocks(node: Any) -> list[int]:
    return sorted(int(params[0], 16) for method, params in node.calls if method == "debug_traceBlockByNumber")


async def test_candidates_collects_changed_created_and_deleted_slots(fake: Any) -> None:
    node = fake({})
    node.debug["debug_traceBlockByNumber"] = tracer(
        {
            6: [transaction({"0x1": "0x5"}, {}), transaction({}, {"0x" + "0" * 63 + "2": "0x1"})],
            9: [transaction({"0x3": "0x1"}, {"0x3": "0x2"}), transaction({"0x9": "0x1"}, {}, "0x" + "22" * 20)],
        }
    )
    found = await prestate.candidates(node.chain, ADDRESS, 5, 9)
    assert found.slots == {slot(1), slot(2), slot(3)}
    assert traced_blocks(node) == [6, 7, 8, 9]


async def test_candidates_lower_target_traces_the_blocks_after_it(fake: Any) -> None:
    node = fake({})
    node.debug["debug_traceBlockByNumber"] = tracer({8: [transaction({"0x1": "0x5"}, {})]})
    assert (await prestate.candidates(node.chain, ADDRESS, 9, 6)).slots == {slot(1)}
    assert traced_blocks(node) == [7, 8, 9]


async def test_candidates_range_past_the_newest_block_ends_there(fake: Any) -> None:
    node = fake({})
    node.debug["debug_traceBlockByNumber"] = tracer({})
    await prestate.candidates(node.chain, ADDRESS, 99, 8)
    assert traced_blocks(node) == [9, 10]


async def test_candidates_same_block_asks_nothing(fake: Any) -> None:
    node = fake({})
    assert (await prestate.candidates(node.chain, ADDRESS, 7, 7)).slots == set()
    assert node.calls == []


async def test_candidates_without_a_first_block_begins_at_the_creation(fake: Any) -> None:
    node = fake({})
    node.newest = 40
    node.override["eth_getCode"] = lambda address, block: "0x60" if int(block, 16) >= 17 else "0x"
    node.debug["debug_traceBlockByNumber"] = tracer({17: [transaction({}, {"0x1": "0x1"})]})
    steps: list[tuple[str, int, int]] = []
    found = await prestate.candidates(node.chain, ADDRESS, None, 40, lambda *step: steps.append(step))
    assert found.slots == {slot(1)}
    assert traced_blocks(node) == list(range(17, 41))
    assert steps[-1] == ("discover (blocks looked into)", 23, 23)


async def test_candidates_missing_method_shows_before_the_creation_is_searched(fake: Any) -> None:
    node = fake({})
    with pytest.raises(MethodMissing):
        await prestate.candidates(node.chain, ADDRESS, None, 9)
    assert not [method for method, _ in node.calls if method == "eth_getCode"]


async def test_candidates_block_replaced_while_tracing_is_a_reorganisation(fake: Any) -> None:
    node, other = fake({}), fake({1: 1})

    def replace(number: str, options: object) -> list[object]:
        if number == "0x8":
            node.override["eth_getBlockByNumber"] = other._eth_getBlockByNumber
        return []

    node.debug["debug_traceBlockByNumber"] = replace
    with pytest.raises(SourceReorganised, match="block 9 was replaced"):
        await prestate.candidates(node.chain, ADDRESS, 5, 9)


async def test_candidates_failed_transaction_trace_is_an_error(fake: Any) -> None:
    node = fake({})
    node.debug["debug_traceBlockByNumber"] = tracer({9: [{"txHash": "0x", "error": "execution timeout"}]})
    with pytest.raises(NodeError, match="block 9: execution timeout"):
        await prestate.candidates(node.chain, ADDRESS, 8, 9)


async def test_candidates_pruned_state_is_told(fake: Any) -> None:
    def pruned(number: str, options: object) -> None:
        raise RpcError("debug_traceBlockByNumber", -32000, "historical state is not available")

    node = fake({})
    node.debug["debug_traceBlockByNumber"] = pruned
    with pytest.raises(BlockUnavailable, match="block 9"):
        await prestate.candidates(node.chain, ADDRESS, 8, 9)


def test_touched_slots_without_diff_mode_takes_all_accounts() -> None:
    assert prestate.touched_slots({ADDRESS.lower(): {"storage": {"0x7": "0x1"}}}, ADDRESS) == {slot(7)}


def test_touched_slots_account_without_storage_gives_none() -> None:
    assert prestate.touched_slots({"pre": {ADDRESS: {"balance": "0x0"}}, "post": {}}, ADDRESS) == set()


@pytest.mark.parametrize("trace", [{"pre": []}, {"pre": {"0x12": {}}}, {"pre": {ADDRESS: {"storage": {"zz": "0x1"}}}}])
def test_touched_slots_malformed_trace_is_refused(trace: dict[str, Any]) -> None:
    with pytest.raises(NodeError):
        prestate.touched_slots(trace, ADDRESS)
