from __future__ import annotations

from typing import Any

import pytest

from smartsync.explaining.drawing import Drawing, Fork, Written, draw
from smartsync.explaining.shortened import Omitted, Row, described, rows
from smartsync.keccak import keccak256
from smartsync.trie.trie import build, storage_value
from smartsync.witness import plan_transition
from tests.unit.explaining.sample import VECTORS, drawing_of


def large(count: int) -> Drawing:
    slots = [number.to_bytes(32, "big") for number in range(count)]
    leaves = [(keccak256(slot), storage_value(7)) for slot in slots]
    return draw(plan_transition(None, build(leaves), slots).witness, {})


def written(found: list[Row]) -> int:
    return sum(isinstance(row.node, Written) for row in found)


def left_out(found: list[Row]) -> int:
    return sum(row.node.writes for row in found if isinstance(row.node, Omitted))


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=[vector["name"] for vector in VECTORS["accepted"]])
def test_rows_with_room_show_everything(vector: dict[str, Any]) -> None:
    drawing = drawing_of(vector)
    found = rows(drawing, 10_000)
    assert written(found) == len(drawing.writes) and not left_out(found)
    forks = [row.node for row in found if isinstance(row.node, Fork)]
    assert len(found) == 1 + sum(len(described(fork)) for fork in forks)


@pytest.mark.parametrize("most", [1, 2, 3, 10, 50, 200, 1000])
@pytest.mark.parametrize("count", [1, 2, 17, 500, 2_000])
def test_rows_without_room_count_what_they_leave_out(count: int, most: int) -> None:
    found = rows(large(count), most)
    assert len(found) <= max(most, 1)
    assert written(found) + left_out(found) == count
    assert left_out(found) == 0 or written(found) < count


def test_rows_share_room_fairly() -> None:
    found = rows(large(2_000), 100)
    top = [row for row in found if row.level == 1]
    assert [row.step for row in top] == [bytes((nibble,)) for nibble in range(16)]
    assert left_out(found) > 1_900


def test_rows_tell_what_is_last() -> None:
    found = rows(large(40), 1_000)
    assert found[0].is_last == () and found[-1].is_last[0] is True
    assert sum(row.is_last == (True,) for row in found) == 1
