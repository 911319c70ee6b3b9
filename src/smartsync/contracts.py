"""The compiled contracts that ship with the package: artifacts, ABI encoding and decoding, revert reasons.

Calls of contracts that are not ours are encoded by human-readable signatures, see `smartsync.signatures`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias, cast

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_abi.grammar import parse
from eth_typing import ABIElement
from eth_utils.abi import (
    collapse_if_tuple,
    event_abi_to_log_topic,
    function_abi_to_4byte_selector,
    get_aligned_abi_inputs,
)

from smartsync.answers import Log, Receipt
from smartsync.errors import ConfigError, NotDeployed
from smartsync.signatures import FunctionSignature, checksummed, parse_signature

__all__ = [
    "Artifact",
    "DecodedCall",
    "FunctionSignature",
    "address_topic",
    "artifact",
    "decode_call",
    "decode_logs",
    "decode_result",
    "decode_revert",
    "encode_call",
    "encode_deployment",
    "event_topic",
    "parse_signature",
]

Abi: TypeAlias = Sequence[Mapping[str, Any]]

_UNDECODABLE = (DecodingError, ValueError, OverflowError)

_ENUMS = {
    "enum Level": ("unknown", "pending", "safe", "final", "revoked"),
    "enum Status": ("active", "paused", "expired", "frozen"),
    "enum ReplicaStatus": ("none", "filling", "active", "source_destroyed", "source_code_changed"),
    "enum ProxyKind": ("none", "clone", "eip1967", "eip1967_beacon", "eip1822", "zeppelinos"),
}
"""What the numbers of our enums mean: the ABI does not say. From the interfaces that declare them."""

_PANICS = {
    0x00: "compiler-inserted panic",
    0x01: "an assertion failed",
    0x11: "arithmetic overflow or underflow",
    0x12: "division by zero",
    0x21: "a value that is not in the enum",
    0x22: "a badly encoded byte array in storage",
    0x31: "pop of an empty array",
    0x32: "array index out of bounds",
    0x41: "too much memory",
    0x51: "call of an uninitialised function",
}
"""Solidity's panic codes, from its documentation on error handling."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract: its ABI as solc writes it, and its creation code without constructor arguments.

    ``bytecode`` is empty for an interface.
    """

    name: str
    abi: Abi
    bytecode: bytes


@dataclass(frozen=True, slots=True)
class DecodedCall:
    """A function's name, and its arguments by name."""

    name: str
    arguments: Mapping[str, Any]


