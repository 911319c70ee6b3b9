from __future__ import annotations

from smartsync.contracts import encode_call
from smartsync.explaining.calls import HubCall, hub_call
from smartsync.explaining.cost import cost_of
from smartsync.explaining.drawing import Written
from smartsync.gas import tokens
from tests.unit.explaining.sample import HUB, REPLICA


def call() -> HubCall:
    found = hub_call(HUB, encode_call("Hub", "sync", [REPLICA, b"\x01" * 32, b"\x02" * 10, b"\xc2\x08\x00"]))
    assert found is not None
    return found


def written(old: int | None, new: int) -> Written:
    return Written(bytes(64), bytes(32), old, new)


def test_cost_calldata_is_split_to_the_last_byte() -> None:
    cost = cost_of(100_000, call(), [], is_whole=True)
    by_name = {part.name: (part.size, part.gas) for part in cost.calldata}
    assert by_name["witness"] == (3, 16 + 16 + 4) and by_name["account proof"] == (10, 160)
    assert cost.calldata_bytes == len(call().data) and cost.calldata_gas == 4 * tokens(call().data)


def test_cost_writes_are_by_rule_and_the_rest_by_difference() -> None:
    cost = cost_of(150_000, call(), [written(0, 1), written(1, 2), written(3, 0)], is_whole=True)
    assert (cost.writes_gas, cost.refund_gas) == (22_100 + 5_000 + 5_000, 4_800)
    assert cost.rest_gas == 150_000 + 4_800 - 21_000 - cost.calldata_gas - 32_100


def test_cost_refund_is_a_fifth_of_what_was_used_at_most() -> None:
    cost = cost_of(400_000, call(), [written(1, 0)] * 30, is_whole=True)
    assert cost.refund_gas == 100_000 == (400_000 + 100_000) // 5


def test_cost_that_cannot_be_told_is_not_told() -> None:
    for cost in (
        cost_of(150_000, call(), [written(None, 1)], is_whole=True),
        cost_of(150_000, call(), [written(0, 1)], is_whole=False),
        cost_of(30_000, call(), [written(0, 1)], is_whole=True),  # another chain's prices
    ):
        assert (cost.writes_gas, cost.refund_gas, cost.rest_gas, cost.is_floor) == (None, None, None, False)


def test_cost_floor_is_recognised() -> None:
    cost = cost_of(21_000 + 10 * tokens(call().data), call(), [], is_whole=True)
    assert cost.is_floor and cost.rest_gas is None
