"""Without a layout: the variables that most contracts have where compilers put them, of whatever type they are.

The first slots are each taken for a value, a mapping, a dynamic array and a text, then for mappings of mappings and of
small structs, by Solidity's rule and by Vyper's. So balances and allowances, owners of tokens, records of names are
found. What else may be a variable's slot are the constants in the contract's code: there stand the slots of ERC-1967
and of ERC-7201 namespaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from smartsync.layout.shapes import (
    DynamicArray,
    Field,
    FixedArray,
    HashMap,
    Key,
    Layout,
    Struct,
    Text,
    Type,
    Value,
    measured,
)

LIKELY, LESS_LIKELY = range(12), range(12, 51)
"""Slots that are taken for variables; most contracts have few."""

MEMBERS = 8
"""Slots of a struct that are looked at."""

MAX_CONSTANTS = 64
"""Constants of the code that are taken for variables."""

_PUSH1, _PUSH32 = 0x60, 0x7F
_LEAST_CONSTANT = 2**192
_ANY = Key("any")

_TYPES: dict[str, Type] = {
    "value": Value(),
    "list": DynamicArray("value"),
    "text": Text(),
    "members": FixedArray("value", MEMBERS),
    "mapping": HashMap(_ANY, "value"),
    "pairs": HashMap(_ANY, "mapping"),
    "structs": HashMap(_ANY, "members"),
    "lists": HashMap(_ANY, "list"),
    "texts": HashMap(_ANY, "text"),
    "named": HashMap(Key("text"), "members"),
    "set": Struct((Field("values", 0, "list"), Field("positions", 1, "mapping"))),
    "sets": HashMap(_ANY, "set"),
    "pairs of structs": HashMap(_ANY, "structs"),
    "vyper mapping": HashMap(_ANY, "value", slot_first=True),
    "vyper pairs": HashMap(_ANY, "vyper mapping", slot_first=True),
    "vyper structs": HashMap(_ANY, "members", slot_first=True),
    "vyper named": HashMap(Key("text"), "members", slot_first=True),
}

_ROUNDS: Sequence[Sequence[str]] = (
    ("value", "mapping", "list", "text"),
    ("pairs", "named"),
    ("structs",),
    ("vyper mapping", "vyper pairs", "vyper named"),
    ("vyper structs",),
    ("sets", "pairs of structs", "lists", "texts"),
)


def guesses(slots: Iterable[int]) -> Iterator[Layout]:
    """Yield layouts to be walked one after the other, the likeliest first.

    Parameters
    ----------
    slots
        Those that may be variables: `LIKELY`, `LESS_LIKELY`, or what `constants_of` tells.
    """
    fields = [(f"slot{_shown(slot)}", slot % 2**256) for slot in slots]
    for kinds in _ROUNDS:
        yield measured([Field(name, slot, kind) for kind in kinds for name, slot in fields], _TYPES, "guess")


def constants_of(code: bytes) -> list[int]:
    """Return the slots that the large constants (``PUSH32``) of a contract's code may mean, in their order.

    A namespace begins with a struct, so the slots behind a constant belong to it.
    """
    found: dict[int, None] = {}
    place = 0
    while place < len(code) and len(found) < MAX_CONSTANTS:
        operation = code[place]
        size = operation - _PUSH1 + 1 if _PUSH1 <= operation <= _PUSH32 else 0
        number = int.from_bytes(code[place + 1 : place + 33], "big") if size == 32 else 0
        if number >= _LEAST_CONSTANT:
            found[number] = None
        place += 1 + size
    return [constant + member for constant in found for member in range(MEMBERS)]


def _shown(slot: int) -> str:
    return str(slot) if slot < _LEAST_CONSTANT else f"0x{slot:064x}"
