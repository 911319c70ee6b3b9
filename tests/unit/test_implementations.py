from __future__ import annotations

from typing import Any

import pytest
import rlp

from smartsync.errors import NoCode, RpcError
from smartsync.implementations import (
    Resolution,
    book_of,
    further_proxy,
    named_by_beacon,
    nothing_to_copy,
    other_kind,
    other_slots,
    resolution_by,
    unsupported,
)
from smartsync.keccak import keccak256
from smartsync.source import PROXY_SLOTS

HUB = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
TO = "0x7d655c57f71464B6f83811C55D84009Cd9f5221C"
TO_HEX = TO[2:].lower()
EIP1167 = f"363d3d373d3d3d363d73{TO_HEX}5af43d82803e903d91602b57fd5bf3"
"""Runtime code of a minimal proxy."""


def test_book_of_hub_is_its_first_creation() -> None:
    expected = keccak256(rlp.encode([bytes.fromhex(HUB[2:]), 1]))[-20:]
    assert bytes.fromhex(book_of(HUB)[2:]) == expected


@pytest.mark.parametrize(
    "code",
    [
        EIP1167,
        f"3d3d3d3d363d3d37363d73{TO_HEX}5af43d3d93803e602a57fd5bf3",
        f"365f5f375f5f365f73{TO_HEX}5af43d5f5f3e5f3d91602a57fd5bf3",
        f"5f5f365f5f37365f73{TO_HEX}5af43d5f5f3e6029573d5ffd5b3d5ff3",
    ],
)
def test_unsupported_clone_that_the_hub_knows_is_none(code: str) -> None:
    assert unsupported(bytes.fromhex(code), "a clone", TO) == ""


@pytest.mark.parametrize(
    "code",
    [
        EIP1167 + "00",
        f"363d3d373d3d3d363d6f{TO_HEX[:32]}5af43d82803e903d91602757fd5bf3",
        f"366000600037611000600036600073{TO_HEX}5af4602c57600080fd5b6110006000f3",
        f"00{EIP1167}",
    ],
    ids=["arguments", "short address", "Vyper", "something in front"],
)
def test_unsupported_clone_that_does_something_else_says_so(code: str) -> None:
    assert "not exactly one of the clones" in unsupported(bytes.fromhex(code), "a clone", TO)


@pytest.mark.parametrize("kind", PROXY_SLOTS)
def test_unsupported_slot_that_is_in_the_code_is_none(kind: str) -> None:
    code = bytes(100) + PROXY_SLOTS[kind] + bytes.fromhex("545af4")
    assert unsupported(code, kind, TO) == ""
    assert "does not show" in unsupported(code.replace(b"\xf4", b"\xfa"), kind, TO)
    assert "does not show" in unsupported(bytes(200) + b"\xf4", kind, TO)


def test_unsupported_beacon_in_the_code_instead_of_its_slot_is_none() -> None:
    code = bytes(100) + bytes.fromhex(TO_HEX) + b"\xf4"
    assert unsupported(code, "EIP-1967 beacon", TO) == ""
    assert "does not show" in unsupported(code, "EIP-1967", TO)


@pytest.mark.parametrize("kind", ["Safe proxy", "Sequence wallet"])
def test_unsupported_kind_is_named(kind: str) -> None:
    assert "of this kind" in unsupported(bytes(200) + b"\xf4", kind, TO)


def test_named_by_word_takes_the_lower_160_bits() -> None:
    resolution = resolution_by("EIP-1967", "")
    assert resolution.slot == PROXY_SLOTS["EIP-1967"]
    assert resolution.named_by(0xDEAD << 160 | int(TO, 16)) == TO
    assert resolution.named_by(0) == "0x" + "00" * 20


def test_named_by_of_a_clone_is_what_is_in_its_code() -> None:
    resolution = resolution_by("EIP-1167 minimal proxy", TO)
    assert resolution == Resolution("EIP-1167 minimal proxy", None, TO)
    assert resolution.named_by(1) == TO


