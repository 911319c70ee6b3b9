from __future__ import annotations

import json
from pathlib import Path

import pytest

from smartsync.discovery.hints import NO_HINTS, Hints, parse_keys, read_hints
from smartsync.errors import ConfigError
from smartsync.layout import Layout

ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
LAYOUT = {
    "storage": [{"label": "x", "slot": "0", "type": "t_uint256"}],
    "types": {"t_uint256": {"encoding": "inplace", "numberOfBytes": "32"}},
}


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def test_parse_keys_every_kind_of_line_is_read() -> None:
    words, texts = parse_keys(
        f'# holders\n{ADDRESS}   # the first\n\n42\n-7\n0x{"ab" * 32}\n"alice"\n"a # in \\"quotes\\""  # not in them\n'
    )
    assert words == (
        bytes(12) + bytes.fromhex(ADDRESS[2:]),
        word(42),
        (-7).to_bytes(32, "big", signed=True),
        b"\xab" * 32,
    )
    assert texts == (b"alice", b'a # in "quotes"')


def test_parse_keys_short_bytes_may_stand_at_either_end_of_a_word() -> None:
    assert parse_keys("0x12345678")[0] == (word(0x12345678), b"\x12\x34\x56\x78" + bytes(28))


def test_parse_keys_the_same_key_twice_counts_once() -> None:
    assert parse_keys("1\n0x01\n1")[0][0] == word(1) and len(parse_keys("1\n1")[0]) == 1


@pytest.mark.parametrize(
    "line",
    [
        "alice",
        "0x",
        "0xzz",
        "0x" + "1" * 65,
        "9" * 79,
        str(2**256),
        str(-(2**255) - 1),
        "1 2",
        '"open',
        "1.5",
        "'a'",
        '"a" b',
        '"\\ud800"',
    ],
)
def test_parse_keys_other_lines_are_refused_by_their_number(line: str) -> None:
    with pytest.raises(ConfigError, match=r"keys\.txt, line 2"):
        parse_keys(f"1\n{line}\n", "keys.txt")


def test_parse_keys_address_with_a_wrong_checksum_is_refused() -> None:
    with pytest.raises(ConfigError, match="checksum"):
        parse_keys(ADDRESS.replace("a", "A", 1))


def test_read_hints_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "layout.json").write_text(json.dumps(LAYOUT))
    (tmp_path / "keys.txt").write_text("5\n")
    hints = read_hints(tmp_path / "layout.json", None, tmp_path / "keys.txt")
    assert hints.layout is not None and hints.layout.variables[0].name == "x"
    assert hints.words == (word(5),)


def test_read_hints_without_files_are_none() -> None:
    assert read_hints() == NO_HINTS


def test_read_hints_contract_without_layout_is_refused() -> None:
    with pytest.raises(ConfigError, match="without a layout") as caught:
        read_hints(contract="Token")
    assert "--layout FILE" in caught.value.hint


@pytest.mark.parametrize("which", ["layout", "keys"])
def test_read_hints_file_that_is_not_there_or_not_text_is_refused(which: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_hints(**{which: path})
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match="cannot be read: it is not UTF-8"):
        read_hints(**{which: path})


def test_advice_is_of_those_who_have_a_layout() -> None:
    assert NO_HINTS.advice == Hints(words=(b"\x01" * 32,)).advice == ""
    layout = Layout((), {}, {})
    assert "give the keys of its mappings" in Hints(layout).advice
    assert "give more keys of its mappings" in Hints(layout, texts=(b"alice",)).advice
