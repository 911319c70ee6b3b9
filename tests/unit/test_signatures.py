from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils import keccak

from smartsync.errors import ConfigError
from smartsync.signatures import parse_signature

ACCOUNT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


@pytest.mark.parametrize(
    ("text", "name", "inputs", "outputs"),
    [
        ("balanceOf(address)(uint256)", "balanceOf", ("address",), ("uint256",)),
        ("f()", "f", (), ()),
        ("f()()", "f", (), ()),
        (" f ( uint , int8[] ) ( string ) ", "f", ("uint256", "int8[]"), ("string",)),
        ("function f(bytes32) external view returns (bool, bytes)", "f", ("bytes32",), ("bool", "bytes")),
        ("f(uint256) view returns (address);", "f", ("uint256",), ("address",)),
        ("f(uint256) view", "f", ("uint256",), ()),
        ("f((uint,address)[2][],byte)((int,(bool)))", "f", ("(uint256,address)[2][]", "bytes1"), ("(int256,(bool))",)),
        ("$_a1(bool)", "$_a1", ("bool",), ()),
    ],
)
def test_parse_signature_of_every_form_is_read(
    text: str, name: str, inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> None:
    signature = parse_signature(text)
    assert (signature.name, signature.inputs, signature.outputs) == (name, inputs, outputs)
    assert parse_signature(str(signature)) == signature


@pytest.mark.parametrize(
    "text",
    [
        "",
        "balanceOf",
        "(uint256)",
        "1f()",
        "f(",
        "f(uint256",
        "f(uint256))",
        "f(uint257)",
        "f(money)",
        "f(uint256 amount)",
        "f(uint256,)",
        "f(,)",
        "f()(uint256)(uint256)",
        "f() payable (uint256)",
        "f()[]",
        "f(uint256)[2]",
        "f((uint256)(uint256)",
    ],
)
def test_parse_signature_malformed_is_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_signature(text)


def test_encode_arguments_as_typed_match_those_as_values() -> None:
    signature = parse_signature("f(address,uint256,int8,bool,bytes4,bytes,string,uint8[],(address,bool)[])")
    typed = [
        ACCOUNT.lower(),
        "0x2a",
        "-1",
        "TRUE",
        "0x01020304",
        "0x",
        "0x12 is text",
        "[1, 2]",
        f'[["{ACCOUNT}", false]]',
    ]
    values = [ACCOUNT, 42, -1, True, b"\1\2\3\4", b"", "0x12 is text", [1, 2], [(ACCOUNT, False)]]
    assert signature.encode(typed) == signature.encode(values)
    assert signature.encode(values)[4:] == encode(signature.inputs, values)
    assert signature.encode(values)[:4] == keccak(text=f"f({','.join(signature.inputs)})")[:4]


@pytest.mark.parametrize(
    ("kind", "arg"),
    [
        ("uint8", "256"),
        ("uint8", "-1"),
        ("uint8", "1.0"),
        ("uint8", ""),
        ("uint8", True),
        ("uint8", [1]),
        ("bool", "yes"),
        ("bool", 1),
        ("address", "0x12"),
        ("address", ACCOUNT[:-1] + "A"),  # a wrong checksum
        ("bytes4", "0x010203040"),
        ("bytes4", "0x0102030405"),
        ("bytes4", "0x010203"),
        ("bytes32", "0x12"),
        ("bytes", "12"),
        ("bytes", "0x1"),
        ("string", 7),
        ("uint8[]", "1"),
        ("uint8[]", "{}"),
        ("uint8[]", 7),
        ("uint8[2]", "[1]"),
        ("(uint8,bool)", "[1]"),
        ("(uint8,bool)", "[1, true, 2]"),
        ("(uint8,bool)", '[1, "maybe"]'),
    ],
)
def test_encode_argument_of_wrong_type_is_a_config_error(kind: str, arg: object) -> None:
    with pytest.raises(ConfigError):
        parse_signature(f"f({kind})").encode([arg])


def test_encode_bytes_of_another_length_says_how_many_are_needed() -> None:
    for arg, has in (("0x12", "1 byte,"), ("0x1234", "2 bytes,")):
        with pytest.raises(ConfigError, match=f"has {has} a bytes32 has 32") as caught:
            parse_signature("f(bytes32)").encode([arg])
        assert "0x and 64 hex digits" in caught.value.hint


@pytest.mark.parametrize("args", [[], ["1", "2"]])
def test_encode_wrong_number_of_arguments_is_a_config_error(args: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"takes 1 argument, \d were given$"):
        parse_signature("f(uint8)").encode(args)


def test_decode_addresses_anywhere_are_checksummed() -> None:
    signature = parse_signature("f()(address,(address,uint8)[],address[1],uint256)")
    low = ACCOUNT.lower()
    result = encode(signature.outputs, [low, [(low, 7)], [low], 5])
    assert signature.decode(result) == (ACCOUNT, ((ACCOUNT, 7),), (ACCOUNT,), 5)


@pytest.mark.parametrize("result", [b"", b"\x01", b"\xff" * 64])
def test_decode_answer_of_another_type_is_a_config_error(result: bytes) -> None:
    with pytest.raises(ConfigError, match="is not"):
        parse_signature("f()(string)").decode(result)