def test_other_slots_are_those_of_other_kinds_that_hold_something() -> None:
    values = {slot: 0xDEAD << 160 | int(TO, 16) for slot in PROXY_SLOTS.values()}
    values[PROXY_SLOTS["EIP-1822"]] = 0
    others = other_slots(resolution_by("EIP-1967", ""), values)
    assert others == {"EIP-1967 beacon": TO, "OpenZeppelin before EIP-1967": TO}
    assert set(other_slots(resolution_by("EIP-1167 minimal proxy", TO), values)) == {"EIP-1967", *others}
    assert other_slots(resolution_by("EIP-1967", ""), {}) == {}


def test_further_proxy_code_that_delegates_by_a_slot_in_use_is_one() -> None:
    code = bytes(100) + PROXY_SLOTS["EIP-1822"] + bytes.fromhex("545af4")
    found = further_proxy({"EIP-1967": HUB, "EIP-1822": TO}, HUB, code)
    assert found is not None and (found.kind, found.implementation) == ("EIP-1822", TO)
    assert HUB in found.message


@pytest.mark.parametrize(
    ("others", "tail"),
    [
        ({"EIP-1967": TO}, "545af4"),
        ({}, "545af4"),
        ({"EIP-1822": TO}, "545afa"),
        ({"EIP-1822": TO}, "545af46352d1902d"),
    ],
    ids=["another slot", "nothing named", "calls only", "made for UUPS"],
)
def test_further_proxy_code_that_shows_nothing_is_none(others: dict[str, str], tail: str) -> None:
    assert further_proxy(others, HUB, bytes(100) + PROXY_SLOTS["EIP-1822"] + bytes.fromhex(tail)) is None


def test_other_kind_of_a_proxy_with_its_beacon_in_its_code_is_any_other_beacon() -> None:
    code = bytes(100) + bytes.fromhex(TO_HEX) + b"\xf4"
    resolution = resolution_by("EIP-1967 beacon", TO)
    assert other_kind(resolution, code, TO) is None
    found = other_kind(resolution, code, HUB)
    assert found is not None and found.implementation == HUB


def test_other_kind_of_a_proxy_that_reads_its_slot_and_of_a_clone_is_none() -> None:
    code = bytes(100) + PROXY_SLOTS["EIP-1967 beacon"] + b"\xf4"
    assert other_kind(resolution_by("EIP-1967 beacon", TO), code, HUB) is None
    assert other_kind(resolution_by("EIP-1167 minimal proxy", TO), bytes.fromhex(EIP1167), TO) is None


@pytest.mark.parametrize("more", ["", "ff" * 32])
async def test_named_by_beacon_takes_one_word_as_the_hubs_book_does(fake: Any, more: str) -> None:
    node, asked = fake({}), []
    node.override["eth_call"] = lambda message, block: (
        asked.append((message, block)) or "0x" + "00" * 12 + TO_HEX + more
    )
    assert await named_by_beacon(node.chain, HUB, 9, sender=TO) == TO
    assert asked == [({"to": HUB, "data": "0x5c60da1b", "from": TO}, "0x9")]


@pytest.mark.parametrize("answer", ["0x", "0x" + "00" * 31, "0x" + "00" * 11 + "01" + TO_HEX])
async def test_named_by_beacon_of_no_address_is_none(fake: Any, answer: str) -> None:
    node = fake({})
    node.override["eth_call"] = lambda *_: answer
    assert await named_by_beacon(node.chain, HUB, 9) is None


async def test_named_by_beacon_that_reverts_is_none_and_what_the_node_lacks_is_told(fake: Any) -> None:
    def refuses(code: int, text: str) -> Any:
        def call(*_: object) -> None:
            raise RpcError("eth_call", code, text)

        return call

    node = fake({})
    node.override["eth_call"] = refuses(3, "execution reverted")
    assert await named_by_beacon(node.chain, HUB, 9) is None
    node.override["eth_call"] = refuses(-32603, "internal error")
    with pytest.raises(RpcError):
        await named_by_beacon(node.chain, HUB, 9)


def test_in_full_is_message_and_hint_or_the_message_alone() -> None:
    error = nothing_to_copy(TO, 9)
    assert error.in_full == f"{error.message}; {error.hint}"
    assert NoCode("nothing there").in_full == "nothing there"
