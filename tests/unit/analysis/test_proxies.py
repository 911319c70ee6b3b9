from __future__ import annotations

from typing import Any

import pytest

from smartsync.analysis.proxies import BEACON, SUPPORTED, proxy_of
from smartsync.errors import RpcError, SourceIsProxy
from smartsync.source import _CLONES, PROXY_SLOTS, inspect
from tests.unit.conftest import ADDRESS

TO = "0x7d655c57f71464B6f83811C55D84009Cd9f5221C"
OTHER = "0x" + "34" * 20
CLONE = bytes.fromhex(f"363d3d373d3d3d363d73{TO[2:]}5af43d82803e903d91602b57fd5bf3")


def test_supported_names_every_kind_that_is_known() -> None:
    others = {"minimal proxy", "Safe proxy", "Sequence wallet"}
    assert set(SUPPORTED) == set(PROXY_SLOTS) | set(_CLONES) | others


@pytest.mark.parametrize("kind", [kind for kind in PROXY_SLOTS if kind != BEACON])
async def test_proxy_of_slot_is_named_with_its_implementation(fake: Any, kind: str) -> None:
    node = fake({int.from_bytes(PROXY_SLOTS[kind], "big"): int(TO, 16)})
    found = await proxy_of(node.chain, ADDRESS, 9, node.code)
    assert found is not None
    assert (found.kind, found.implementation, found.beacon, found.supported) == (kind, TO, None, SUPPORTED[kind])


@pytest.mark.parametrize(
    "kind", [kind for kind, supported in SUPPORTED.items() if not supported and kind in PROXY_SLOTS]
)
async def test_proxy_of_kind_that_is_not_supported_is_refused_by_fork(fake: Any, kind: str) -> None:
    node = fake({int.from_bytes(PROXY_SLOTS[kind], "big"): int(TO, 16)})
    with pytest.raises(SourceIsProxy):
        await inspect(node.chain, ADDRESS, 9)


async def test_proxy_of_clone_is_named(fake: Any) -> None:
    found = await proxy_of(fake({}, CLONE).chain, ADDRESS, 9, CLONE)
    assert found is not None and (found.kind, found.implementation) == ("EIP-1167 minimal proxy", TO)


async def test_proxy_of_beacon_is_asked_for_its_implementation(fake: Any) -> None:
    node = fake({int.from_bytes(PROXY_SLOTS[BEACON], "big"): int(OTHER, 16)})
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
    node = fake({int.from_bytes(PROXY_SLOTS[BEACON], "big"): int(OTHER, 16)})
    node.override["eth_call"] = lambda *_: answer
    found = await proxy_of(node.chain, ADDRESS, 9, node.code)
    assert found is not None and found.implementation is None


async def test_proxy_of_beacon_that_reverts_has_no_implementation(fake: Any) -> None:
    def reverts(*_: object) -> None:
        raise RpcError("eth_call", 3, "execution reverted")

    node = fake({int.from_bytes(PROXY_SLOTS[BEACON], "big"): int(OTHER, 16)})
    node.override["eth_call"] = reverts
    found = await proxy_of(node.chain, ADDRESS, 9, node.code)
    assert found is not None and found.implementation is None


async def test_proxy_of_ordinary_contract_is_none(fake: Any) -> None:
    node = fake({1: 1})
    assert await proxy_of(node.chain, ADDRESS, 9, node.code) is None
