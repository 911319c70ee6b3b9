"""The bytes of clones: those that the hub's library knows are those that we say it knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from smartsync.clones import FORMS, CloneForm, find_clone, fixed_target, is_known_to_hub

LIBRARY = Path(__file__).parents[2] / "contracts" / "src" / "libraries" / "CloneCode.sol"
TO = "0x7d655c57f71464B6f83811C55D84009Cd9f5221C"
TO_HEX = TO[2:].lower()


def code_of(form: CloneForm, to: str = TO_HEX) -> bytes:
    return bytes.fromhex(form.before + to + form.behind)


def test_forms_that_the_hub_knows_are_those_of_its_library() -> None:
    text = LIBRARY.read_text("utf-8")
    known = [(form.before, form.behind) for form in FORMS if form.hub_knows]
    assert re.findall(r'_within\(code, hex"([0-9a-f]+)", hex"([0-9a-f]+)"\)', text) == known
    assert text.count('hex"') == 2 * len(known), "no form is written in another way"
    (longest,) = re.findall(r"constant LONGEST = (\d+);", text)
    assert int(longest) == max(len(code_of(form)) for form in FORMS if form.hub_knows)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.kind)
def test_find_clone_each_form_is_named_with_and_without_arguments(form: CloneForm) -> None:
    assert find_clone(code_of(form)) == (form.kind, TO)
    assert find_clone(code_of(form) + b"\xab" * 500) == (form.kind, TO)
    assert is_known_to_hub(code_of(form)) is form.hub_knows


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.kind)
def test_is_known_to_hub_with_a_byte_more_less_or_changed_is_not(form: CloneForm) -> None:
    code = code_of(form)
    others = [code + b"\0", code[:-1], b"\0" + code, code[1:]]
    before, after = len(form.before) // 2, len(form.before) // 2 + 20
    for place in (*range(before), *range(after, len(code))):
        others.append(code[:place] + bytes([code[place] ^ 1]) + code[place + 1 :])
    assert not any(is_known_to_hub(other) for other in others)


def test_find_clone_short_address_is_filled_with_zeros() -> None:
    code = bytes.fromhex(f"363d3d373d3d3d363d6f{'12' * 16}5af43d82803e903d91602757fd5bf3")
    found = find_clone(code)
    assert found is not None
    assert (found[0], found[1].lower()) == ("EIP-1167 minimal proxy", "0x" + "00" * 4 + "12" * 16)


def test_find_clone_large_contract_that_delegates_somewhere_is_none() -> None:
    assert find_clone(bytes(200) + bytes.fromhex(f"73{TO_HEX}5af4")) is None


WITH_ARGUMENTS = {
    "Solady": (
        "36602c57343d527f9e4ac34f21c619cefc926c8bd93b54bf5a39c7ab2127a895af1cc0691d7e3dff593da1005b"
        "363d3d373d3d3d3d61011236039060713d393d73",
        "5af43d3d93803e606f57fd5bf3",
    ),
    "wighawag": ("3d3d3d3d363d3d376101126037363936610112013d73", "5af43d3d93803e603557fd5bf3"),
    "a whole word": ("365f5f375f5f365f7f" + "00" * 12, "5af43d5f5f3e5f3d91603657fd5bf3"),
}


@pytest.mark.parametrize("size", [0, 10, 57, 90, 300])
@pytest.mark.parametrize("who", WITH_ARGUMENTS)
def test_find_clone_however_many_arguments_follow_is_one(who: str, size: int) -> None:
    before, behind = WITH_ARGUMENTS[who]
    code = bytes.fromhex(before + TO_HEX + behind) + b"\xab" * size
    assert find_clone(code) == ("minimal proxy", TO)
    assert not is_known_to_hub(code)


def test_fixed_target_beginning_is_as_long_as_the_hubs() -> None:
    (beginning,) = re.findall(r"constant BEGINNING = (\d+);", LIBRARY.read_text("utf-8"))
    code = bytes.fromhex(f"73{TO_HEX}5af4")
    assert fixed_target(b"\x5b" * (int(beginning) - len(code)) + code) == int(TO, 16)
    assert fixed_target(b"\x5b" * (int(beginning) - len(code) + 1) + code) is None


def test_fixed_target_of_nothing_does_not_hide_the_one_behind_it() -> None:
    assert fixed_target(bytes.fromhex(f"60005af45073{TO_HEX}5af4")) == int(TO, 16)


@pytest.mark.parametrize("code", ["", "7f", "61b0b05a", "60015af1", "5f5af4", "6373b0b05af450", "60005af4"])
def test_fixed_target_without_one_is_none(code: str) -> None:
    assert fixed_target(bytes.fromhex(code)) is None
