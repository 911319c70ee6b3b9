from __future__ import annotations

from smartsync.relayer.parts import PART, parts_of
from smartsync.relayer.policy import Policy
from smartsync.relayer.replicas import Replica


def replicas(count: int) -> list[Replica]:
    return [Replica("a-b", f"0x{number:040x}", f"number {number}", Policy()) for number in range(count)]


def test_parts_of_many_have_each_replica_once() -> None:
    many = replicas(2 * PART + 1)
    parts = parts_of(many)
    assert [len(part.replicas) for part in parts] == [PART, PART, 1]
    assert [one for part in parts for one in part.replicas] == many
    assert [part.is_first for part in parts] == [True, False, False]
    assert len({part.name for part in parts}) == 3


def test_parts_of_another_configuration_have_other_names_where_they_differ() -> None:
    before, after = parts_of(replicas(5), 2), parts_of(replicas(6), 2)
    assert [part.name for part in before[:2]] == [part.name for part in after[:2]]
    assert before[2].name != after[2].name


def test_parts_of_none_are_none() -> None:
    assert parts_of([]) == []
