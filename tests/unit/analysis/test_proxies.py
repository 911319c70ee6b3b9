from __future__ import annotations

from typing import Any

import pytest

from smartsync.analysis.proxies import proxy_of
from smartsync.analysis.report import ProxyReport
from smartsync.errors import RpcError
from smartsync.source import BEACON_KIND, PROXY_SLOTS
from tests.unit.conftest import ADDRESS

TO = "0x7d655c57f71464B6f83811C55D84009Cd9f5221C"
OTHER = "0x" + "34" * 20
CLONE = bytes.fromhex(f"363d3d373d3d3d363d73{TO[2:]}5af43d82803e903d91602b57fd5bf3")


@pytest.mark.parametrize("kind", [kind for kind in PROXY_SLOTS if kind != BEACON_KIND])
async def test_proxy_of_slot_is_named_with_its_implementation(fake: Any, kind: str) -> None:
    node = fake({int.from_bytes(PROXY_SLOTS[kind], "big"): int(TO, 16)}, b"\x7f" + PROXY_SLOTS[kind] + b"\xf4")
    found = await proxy_of(node.chain, ADDRESS, 9, node.code)
    assert found == ProxyReport(kind, TO, None, "")


async def test_proxy_of_code_that_does_not_read_the_slot_is_refused_with_the_reason(fake: Any) -> None:
    node = fake({int.from_bytes(PROXY_SLOTS["EIP-1967"], "big"): int(TO, 16)})
    found = await proxy_of(node.chain, ADDRESS, 9, node.code)
    assert found is not None and "does not show that it delegates" in found.refusal


async def test_proxy_of_clone_is_named(fake: Any) -> None:
    found = await proxy_of(fake({}, CLONE).chain, ADDRESS, 9, CLONE)
    assert found is not None and (found.kind, found.implementation) == ("EIP-1167 minimal proxy", TO)


async def test_proxy_of_beacon_is_asked_for_its_implementation(fake: Any) -> None:
    node = fake({int.from_bytes(PROXY_SLOTS[BEACON_KIND], "big"): int(OTHER, 16)})
    asked = []

    def call(message: dict[str, str], block: str) -> str:
        asked.append((message["to"].lower(), message["data"], block))
        return "0x" + TO[2:].rjust(64, "0")

    node.override["eth_call"] = call
    found = await proxy_of(node.chain, ADDRESS, 9, node.code)
    assert found is not None and (found.implementation, found.beacon) == (TO, OTHER)
    assert asked == [(OTHER, "0x5c60da1b", "0x9")]


@pytest.mark.parametrize("answer", ["0x", "0x" + "00" * 31, "0x" + "ff" * 32])
async def test_proxy_of_beacon_that_answers_no_address_has_no_implementation(fake: Any, answer: str) -> None:
    node = fake({int.from_bytes(PROXY_SLOTS[BEACON_KIND], "big"): int(OTHER, 16)})
    node.override["eth_call"] = lambda *_: answer
    found = await proxy_of(node.chain, ADDRESS, 9, node.code)
    assert found is not None and found.implementation is None


async def test_proxy_of_beacon_that_reverts_has_no_implementation(fake: Any) -> None:
    def reverts(*_: object) -> None:
        raise RpcError("eth_call", 3, "execution reverted")

    node = fake({int.from_bytes(PROXY_SLOTS[BEACON_KIND], "big"): int(OTHER, 16)})
    node.override["eth_call"] = reverts
    found = await proxy_of(node.chain, ADDRESS, 9, node.code)
    assert found is not None and found.implementation is None


async def test_proxy_of_ordinary_contract_is_none(fake: Any) -> None:
    node = fake({1: 1})
    assert await proxy_of(node.chain, ADDRESS, 9, node.code) is None
