"""The same call on two chains, where one or both do not answer what the signature promises."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smartsync.errors import ConfigError, TransactionReverted
from smartsync.results import CallComparison
from smartsync.sync.comparing import compare_call

REPLICA = "0x" + "aa" * 20
SIGNATURE = "owner(bytes32)(uint8)"
WORD, LARGE = (5).to_bytes(32, "big"), b"\xff" * 32


def chain(answer: bytes | None) -> Any:
    async def call(*_: object, **__: object) -> bytes:
        if answer is None:
            raise TransactionReverted("NotActive()", name="NotActive", data=b"\x01")
        return answer

    return SimpleNamespace(call=call)


async def compared(source: bytes | None, target: bytes | None) -> CallComparison:
    record: Any = SimpleNamespace(key=SimpleNamespace(source=REPLICA), block_hash=bytes(32), block_number=7)
    return await compare_call(chain(source), chain(target), REPLICA, record, SIGNATURE, ["0x" + "00" * 32], None)


@pytest.mark.parametrize(("source", "target"), [(LARGE, LARGE), (b"", LARGE), (b"", b"")])
async def test_compare_call_neither_answer_of_the_types_is_a_usage_error(source: bytes, target: bytes) -> None:
    with pytest.raises(ConfigError, match=r"bytes is not \(uint8\)") as caught:
        await compared(source, target)
    assert "check the signature's return types" in caught.value.hint


async def test_compare_call_one_answer_of_another_type_is_told_and_no_revert() -> None:
    found = await compared(b"", WORD)
    assert (found.source.ok, found.source.reverted, found.source.error) == (
        False,
        False,
        "the answer of 0 bytes is not (uint8)",
    )
    assert found.replica.values == (5,) and not found.agree


async def test_compare_call_both_revert_agrees() -> None:
    found = await compared(None, None)
    assert found.agree and found.source.reverted and found.replica.error == "NotActive()"