@cache
def artifact(name: str) -> Artifact:
    """Load a contract that ships with the package, by name: ``Hub``, ``Replica``, ``QuorumAnchor`` and so on.

    Raises
    ------
    ConfigError
        Where the installation lacks it or it is damaged.
    """
    try:
        told = json.loads((files("smartsync") / "artifacts" / f"{name}.json").read_text("utf-8"))
        return Artifact(name, told["abi"], bytes.fromhex(told.get("bytecode", "").removeprefix("0x")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"the compiled contract {name} is missing from this installation or damaged",
            hint="install smartsync again; in a working copy, build the contracts first (make build)",
        ) from error


def encode_call(abi: Abi | str, function: str, args: Sequence[Any] = ()) -> bytes:
    """Return the calldata of a function of an artifact (by name) or of an ABI.

    Parameters
    ----------
    function
        Its name; of several with one name, the one that takes as many arguments.
    args
        Python values; a struct as a tuple or as a mapping by field name.

    Raises
    ------
    ConfigError
        Where there is no such function or the arguments do not fit.
    """
    element = _element(abi, "function", function, len(args))
    return _selector(element) + _encode_inputs(element, args)


def encode_deployment(name: str, args: Sequence[Any] = ()) -> bytes:
    """Return the data of the transaction that deploys an artifact: creation code and arguments.

    Raises
    ------
    ConfigError
        As in `artifact` and `encode_call`.
    """
    compiled = artifact(name)
    if not compiled.bytecode:
        raise ConfigError(f"{name} is an interface: there is nothing to deploy")
    elements = [e for e in compiled.abi if e.get("type") == "constructor"]
    element = elements[0] if elements else {"type": "constructor", "inputs": []}
    return compiled.bytecode + _encode_inputs(element, args)


def decode_result(abi: Abi | str, function: str, result: bytes) -> tuple[Any, ...]:
    """Return what a function answered, always as a tuple; a struct is a tuple, too, and addresses are checksummed.

    Raises
    ------
    NotDeployed
        Where ``result`` is not of the function's types: there is another contract or none at the address.
    ConfigError
        Where there is no such function.
    """
    outputs = _element(abi, "function", function)["outputs"]
    try:
        return _decode(outputs, result)
    except _UNDECODABLE as error:
        what = abi if isinstance(abi, str) else "contract"
        raise NotDeployed(
            f"there is no {what} at this address that answers {function}: it answered {len(result)} bytes",
            hint="check the address, the chain, and that both are of the same version of smartsync",
        ) from error


def decode_call(abi: Abi | str, calldata: bytes) -> DecodedCall | None:
    """Return the function that calldata calls and its arguments by name, or None where it is none of the ABI's.

    Raises
    ------
    ConfigError
        As in `artifact`.
    """
    for element in _elements(abi):
        if element.get("type") == "function" and calldata[:4] == _selector(element):
            try:
                values = _decode(element["inputs"], calldata[4:])
            except _UNDECODABLE:
                return None
            names = [part["name"] for part in element["inputs"]]
            return DecodedCall(element["name"], dict(zip(names, values, strict=True)))
    return None


def event_topic(abi: Abi | str, event: str) -> bytes:
    """Return the first topic of an event, 32 bytes.

    Raises
    ------
    ConfigError
        Where there is no such event.
    """
    return bytes(event_abi_to_log_topic(cast(Any, _element(abi, "event", event))))


def address_topic(address: str) -> bytes:
    """Return an address as events index it: 32 bytes, the address at the end."""
    return bytes.fromhex(address[2:]).rjust(32, b"\0")


def decode_revert(data: bytes) -> tuple[str, str]:
    """Return the name of the error that a call reverted with, and a sentence about it.

    Knows ``Error(string)``, ``Panic(uint256)`` and the errors of all contracts that ship with the package. The name is
    empty where nothing is known. Never raises: ``data`` is whatever anybody's contract returned.
    """
    if not data:
        return "", "no reason given"
    selector, body = data[:4], data[4:]
    if selector == bytes.fromhex("08c379a0"):
        return "Error", str(_try_decode([{"type": "string"}], body, data)[0])
    if selector == bytes.fromhex("4e487b71"):
        code = _try_decode([{"type": "uint256"}], body, data)[0]
        known = _PANICS.get(code, "unknown panic") if isinstance(code, int) else "malformed"
        return "Panic", f"panic {code:#04x}: {known}" if isinstance(code, int) else f"panic: {code}"
    element = _errors().get(selector)
    if element is None:
        return "", f"unknown error 0x{data[:36].hex()}{'…' if len(data) > 36 else ''} ({len(data)} bytes)"
    inputs = element["inputs"]
    values = _try_decode(inputs, body, data)
    listed = ", ".join(f"{part['name']}={_shown(part, value)}" for part, value in zip(inputs, values, strict=False))
    return element["name"], f"{element['name']}({listed})"


def decode_logs(
    abi: Abi | str, logs: Receipt | Iterable[Log], event: str, *, emitter: str | None = None
) -> list[dict[str, Any]]:
    """Return the arguments, by name, of every event of one name among the logs.

    Logs of other events are passed over, and such as have the event's topic but another shape; where ``emitter`` is
    given, also those of other contracts. An indexed argument of dynamic type is its hash.

    Warning: anybody's contract can emit any event. Without ``emitter`` the answer proves nothing.

    Raises
    ------
    ConfigError
        Where the ABI has no such event.
    """
    element = _element(abi, "event", event)
    topic = event_topic(abi, event)
    candidates = [
        _event_arguments(element["inputs"], log)
        for log in (logs.logs if isinstance(logs, Receipt) else logs)
        if log.topics[:1] == (topic,) and emitter in (None, log.address)
    ]
    return [arguments for arguments in candidates if arguments is not None]


def _event_arguments(inputs: Sequence[Mapping[str, Any]], log: Log) -> dict[str, Any] | None:
    indexed = [part for part in inputs if part["indexed"]]
    plain = [part for part in inputs if not part["indexed"]]
    if len(log.topics) != 1 + len(indexed):
        return None
    try:
        values = dict(zip([part["name"] for part in plain], _decode(plain, log.data), strict=True))
        for part, topic in zip(indexed, log.topics[1:], strict=True):
            dynamic = parse(collapse_if_tuple(dict(part))).is_dynamic
            values[part["name"]] = topic if dynamic else _decode([part], topic)[0]
    except _UNDECODABLE:
        return None
    return {part["name"]: values[part["name"]] for part in inputs}


def _elements(abi: Abi | str) -> Abi:
    return artifact(abi).abi if isinstance(abi, str) else abi


def _element(abi: Abi | str, kind: str, name: str, arity: int | None = None) -> Mapping[str, Any]:
    named = [e for e in _elements(abi) if e.get("type") == kind and e.get("name") == name]
    fitting = [e for e in named if arity is None or len(e["inputs"]) == arity]
    if not fitting:
        where = abi if isinstance(abi, str) else "the ABI"
        raise ConfigError(f"{where} has no {kind} {name}" + (f" with {arity} arguments" if named else ""))
    return fitting[0]


def _encode_inputs(element: Mapping[str, Any], args: Sequence[Any]) -> bytes:
    name = element.get("name", "the constructor")
    if len(args) != len(element["inputs"]):
        raise ConfigError(f"{name} takes {len(element['inputs'])} arguments, {len(args)} were given")
    try:
        types, values = get_aligned_abi_inputs(cast(ABIElement, element), tuple(args))
        return abi_encode(types, values)
    except (EncodingError, TypeError, ValueError, KeyError) as error:
        raise ConfigError(f"the arguments do not fit {name}: {error}") from error


def _decode(parts: Sequence[Mapping[str, Any]], data: bytes) -> tuple[Any, ...]:
    kinds = [collapse_if_tuple(dict(part)) for part in parts]
    values = abi_decode(kinds, data)
    return tuple(checksummed(parse(kind), value) for kind, value in zip(kinds, values, strict=True))


def _try_decode(parts: Sequence[Mapping[str, Any]], body: bytes, data: bytes) -> tuple[Any, ...]:
    try:
        return _decode(parts, body)
    except _UNDECODABLE:
        return (f"malformed arguments 0x{data[:68].hex()}",)


@cache
def _errors() -> Mapping[bytes, Mapping[str, Any]]:
    """Return the errors of all artifacts, by selector."""
    try:
        names = [file.name for file in (files("smartsync") / "artifacts").iterdir() if file.name.endswith(".json")]
        abis = [artifact(name.removesuffix(".json")).abi for name in sorted(names)]
    except (OSError, ConfigError):
        return {}  # whoever needs the contracts is told by `artifact`; a revert should not hide behind it
    elements = [element for abi in abis for element in abi if element.get("type") == "error"]
    return {_selector(element): element for element in elements}


def _selector(element: Mapping[str, Any]) -> bytes:
    return bytes(function_abi_to_4byte_selector(cast(ABIElement, element)))


def _shown(part: Mapping[str, Any], value: object) -> str:
    words = _ENUMS.get(part.get("internalType", ""), ())
    if isinstance(value, int) and value < len(words):
        return words[value]
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
