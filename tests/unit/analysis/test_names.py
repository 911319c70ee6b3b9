from __future__ import annotations

import json
from pathlib import Path

import pytest

from smartsync.analysis.names import Named, named_functions, read_abi
from smartsync.errors import ConfigError

OWNER = {"type": "function", "name": "owner", "inputs": [{"type": "bytes32"}], "stateMutability": "view"}
ABI = [OWNER, {"type": "event", "name": "Moved", "inputs": []}, {"type": "constructor", "inputs": []}]


@pytest.mark.parametrize(
    ("more", "writes"),
    [
        ({"stateMutability": "view"}, False),
        ({"stateMutability": "pure"}, False),
        ({"stateMutability": "payable"}, True),
        ({"stateMutability": "nonpayable"}, True),
        ({"constant": True}, False),  # before solc 0.5
        ({"constant": False}, True),
        ({}, True),
    ],
)
def test_named_functions_signature_and_kind(more: dict[str, object], writes: bool) -> None:
    pair = {"type": "tuple", "components": [{"type": "uint256"}, {"type": "address"}]}
    found = named_functions([{"type": "function", "name": "f", "inputs": [pair], **more}])
    assert list(found.values()) == [Named("f((uint256,address))", writes)]


def test_named_functions_by_selector() -> None:
    assert named_functions(ABI) == {bytes.fromhex("02571be3"): Named("owner(bytes32)", False)}


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "function"},
        {"type": "function", "name": "f", "inputs": 7},
        {"type": "function", "name": "f", "inputs": [{}]},
    ],
)
def test_named_functions_entry_that_is_none_is_refused(entry: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="entry 1 of the ABI"):
        named_functions([OWNER, entry])


@pytest.mark.parametrize("wrapped", [False, True])
def test_read_abi_of_a_file(tmp_path: Path, wrapped: bool) -> None:
    file = tmp_path / "abi.json"
    file.write_text(json.dumps({"abi": ABI, "bytecode": "0x"} if wrapped else ABI))
    assert read_abi(file) == ABI


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"7", "there is no ABI"),
        (b'{"bytecode": "0x"}', "there is no ABI"),
        (b'{"abi": {}}', "there is no ABI"),
        (b"[1]", "there is no ABI"),
        (b"[]", "has no functions"),
        (b'[{"type": "event", "name": "E", "inputs": []}]', "has no functions"),
        (b'[{"type": "function"}]', "entry 0 of the ABI"),
    ],
)
def test_read_abi_other_content_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "abi.json"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_abi(file)
    assert caught.value.hint


def test_read_abi_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_abi(tmp_path / "none.json")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_abi(tmp_path)
