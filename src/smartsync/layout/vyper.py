"""Vyper's storage layout: what ``vyper -f layout`` writes.

::

    {"storage_layout": {"owner": {"type": "address", "n_slots": 1, "slot": 0}, "lib": {"total": {…}}, …}, …}

Versions differ: before 0.4 there is no ``n_slots``, before 0.3.1 no ``storage_layout`` around it all. The type is a
text. A struct is only a name in it (``Rec``, before 0.4 ``Rec declaration object``): how many slots it takes is found
from variables that have it, else a few are looked at.

Everything but a ``HashMap`` lies in place, each value in a slot of its own.

Source: Vyper documentation, "Storage Layout"; the output of 0.3.10 and 0.4.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple, TypeGuard

from smartsync.errors import ConfigError
from smartsync.layout.shapes import (
    MAX_DEPTH,
    MAX_TYPES,
    WANTED,
    DynamicArray,
    Field,
    FixedArray,
    HashMap,
    Key,
    Layout,
    Text,
    Type,
    Value,
    measured,
    shown,
)

UNKNOWN_STRUCT = 16
"""Slots that are looked at where nothing tells how large a struct is."""

_KEYS = (
    (re.compile(r"address"), "address"),
    (re.compile(r"uint(\d{1,3})"), "uint"),
    (re.compile(r"int(\d{1,3})"), "int"),
    (re.compile(r"bool"), "bool"),
    (re.compile(r"bytes(\d{1,2})"), "bytes"),
    (re.compile(r"(?:String|Bytes)\[.*\]"), "text"),
)
_VALUE = re.compile(r"u?int\d{1,3}|address|bool|decimal|bytes\d{1,2}|nonreentrant lock|(?:enum|flag|interface) .*")
_TEXT = re.compile(r"(?:String|Bytes)\[([0-9]{1,78})\]", re.A)
_ARRAY = re.compile(r"(.+)\[([0-9]{1,78})\]", re.A)


class _Entry(NamedTuple):
    name: str
    type: str
    slot: int
    size: int | None


def parse_vyper(document: Mapping[str, Any], name: str) -> Layout:
    """Return the layout of a document of any version. ``name`` stands for it in messages.

    Raises
    ------
    ConfigError
        Something in it is not as Vyper writes it; tells what.
    """
    inner = document.get("storage_layout", document)
    entries = sorted(_entries(inner, "", name), key=lambda entry: entry.slot)
    if len(entries) > MAX_TYPES:
        raise ConfigError(f"{name}: more than {MAX_TYPES} variables", hint=WANTED)
    # Where sizes are not told, a variable ends where the next one begins.
    sized = [
        one if one.size is not None else one._replace(size=max(1, after.slot - one.slot))
        for one, after in pairwise(entries)
    ] + entries[-1:]
    types: dict[str, Type] = {}
    reader = _Reader(types, _struct_sizes(sized), name)
    variables = [Field(one.name, one.slot, reader.read(one.type)) for one in sized]
    return measured(variables, types, name)


def _entries(told: object, prefix: str, name: str) -> Iterator[_Entry]:
    """Yield the variables, those of imported modules too; immutables and transient ones are not storage."""
    if not isinstance(told, dict) or prefix.count(".") > MAX_DEPTH:
        raise ConfigError(f"{name}: {prefix or 'storage_layout'} is not a JSON object: {shown(told)}", hint=WANTED)
    for label, entry in told.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
            yield from _entries(entry, f"{prefix}{label}.", name)
        elif entry.get("location", "storage") == "storage":
            slot, size = entry.get("slot"), entry.get("n_slots")
            if not _is_number(slot) or not (size is None or (_is_number(size) and size > 0)):
                raise ConfigError(f"{name}: {prefix}{label}: slot or n_slots is not a number", hint=WANTED)
            yield _Entry(f"{prefix}{label}", entry["type"], slot, size)


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**256


def _struct_sizes(entries: list[_Entry]) -> dict[str, int]:
    """Return how many slots types take of which only the name is known, as far as variables tell."""
    sizes: dict[str, int] = {}
    for _, text, _, size in entries:
        while size and not _VALUE.fullmatch(text) and not _TEXT.fullmatch(text):
            if array := _ARRAY.fullmatch(text):
                text, size = array.group(1), size // max(1, int(array.group(2)))
            elif text.startswith("DynArray["):
                text, bound = _pair(text)
                size = (size - 1) // max(1, int(bound)) if bound.isdecimal() and len(bound) < 78 else 0
            else:
                sizes[text] = max(size, sizes.get(text, 1))
                break
    return sizes


class _Reader:
    """Reads type texts into ``types``; a type's name there is its text."""

    def __init__(self, types: dict[str, Type], sizes: Mapping[str, int], name: str) -> None:
        self._types, self._sizes, self._name = types, sizes, name

    def read(self, text: str, depth: int = 0) -> str:
        """Return the name of the type that a text means."""
        if text not in self._types:
            if depth > MAX_DEPTH:
                raise ConfigError(f"{self._name}: a type is nested too deep: {shown(text)}", hint=WANTED)
            self._types[text] = self._type(text.strip(), depth + 1)
        return text

    def _type(self, text: str, depth: int) -> Type:
        if _VALUE.fullmatch(text):
            # A word as it is on the stack: fixed bytes fill it from the left, and are shown with their zeros.
            return Value(kind=_key(text).kind)
        if told := _TEXT.fullmatch(text):
            return Text(-(-self._bound(told.group(1)) // 32))
        if told := _ARRAY.fullmatch(text):
            return FixedArray(self.read(told.group(1), depth), self._bound(told.group(2)))
        if text.startswith("HashMap["):
            key, value = self._two(text)
            return HashMap(_key(key), self.read(value, depth), slot_first=True)
        if text.startswith("DynArray["):
            element, bound = self._two(text)
            return DynamicArray(self.read(element, depth), self._bound(bound))
        if not re.fullmatch(r"[A-Za-z_$][\w.$ ]*", text):
            raise ConfigError(f"{self._name}: not a type of Vyper: {shown(text)}", hint=WANTED)
        return FixedArray(self.read("uint256", depth), self._sizes.get(text, UNKNOWN_STRUCT))

    def _two(self, text: str) -> tuple[str, str]:
        first, second = _pair(text)
        if not first or not second:
            raise ConfigError(f"{self._name}: not a type of Vyper: {shown(text)}", hint=WANTED)
        return first, second

    def _bound(self, digits: str) -> int:
        if not digits.isdecimal() or len(digits) > 78 or int(digits) >= 2**256:
            raise ConfigError(f"{self._name}: not a length: {shown(digits)}", hint=WANTED)
        return int(digits)


def _key(text: str) -> Key:
    for pattern, kind in _KEYS:
        if found := pattern.fullmatch(text):
            number = int(found.group(1)) if pattern.groups else 0
            size = number if kind == "bytes" else number // 8
            return Key(kind, min(max(size, 1), 32) if size else 32)  # type: ignore[arg-type]  # words of KeyKind
    return Key("any")


def _pair(text: str) -> tuple[str, str]:
    """Return the two parameters of ``Name[first, second]``, empty where there are not two."""
    inside = text[text.find("[") + 1 : -1] if text.endswith("]") else ""
    depth = 0
    for place, letter in enumerate(inside):
        depth += (letter in "[(") - (letter in "])")
        if letter == "," and depth == 0:
            return inside[:place].strip(), inside[place + 1 :].strip()
    return "", ""
