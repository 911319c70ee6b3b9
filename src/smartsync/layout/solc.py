"""Solidity's storage layout: what solc writes as ``storageLayout``, and forge, Foundry and Hardhat pass on.

::

    {"storage": [{"label": "owner", "slot": "0", "offset": 0, "type": "t_address"}, …],
     "types": {"t_address": {"encoding": "inplace", "numberOfBytes": "20", "label": "address"}, …}}

solc does not list ERC-7201 namespaces. Where the document has them beside ``storage`` as ``namespaces`` (an id such as
``erc7201:example.main`` with members as in ``storage``), they are variables too.

Source: solc documentation, "JSON Output"; ERC-7201.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from smartsync.errors import ConfigError
from smartsync.keccak import keccak256
from smartsync.layout.shapes import (
    MAX_TYPES,
    WANTED,
    DynamicArray,
    Field,
    FixedArray,
    HashMap,
    Key,
    KeyKind,
    Layout,
    Part,
    Struct,
    Text,
    Type,
    Value,
    measured,
    shown,
)

_COUNT = re.compile(r"\[([0-9]{1,78})\]$")
_NUMBER = re.compile(r"[0-9]{1,78}", re.A)
_KEYS: tuple[tuple[re.Pattern[str], KeyKind], ...] = (
    (re.compile(r"t_(?:address|address_payable|contract\(.*\).*)"), "address"),
    (re.compile(r"t_uint[0-9]+"), "uint"),
    (re.compile(r"t_int[0-9]+"), "int"),
    (re.compile(r"t_bool"), "bool"),
    (re.compile(r"t_enum\(.*\).*"), "uint"),
    (re.compile(r"t_bytes[0-9]+"), "bytes"),
)
_NAMESPACE = "erc7201:"


def parse_solc(document: Mapping[str, Any], name: str) -> Layout:
    """Return the layout of a document with ``storage`` and ``types``. ``name`` stands for it in messages.

    Raises
    ------
    ConfigError
        Something in it is not as solc writes it; tells what.
    """
    told = _table(document.get("types") or {}, f"{name}: types")
    items = _list(document.get("storage"), f"{name}: storage")
    namespaces = _table(document.get("namespaces") or {}, f"{name}: namespaces")
    if len(told) > MAX_TYPES:
        raise ConfigError(f"{name}: more than {MAX_TYPES} types", hint=WANTED)
    values: dict[str, Type] = {key: _value(key, one) for key, one in told.items() if _is_value(one)}
    types = {key: _type(key, told, values, name) for key in told}
    variables = list(_fields(items, types, f"{name}: storage"))
    for identifier, members in namespaces.items():
        place = f"{name}: namespace {shown(identifier)}"
        if not identifier.startswith(_NAMESPACE):
            raise ConfigError(f"{place}: only ids that begin with {_NAMESPACE} are known", hint=WANTED)
        base = namespace_slot(identifier.removeprefix(_NAMESPACE))
        short = identifier.rpartition(".")[2]
        for one in _fields(_list(members, place), types, place):
            variables.append(Field(f"{short}.{one.name}", (base + one.slot) % 2**256, one.type))
    return measured(variables, types, name)


def namespace_slot(identifier: str) -> int:
    """Return the slot where a namespace begins.

    Source: ERC-7201, ``keccak256(abi.encode(uint256(keccak256(id)) - 1)) & ~bytes32(uint256(0xff))``.
    """
    inner = (int.from_bytes(keccak256(identifier.encode()), "big") - 1) % 2**256
    return int.from_bytes(keccak256(inner.to_bytes(32, "big")), "big") & ~0xFF


def _fields(items: Sequence[Any], types: Mapping[str, Type], place: str) -> Sequence[Field]:
    """Return variables or members; small values that share a slot are one field, by the names of all."""
    fields: list[Field] = []
    for number, item in enumerate(items, 1):
        entry = _table(item, f"{place}, entry {number}")
        label, type_id = entry.get("label"), entry.get("type")
        if not isinstance(label, str) or not isinstance(type_id, str):
            raise ConfigError(f"{place}, entry {number}: label or type is missing", hint=WANTED)
        slot = _number(entry.get("slot"), f"{place}, {shown(label)}: slot")
        last, value = fields[-1] if fields else None, types.get(type_id)
        parts = (_part(entry, label, value),) if isinstance(value, Value) else ()
        if last and last.slot == slot and parts:
            fields[-1] = Field(f"{last.name}+{label}", slot, last.type, last.parts + parts)
        else:
            fields.append(Field(label, slot, type_id, parts))
    return fields


def _part(entry: Mapping[str, Any], label: str, value: Value) -> Part:
    offset = entry.get("offset")
    # It only says how the slot is read: what is no offset leaves the value unread, not the layout refused.
    if isinstance(offset, int) and 0 <= offset <= 32 - value.size:
        return Part(label, offset, value.size, value.kind)
    return Part(label, 0, 32, "any")


def _is_value(told: object) -> bool:
    return isinstance(told, dict) and told.get("encoding") == "inplace" and not {"members", "base"} & told.keys()


def _type(type_id: str, types: Mapping[str, Any], values: Mapping[str, Type], name: str) -> Type:
    place = f"{name}: type {shown(type_id)}"
    told = _table(types[type_id], place)
    encoding = told.get("encoding")
    size = _number(told.get("numberOfBytes"), f"{place}: numberOfBytes")
    match encoding:
        case "mapping":
            return HashMap(_key(_reference(told, "key", place), types, place), _reference(told, "value", place))
        case "dynamic_array":
            return DynamicArray(_reference(told, "base", place))
        case "bytes":
            return Text()
        case "inplace" if "members" in told:
            return Struct(tuple(_fields(_list(told["members"], f"{place}: members"), values, place)))
        case "inplace" if "base" in told:
            count = _COUNT.search(str(told.get("label")))
            if count is None:
                raise ConfigError(f"{place}: its label does not tell how long the array is", hint=WANTED)
            return FixedArray(_reference(told, "base", place), int(count.group(1)))
        case "inplace":
            if not 1 <= size <= 32:
                raise ConfigError(f"{place}: a value of {size} bytes", hint=WANTED)
            return _value(type_id, told)
    raise ConfigError(f"{place}: the encoding {shown(encoding)} is not known", hint=WANTED)


def _value(type_id: str, told: Mapping[str, Any]) -> Value:
    """Return a value's type; its size is checked where it counts."""
    size = told.get("numberOfBytes")
    size = int(size) if isinstance(size, str) and _NUMBER.fullmatch(size) else size
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= 32:
        return Value()
    return Value(size, _kind(type_id))


def _kind(type_id: str) -> KeyKind:
    return next((kind for pattern, kind in _KEYS if pattern.fullmatch(type_id)), "any")


def _key(type_id: str, types: Mapping[str, Any], place: str) -> Key:
    told = _table(types.get(type_id), f"{place}: its key type {shown(type_id)}")
    if told.get("encoding") == "bytes":
        return Key("text")
    size = _number(told.get("numberOfBytes"), f"{place}: numberOfBytes of its key")
    kind = _kind(type_id)
    return Key(kind, size) if kind != "any" and 1 <= size <= 32 else Key("any")


def _reference(told: Mapping[str, Any], what: str, place: str) -> str:
    found = told.get(what)
    if not isinstance(found, str):
        raise ConfigError(f"{place}: its {what} type is missing", hint=WANTED)
    return found


def _number(value: object, what: str) -> int:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**256:
        raise ConfigError(f"{what} is not a number: {shown(value)}", hint=WANTED)
    return value


def _table(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{what} is not a JSON object: {shown(value)}", hint=WANTED)
    return value


def _list(value: object, what: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise ConfigError(f"{what} is not a JSON array: {shown(value)}", hint=WANTED)
    return value
