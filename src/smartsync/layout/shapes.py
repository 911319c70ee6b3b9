"""What a contract's storage is made of: the few shapes in which compilers keep variables.

A `Layout` is a flat table: a type names the types that it is made of, so that a struct may hold a mapping of itself,
as Solidity allows. What lies *in place* (the fields of a struct, the elements of a fixed array) cannot contain itself;
`measured` checks that, and how many slots each type takes.

Source: Solidity documentation, "Layout of State Variables in Storage"; Vyper documentation, "Storage Layout".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from smartsync.errors import ConfigError

MAX_DEPTH = 64
"""Types within types, in place. No compiler's output comes near."""

MAX_TYPES = 20_000
"""Types and variables of one layout."""

KeyKind: TypeAlias = Literal["address", "uint", "int", "bool", "bytes", "text", "any"]


@dataclass(frozen=True, slots=True)
class Key:
    """A mapping's keys. ``size`` in bytes of a number or of fixed bytes; ``text`` is hashed unpadded, or by its hash.

    ``any`` is a key of which nothing is known but that it is one word.
    """

    kind: KeyKind
    size: int = 32


@dataclass(frozen=True, slots=True)
class Value:
    """One value. ``size`` in bytes that it takes: Solidity packs small ones, Vyper gives each a whole slot.

    ``kind`` says how its bytes are read; it is no part of where things are.
    """

    size: int = 32
    kind: KeyKind = field(default="any", compare=False)


@dataclass(frozen=True, slots=True)
class Part:
    """One of several values in a slot: ``offset`` and ``size`` in bytes, from the lowest byte on."""

    name: str
    offset: int
    size: int
    kind: KeyKind


@dataclass(frozen=True, slots=True)
class HashMap:
    """A mapping, by Vyper's word for it; nothing is in its own slot p.

    Solidity keeps the value of key k at keccak(k ‖ p), Vyper (``slot_first``) at keccak(p ‖ k), k being the hash of a
    text.
    """

    key: Key
    value: str
    slot_first: bool = False


@dataclass(frozen=True, slots=True)
class FixedArray:
    """So many elements one after the other, in place."""

    element: str
    count: int


@dataclass(frozen=True, slots=True)
class DynamicArray:
    """A dynamic array: its length in its slot p; the elements from keccak(p) on, or with ``room`` behind the length.

    ``room`` is how many elements Vyper reserves; None for Solidity's.
    """

    element: str
    room: int | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """Bytes or text. Solidity: up to 31 bytes in the slot p, longer ones from keccak(p) on.

    Vyper (``room``, in slots): the length in p, and so many slots behind it.
    """

    room: int | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """A variable or a member: the slot where it begins (of a member: counted from where its struct begins).

    ``parts`` are the values that share the slot, where they are several.
    """

    name: str
    slot: int
    type: str
    parts: tuple[Part, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Struct:
    """Members, each at its own place."""

    fields: tuple[Field, ...]


Type: TypeAlias = Value | HashMap | FixedArray | DynamicArray | Text | Struct


@dataclass(frozen=True, slots=True)
class Layout:
    """A contract's variables. ``slots`` tells of each type how many slots it takes in place; made by `measured`."""

    variables: tuple[Field, ...]
    types: Mapping[str, Type]
    slots: Mapping[str, int] = field(repr=False)


def measured(variables: Sequence[Field], types: Mapping[str, Type], name: str) -> Layout:
    """Return a layout whose types are all there and of a size. ``name`` stands for it in messages.

    Raises
    ------
    ConfigError
        A type is missing, contains itself in place, or there are absurdly many.
    """
    if len(types) + len(variables) + sum(len(t.fields) for t in types.values() if isinstance(t, Struct)) > MAX_TYPES:
        raise ConfigError(f"{name}: more than {MAX_TYPES} types and variables", hint=WANTED)
    sizes: dict[str, int] = {}
    for wanted in [variable.type for variable in variables] + list(types):
        _measure(wanted, types, sizes, (), name)
    for part in types.values():
        if isinstance(part, (HashMap, DynamicArray)):
            _measure(part.value if isinstance(part, HashMap) else part.element, types, sizes, (), name)
    return Layout(tuple(variables), types, sizes)


def elements_per_slot(element: Type) -> int:
    """Return how many elements of an array share a slot; 1 where they do not."""
    return 32 // element.size if isinstance(element, Value) else 1


def _measure(wanted: str, types: Mapping[str, Type], sizes: dict[str, int], above: tuple[str, ...], name: str) -> int:
    if wanted in sizes:
        return sizes[wanted]
    if wanted in above or len(above) > MAX_DEPTH:
        raise ConfigError(f"{name}: the type {shown(wanted)} contains itself, or is nested too deep", hint=WANTED)
    if wanted not in types:
        raise ConfigError(f"{name}: the type {shown(wanted)} is used and not described", hint=WANTED)
    part, above = types[wanted], (*above, wanted)
    match part:
        case FixedArray():
            each = _measure(part.element, types, sizes, above, name)
            per_slot = elements_per_slot(types[part.element])
            size = each * -(-part.count // per_slot)
        case Struct():
            ends = [one.slot + _measure(one.type, types, sizes, above, name) for one in part.fields]
            size = max(ends, default=1)
        case DynamicArray(room=int(room)):
            size = 1 + room * _measure(part.element, types, sizes, above, name)
        case Text(room=int(room)):
            size = 1 + room
        case _:
            size = 1
    sizes[wanted] = size
    return size


def shown(value: object) -> str:
    """Return something that was given, as much of it as is good to read."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


WANTED = (
    "a layout is what the compiler says of the contract: forge inspect NAME storage-layout --json, an artifact with "
    "storageLayout, solc's or Hardhat's JSON output, or vyper -f layout"
)
"""The hint of every layout that cannot be used."""
