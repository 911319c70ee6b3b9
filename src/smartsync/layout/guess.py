"""Without a layout: the variables that most contracts have where compilers put them, of whatever type they are.

The first slots are each taken for a value, a mapping, a dynamic array and a text, then for mappings of mappings and of
small structs, by Solidity's rule and by Vyper's. So balances and allowances, owners of tokens, records of names are
found. What else may be a variable's slot are the constants in the contract's code: there stand the slots of ERC-1967
and of ERC-7201 namespaces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from smartsync.layout.shapes import (
    DynamicArray,
    Field,
    FixedArray,
    Key,
    Layout,
    Mapping,
    Struct,
    Text,
    Type,
    Value,
    measured,
)

FIRST_SLOTS = 51
"""Slots from 0 on that are taken for variables."""

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
    "mapping": Mapping(_ANY, "value"),
    "pairs": Mapping(_ANY, "mapping"),
    "structs": Mapping(_ANY, "members"),
    "lists": Mapping(_ANY, "list"),
    "texts": Mapping(_ANY, "text"),
    "named": Mapping(Key("text"), "members"),
    "set": Struct((Field("values", 0, "list"), Field("positions", 1, "mapping"))),
    "sets": Mapping(_ANY, "set"),
    "pairs of structs": Mapping(_ANY, "structs"),
    "vyper mapping": Mapping(_ANY, "value", slot_first=True),
    "vyper pairs": Mapping(_ANY, "vyper mapping", slot_first=True),
    "vyper structs": Mapping(_ANY, "members", slot_first=True),
    "vyper named": Mapping(Key("text"), "members", slot_first=True),
}

_ROUNDS: Sequence[Sequence[str]] = (
    ("value", "mapping", "list", "text"),
    ("vyper mapping", "pairs", "vyper pairs", "named", "vyper named"),
    ("structs", "vyper structs"),
    ("sets", "pairs of structs", "lists", "texts"),
)


def guesses(constants: Sequence[int] = ()) -> Iterator[Layout]:
    """Yield layouts to be walked one after the other, the likeliest first.

    Parameters
    ----------
    constants
        More slots that may be variables, see `constants_of`.
    """
    fields = [(f"slot{slot}", slot) for slot in range(FIRST_SLOTS)]
    for constant in constants[:MAX_CONSTANTS]:
        # A namespace begins with a struct.
        name = f"slot0x{constant:064x}"
        fields += [(f"{name}+{n}" if n else name, constant + n) for n in range(MEMBERS)]
    for kinds in _ROUNDS:
        yield measured([Field(name, slot % 2**256, kind) for kind in kinds for name, slot in fields], _TYPES, "guess")


def constants_of(code: bytes) -> list[int]:
    """Return the large 32-byte constants (``PUSH32``) of a contract's code that may be slots, in their order."""
    found: dict[int, None] = {}
    place = 0
    while place < len(code):
        operation = code[place]
        size = operation - _PUSH1 + 1 if _PUSH1 <= operation <= _PUSH32 else 0
        number = int.from_bytes(code[place + 1 : place + 33], "big") if size == 32 else 0
        if number >= _LEAST_CONSTANT:
            found[number] = None
        place += 1 + size
    return list(found)
