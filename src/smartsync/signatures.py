"""Functions named as people write them: ``balanceOf(address)(uint256)``, and their arguments as people type them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.abi import is_encodable_type
from eth_abi.exceptions import ABITypeError, DecodingError, EncodingError, ParseError
from eth_abi.grammar import ABIType, TupleType, normalize, parse
from eth_utils.abi import function_signature_to_4byte_selector
from eth_utils.address import to_checksum_address

from smartsync.addresses import checked_address
from smartsync.errors import ConfigError

_NAME = re.compile(r"(?:function\s+)?([A-Za-z_$][\w$]*)\s*(?=\()")
_BETWEEN = re.compile(r"\s*(?:(?:external|public|view|pure|returns)\b\s*)*(?=\()")


@dataclass(frozen=True, slots=True)
class FunctionSignature:
    """A function: its name and its ABI types, tuples written out as ``(uint256,address)``."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}({','.join(self.inputs)})({','.join(self.outputs)})"

    @property
    def selector(self) -> bytes:
        """The first 4 bytes of the calldata."""
        return bytes(function_signature_to_4byte_selector(f"{self.name}({','.join(self.inputs)})"))

    def encode(self, args: Sequence[Any]) -> bytes:
        """Return the calldata for arguments given as Python values or, as text, the way one types them.

        Raises
        ------
        ConfigError
            Where they are too many, too few, or one is not of its type.
        """
        if len(args) != len(self.inputs):
            takes = f"{len(self.inputs)} argument" + "s" * (len(self.inputs) != 1)
            raise ConfigError(f"{self} takes {takes}, {len(args)} {'was' if len(args) == 1 else 'were'} given")
        values = [_value(parse(kind), arg) for kind, arg in zip(self.inputs, args, strict=True)]
        try:
            return self.selector + abi_encode(self.inputs, values)
        except EncodingError as error:
            raise ConfigError(f"the arguments do not fit {self}: {error}") from error

    def decode(self, result: bytes) -> tuple[Any, ...]:
        """Return the values that a call answered with; addresses are checksummed.

        Raises
        ------
        ConfigError
            Where the answer is not of the types that the signature promises.
        """
        try:
            values = abi_decode(self.outputs, result)
        except (DecodingError, ValueError, OverflowError) as error:
            raise ConfigError(
                f"the answer of {len(result)} bytes is not ({','.join(self.outputs)})",
                hint="check the signature's return types, and that there is a contract with this function",
            ) from error
        return tuple(checksummed(parse(kind), value) for kind, value in zip(self.outputs, values, strict=True))


def parse_signature(text: str) -> FunctionSignature:
    """Read ``name(types)(types)``; ``name(types) view returns (types)`` and a missing return part are understood, too.

    Raises
    ------
    ConfigError
        Where it is not a signature, or has a type that the ABI does not know. Parameter names are not taken.
    """
    name = _NAME.match(text.strip())
    if name is None:
        raise ConfigError(f"not a function signature: {text[:80]!r}", hint="write it as balanceOf(address)(uint256)")
    rest = text.strip()[name.end() :]
    inputs, rest = _types(rest, text)
    outputs: tuple[str, ...] = ()
    between = _BETWEEN.match(rest)
    if between is not None:
        outputs, rest = _types(rest[between.end() :], text)
    if rest.strip() not in ("", "view", "pure", ";"):
        raise ConfigError(f"not understood in the signature {text[:80]!r}: {rest.strip()[:40]!r}")
    return FunctionSignature(name.group(1), inputs, outputs)


def checksummed(kind: ABIType, value: Any) -> Any:
    """Return a decoded value with the addresses in it checksummed (eth_abi gives them in lower case)."""
    if kind.is_array:
        return tuple(checksummed(kind.item_type, item) for item in value)
    if isinstance(kind, TupleType):
        return tuple(checksummed(part, item) for part, item in zip(kind.components, value, strict=True))
    return to_checksum_address(value) if _text(kind) == "address" else value


def _types(text: str, whole: str) -> tuple[tuple[str, ...], str]:
    """Split a leading ``(a,b)`` off a text."""
    depths = accumulate((char == "(") - (char == ")") for char in text)
    end = next((index for index, depth in enumerate(depths) if depth == 0), None)
    if end is None:
        raise ConfigError(f"a bracket is not closed in the signature {whole[:80]!r}")
    listed = "".join(text[: end + 1].split())
    if listed == "()":
        return (), text[end + 1 :]
    try:
        parsed = parse(normalize(listed))  # type: ignore[no-untyped-call]  # eth_abi lacks the annotation
        known = is_encodable_type(_text(parsed))
    except (ParseError, ABITypeError):
        known = False
    if not known or parsed.arrlist:
        raise ConfigError(f"unknown types {listed} in the signature {whole[:80]!r}", hint="types only, without names")
    return tuple(_text(part) for part in parsed.components), text[end + 1 :]


def _value(kind: ABIType, arg: Any) -> Any:
    """Turn an argument as it is typed into what eth_abi encodes. Values that are not text pass as they are."""
    base = _text(kind)
    if kind.is_array or isinstance(kind, TupleType):
        return _items(kind, arg)
    if not isinstance(arg, str) or base == "string":
        return arg
    if base.startswith(("uint", "int")):
        return _number(arg, base)
    if base == "bool" and arg.lower() in ("true", "false"):
        return arg.lower() == "true"
    if base == "address":
        return checked_address(arg, "an argument")
    if base.startswith("bytes") and re.fullmatch(r"0x(?:[0-9a-fA-F]{2})*", arg):
        given, size = bytes.fromhex(arg[2:]), base.removeprefix("bytes")
        # eth_abi would fill up with zeros: half an ENS node would be another one, which nobody owns.
        if size and len(given) != int(size):
            has = f"{len(given)} byte" + ("" if len(given) == 1 else "s")
            raise ConfigError(
                f"{arg[:80]!r} has {has}, a {base} has {size}",
                hint=f"give all of it: 0x and {2 * int(size)} hex digits",
            )
        return given
    raise ConfigError(f"{arg[:80]!r} is no {base}")


def _items(kind: ABIType, arg: Any) -> tuple[Any, ...]:
    try:
        items = json.loads(arg) if isinstance(arg, str) else list(arg)
    except (ValueError, TypeError):
        items = None
    if not isinstance(items, list):
        raise ConfigError(f"{str(arg)[:80]!r} is no {_text(kind)}", hint='write it as ["0x…", 1, true]')
    parts = (
        list(kind.components) if isinstance(kind, TupleType) and not kind.is_array else [kind.item_type] * len(items)
    )
    if len(parts) != len(items):
        raise ConfigError(f"{_text(kind)} has {len(parts)} parts, {len(items)} were given")
    return tuple(_value(part, item) for part, item in zip(parts, items, strict=True))


def _number(arg: str, base: str) -> int:
    try:
        return int(arg, 0)
    except ValueError:
        raise ConfigError(f"{arg[:80]!r} is no {base}", hint="write numbers as 42 or 0x2a") from None


def _text(kind: ABIType) -> str:
    return str(kind.to_type_str())  # type: ignore[no-untyped-call]  # eth_abi lacks the annotation
