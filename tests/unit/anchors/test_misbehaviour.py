"""What a report came to, as its receipt tells it; the evidence itself is tested on real chains."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from eth_abi.abi import encode

from smartsync.anchors import misbehaviour
from smartsync.anchors.misbehaviour import report
from smartsync.answers import Log, Receipt
from smartsync.contracts import event_topic

ANCHOR, OTHER = "0x" + "22" * 20, "0x" + "33" * 20
ONE, TWO = (f"0x{digit * 40}" for digit in "45")


def removal(emitter: str, signer: str) -> Log:
    topics = event_topic("QuorumAnchor", "SignerRemoved"), bytes(12) + bytes.fromhex(signer[2:])
    return Log(emitter, topics, encode(["bytes"], [b"evidence"]), 7, bytes(32))


@pytest.mark.parametrize(("logs", "removed"), [
    ((removal(OTHER, TWO), removal(ANCHOR, ONE)), ONE), ((removal(OTHER, TWO),), None), ((), None),
])  # fmt: skip
async def test_report_tells_whom_it_removed(
    monkeypatch: pytest.MonkeyPatch, logs: tuple[Log, ...], removed: str | None
) -> None:
    async def send(*_: object, **__: object) -> Receipt:
        return Receipt(bytes(32), 7, bytes(32), True, 1, None, logs)

    async def require_active(*_: object) -> None:
        return None

    async def anchor_state(*_: object) -> Any:
        return SimpleNamespace(status="active")

    for function in (require_active, anchor_state):
        monkeypatch.setattr(misbehaviour, function.__name__, function)
    sender: Any = SimpleNamespace(chain=None, send=send)
    told = await report(sender, ANCHOR, b"evidence")
    assert (told.anchor_status, told.removed, told.vetoed) == ("active", removed, None)
