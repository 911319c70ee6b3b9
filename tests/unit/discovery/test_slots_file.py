from __future__ import annotations

from pathlib import Path

import pytest

from smartsync.discovery.slots_file import parse_slots, read_slots
from smartsync.errors import ConfigError


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


def test_parse_slots_lines_reads_hex_decimal_and_comments() -> None:
    text = f"# slots\n0\n\n 0x1 # one\r\n17\n0X{'f' * 64}\n0x{'0' * 63}1\n"
    assert parse_slots(text) == {slot(0), slot(1), slot(17), b"\xff" * 32}


def test_parse_slots_decimal_is_not_read_as_hex() -> None:
    assert parse_slots("10") == {slot(10)}


def test_parse_slots_largest_slot_is_accepted() -> None:
    assert parse_slots(str(2**256 - 1)) == {b"\xff" * 32}


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "[]", " [ ] "])
def test_parse_slots_nothing_gives_no_slots(text: str) -> None:
    assert parse_slots(text) == set()


def test_parse_slots_json_array_mixes_numbers_and_strings() -> None:
    assert parse_slots('\n [0, "0x1",\n "17", 340282366920938463463374607431768211456]') == {
        slot(0),
        slot(1),
        slot(17),
        slot(2**128),
    }


@pytest.mark.parametrize(
    "bad", ["abc", "-1", "0x", "0xg", f"0x{'1' * 65}", str(2**256), "1 2", "1_0", "1e3", "٣", "0b1"]
)
def test_parse_slots_bad_line_is_named(bad: str) -> None:
    with pytest.raises(ConfigError, match="my file, line 3: not a slot") as caught:
        parse_slots(f"0\n# a comment\n{bad}\n1", "my file")
    assert caught.value.hint


@pytest.mark.parametrize("bad", ["true", "null", "1.5", "-1", "[1]", '"abc"', '""', "{}"])
def test_parse_slots_bad_item_is_named(bad: str) -> None:
    with pytest.raises(ConfigError, match="my file, item 2: not a slot"):
        parse_slots(f"[1, {bad}]", "my file")


def test_parse_slots_broken_json_names_the_line() -> None:
    with pytest.raises(ConfigError, match="my file, line 2: not JSON"):
        parse_slots("[1,\n 2", "my file")


def test_parse_slots_json_nested_too_deeply_is_refused() -> None:
    with pytest.raises(ConfigError, match="my file"):
        parse_slots("[" * 100_000, "my file")


def test_read_slots_reads_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "slots.txt"
    path.write_bytes(b"\xef\xbb\xbf0x5\n")
    assert read_slots(path) == {slot(5)}


def test_read_slots_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.txt cannot be read: No such file"):
        read_slots(tmp_path / "absent.txt")


def test_read_slots_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "slots.bin"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_slots(path)
