from __future__ import annotations

from smartsync.layout import LESS_LIKELY, LIKELY, constants_of, guesses, known_namespaces
from smartsync.layout.guess import MAX_CONSTANTS, MEMBERS

BASE = 0x52C63247E1F47DB19D5CE0460030C497F067CA4CEBF71BA98EEADABE20BACE00


def push32(number: int) -> bytes:
    return b"\x7f" + number.to_bytes(32, "big")


def test_constants_of_code_are_what_is_pushed_and_the_slots_behind() -> None:
    assert constants_of(b"\x60\x01" + push32(BASE) + b"\x00") == [BASE + n for n in range(MEMBERS)]


def test_constants_of_code_that_is_data_of_another_push_are_none() -> None:
    # PUSH33 does not exist; a PUSH32's data that looks like a PUSH32 is data.
    inner = int.from_bytes(b"\x7f" + b"\xee" * 31, "big")
    assert constants_of(push32(inner)) == [inner + n for n in range(MEMBERS)]


def test_constants_of_small_ones_and_masks_cut_short_are_left_out() -> None:
    assert constants_of(push32(2**160 - 1)) == []
    assert constants_of(b"\x7f\x01") == []
    assert constants_of(b"") == []


def test_constants_of_code_full_of_them_are_bounded() -> None:
    code = b"".join(push32(BASE + 1_000 * n) for n in range(1_000))
    assert len(constants_of(code)) == MAX_CONSTANTS * MEMBERS


def test_guesses_begin_with_one_key_at_the_first_slots() -> None:
    first = next(guesses(LIKELY))
    assert {field.slot for field in first.variables} == set(LIKELY)
    assert {field.type for field in first.variables} == {"value", "mapping", "list", "text"}


def test_guesses_ranges_leave_out_none_of_the_first_slots() -> None:
    assert [*LIKELY, *LESS_LIKELY] == list(range(51))


def test_known_namespaces_stand_where_openzeppelin_says() -> None:
    at = {field.name: field.slot for field in known_namespaces().variables}
    # As constants in the package's own code: ERC20StorageLocation, INITIALIZABLE_STORAGE, OwnableStorageLocation.
    assert at["ERC20._balances"] == BASE and at["ERC20._symbol"] == BASE + 4
    assert (
        at["Initializable._initialized+_initializing"]
        == 0xF0C57E16840DF040F15088DC2F81FE391C3923BEC73E23A9662EFC9C229C6A00
    )
    assert at["Ownable._owner"] == 0x9016D09D72D40FDAE2FD8CEAC6B6234C7706214FD39C1CD1E609A0528C199300
