from __future__ import annotations

from typing import Any

import pytest

from smartsync.errors import SourceCodeChanged, SourceDestroyed
from smartsync.replica import ReplicaKey, ReplicaRecord
from smartsync.sync.planning import _COMPARE_FIRST, _differing, require_replicable
from smartsync.types import EMPTY_CODE_HASH, EMPTY_ROOT, NO_ACCOUNT, Account

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
MANY = _COMPARE_FIRST + 8
CODE_HASH = b"\x12" * 32


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


async def differing(source: Any, target: Any, slots: set[bytes]) -> set[bytes]:
    return await _differing(source.chain, target.chain, ADDRESS, ADDRESS, slots, 7, 9)


async def test_differing_few_slots_are_all_taken_without_asking(fake: Any) -> None:
    source, target = fake({}), fake({})
    slots = {slot(number) for number in range(_COMPARE_FIRST)}
    assert await differing(source, target, slots) == slots
    assert source.calls == target.calls == []


async def test_differing_of_many_slots_takes_inserts_updates_and_deletes(fake: Any) -> None:
    same = {number: 5 for number in range(MANY)}
    source, target = fake(same | {1: 6, 2: 0}), fake(same | {3: 0})
    assert await differing(source, target, {slot(number) for number in range(MANY)}) == {slot(1), slot(2), slot(3)}


async def test_differing_asks_each_chain_at_its_own_block(fake: Any) -> None:
    source, target = fake({}), fake({})
    assert await differing(source, target, {slot(number) for number in range(MANY)}) == set()
    assert {params[-1] for _, params in source.calls} == {"0x7"}
    assert {params[-1] for _, params in target.calls} == {"0x9"}


def record() -> ReplicaRecord:
    key = ReplicaKey(1, ADDRESS, ADDRESS, ADDRESS, CODE_HASH, bytes(32))
    told = dict.fromkeys(ReplicaRecord.__dataclass_fields__, 0) | {"status": "active", "key": key}
    return ReplicaRecord(**told)  # type: ignore[arg-type]


def test_require_replicable_same_code_is_returned(fake: Any) -> None:
    account = Account(1, 0, EMPTY_ROOT, CODE_HASH)
    assert require_replicable(account, record(), fake({}).header(7)) is account


@pytest.mark.parametrize("account", [None, NO_ACCOUNT, Account(3, 5, EMPTY_ROOT, EMPTY_CODE_HASH)])
def test_require_replicable_without_code_is_destroyed(fake: Any, account: Account | None) -> None:
    with pytest.raises(SourceDestroyed, match=f"{ADDRESS} does not exist any more at block 7") as caught:
        require_replicable(account, record(), fake({}).header(7))
    assert "smartsync halt" in caught.value.hint


def test_require_replicable_other_code_is_refused(fake: Any) -> None:
    with pytest.raises(SourceCodeChanged, match="has other code at block 7"):
        require_replicable(Account(1, 0, EMPTY_ROOT, b"\x34" * 32), record(), fake({}).header(7))
