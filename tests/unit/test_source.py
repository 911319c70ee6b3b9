from __future__ import annotations

from typing import Any

import pytest

from smartsync.errors import CodeNotDeployable, InvalidProof, NoCode, SourceIsProxy
from smartsync.keccak import keccak256
from smartsync.source import PROXY_SLOTS, inspect, require_deployable
from smartsync.types import EMPTY_ROOT, MAX_CODE_SIZE, Account

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
TO = "0x7d655c57f71464B6f83811C55D84009Cd9f5221C"
TO_HEX = TO[2:].lower()
SAFE = (
    "608060405273ffffffffffffffffffffffffffffffffffffffff600054167fa619486e0000000000000000000000000000000000000000000000"
    "000000000060003514156050578060005260206000f35b3660008037600080366000845af43d6000803e60008114156070573d6000fd5b3d6000"
    "f3fe"
)
SAFE_1_0 = (
    "608060405273ffffffffffffffffffffffffffffffffffffffff600054163660008037600080366000845af43d6000803e6000811415603d573d"
    "6000fd5b3d6000f3fe"
)
SEQUENCE = "363d3d373d3d3d363d30545af43d82803e903d91601857fd5bf3"


async def test_inspect_ordinary_contract_returns_its_code(fake: Any) -> None:
    node = fake({0: 1})
    assert await inspect(node.chain, ADDRESS, 9) == node.code


async def test_inspect_address_without_code_is_refused(fake: Any) -> None:
    with pytest.raises(NoCode, match=r"no contract at 0x2222.* in block 9 of the source chain") as caught:
        await inspect(fake({}).chain, "0x" + "22" * 20, 9)
    assert caught.value.hint


async def test_inspect_code_other_than_proven_is_refused(fake: Any) -> None:
    node = fake({})
    with pytest.raises(InvalidProof, match="is not the one proven"):
        await inspect(node.chain, ADDRESS, 9, account=Account(1, 0, EMPTY_ROOT, keccak256(b"other")))
    assert await inspect(node.chain, ADDRESS, 9, account=Account(1, 0, EMPTY_ROOT, keccak256(node.code))) == node.code


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("EIP-1967", "360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"),
        ("EIP-1967 beacon", "a3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50"),
        ("EIP-1822", "c5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7"),
        ("OpenZeppelin before EIP-1967", "7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3"),
    ],
)
async def test_inspect_proxy_with_its_implementation_in_a_slot_is_named(fake: Any, kind: str, known: str) -> None:
    assert PROXY_SLOTS[kind].hex() == known
    node = fake({int.from_bytes(PROXY_SLOTS[kind], "big"): int(TO, 16)})
    with pytest.raises(SourceIsProxy) as caught:
        await inspect(node.chain, ADDRESS, 9)
    assert (caught.value.kind, caught.value.implementation) == (kind, TO)


@pytest.mark.parametrize("code", [SAFE, SAFE_1_0])
async def test_inspect_safe_proxy_is_named(fake: Any, code: str) -> None:
    with pytest.raises(SourceIsProxy) as caught:
        await inspect(fake({0: int(TO, 16)}, bytes.fromhex(code)).chain, ADDRESS, 9)
    assert (caught.value.kind, caught.value.implementation) == ("Safe proxy", TO)


async def test_inspect_sequence_wallet_is_named(fake: Any) -> None:
    node = fake({int(ADDRESS, 16): int(TO, 16)}, bytes.fromhex(SEQUENCE))
    with pytest.raises(SourceIsProxy) as caught:
        await inspect(node.chain, ADDRESS, 9)
    assert (caught.value.kind, caught.value.implementation) == ("Sequence wallet", TO)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("EIP-1167 minimal proxy", f"363d3d373d3d3d363d73{TO_HEX}5af43d82803e903d91602b57fd5bf3"),
        ("EIP-1167 minimal proxy", f"363d3d373d3d3d363d73{TO_HEX}5af43d82803e903d91602b57fd5bf3" + "ab" * 500),
        ("minimal proxy by 0age", f"3d3d3d3d363d3d37363d73{TO_HEX}5af43d3d93803e602a57fd5bf3"),
        ("minimal proxy with PUSH0 (EIP-7511)", f"365f5f375f5f365f73{TO_HEX}5af43d5f5f3e5f3d91602a57fd5bf3"),
        ("minimal proxy with PUSH0 (Solady)", f"5f5f365f5f37365f73{TO_HEX}5af43d5f5f3e6029573d5ffd5b3d5ff3"),
        ("Vyper minimal proxy", f"366000600037611000600036600073{TO_HEX}5af4602c57600080fd5b6110006000f3"),
        ("Vyper minimal proxy (beta)", f"366000600037611000600036600073{TO_HEX}5af41558576110006000f3"),
        ("minimal proxy", f"3d3d3d3d363d3d3761003f603736393661003f013d73{TO_HEX}5af43d3d93803e603557fd5bf3" + "00" * 9),
    ],
)
async def test_inspect_clone_is_named(fake: Any, kind: str, code: str) -> None:
    with pytest.raises(SourceIsProxy, match="is a proxy") as caught:
        await inspect(fake({}, bytes.fromhex(code)).chain, ADDRESS, 9)
    assert (caught.value.kind, caught.value.implementation) == (kind, TO)


async def test_inspect_contract_with_something_in_slot_zero_is_no_safe(fake: Any) -> None:
    node = fake({0: int(TO, 16)}, bytes.fromhex("6080604052600080fd"))
    assert await inspect(node.chain, ADDRESS, 9) == node.code


def test_require_deployable_delegation_names_its_target() -> None:
    with pytest.raises(CodeNotDeployable, match=f"delegates to {TO} \\(EIP-7702\\)"):
        require_deployable(bytes.fromhex("ef0100" + TO_HEX), ADDRESS)


@pytest.mark.parametrize("code", [b"\xef", b"\xef\x00\x01"])
def test_require_deployable_first_byte_ef_is_refused(code: bytes) -> None:
    with pytest.raises(CodeNotDeployable, match="EIP-3541"):
        require_deployable(code, ADDRESS)


def test_require_deployable_size_is_limited() -> None:
    require_deployable(bytes(MAX_CODE_SIZE), ADDRESS)
    with pytest.raises(CodeNotDeployable, match=r"24577 bytes.*EIP-170"):
        require_deployable(bytes(MAX_CODE_SIZE + 1), ADDRESS)
