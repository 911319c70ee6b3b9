from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smartsync.errors import TransactionReverted
from smartsync.results import Step
from smartsync.sync.work import Work


class Paying:
    """A sender whose third transaction reverts."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []

    async def send(self, to: str, data: bytes, *, what: str) -> Any:
        if len(self.sent) == 2:
            raise TransactionReverted(what)
        self.sent.append((to, data))
        return SimpleNamespace(tx_hash=bytes([len(self.sent)]) * 32, gas_used=7, calldata_bytes=len(data))


def work(monkeypatch: pytest.MonkeyPatch, on_progress: Any = None) -> Any:
    def step_of(what: str, receipt: Any) -> Step:
        return Step(what, receipt.tx_hash.hex(), receipt.gas_used, receipt.calldata_bytes)

    monkeypatch.setattr("smartsync.sync.work.step_of", step_of)
    made: Any = type("Made", (Work,), {})()
    made.sender, made.on_progress, made.steps = Paying(), on_progress, []
    return made


async def test_transact_writes_each_transaction_down_and_keeps_those_before_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    doing = work(monkeypatch)
    await doing._transact("0xa", b"12", "one")
    await doing._transact("0xb", b"345", "two")
    with pytest.raises(TransactionReverted):
        await doing._transact("0xc", b"", "three")
    assert doing.sender.sent == [("0xa", b"12"), ("0xb", b"345")]
    assert [(step.what, step.calldata_bytes) for step in doing.steps] == [("one", 2), ("two", 3)]


def test_progress_is_told_where_somebody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, int, int]] = []
    work(monkeypatch, lambda *given: told.append(given))._progress("fill", 1, 3)
    work(monkeypatch, lambda *given: told.append(given))._progress("submit")
    work(monkeypatch)._progress("nobody asks")
    assert told == [("fill", 1, 3), ("submit", 0, 0)]
