"""From slots back to variables: what a storage layout calls some slots, and what their values say.

Pure. `named` walks the places of a layout until every wanted slot is met; `told` reads a slot's value as its type says.
Nothing here is trusted: a name is right where the layout is the contract's.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from typing import NamedTuple

from eth_utils.address import to_checksum_address

from smartsync.layout.places import Place, Question, Shape, places
from smartsync.layout.pool import Pool
from smartsync.layout.shapes import KeyKind, Layout, Text

_SHORT_TEXT = 31


class Told(NamedTuple):
    """A value in words; ``name`` is a part's name, empty where the slot holds one value."""

    name: str
    text: str


def named(
    layout: Layout, pool: Pool, wanted: Collection[bytes]
) -> Generator[Question, Sequence[int] | None, dict[bytes, Place]]:
    """Return the places of the wanted slots (32 bytes each), as far as the layout and the keys tell of them.

    A generator, since the lengths of arrays have to be asked for: it yields each `Question` and wants the values sent,
    as `smartsync.layout.places`.
    """
    found: dict[bytes, Place] = {}
    walk = places(layout, pool)
    step = next(walk, None)
    while step is not None and len(found) < len(wanted):
        try:
            if isinstance(step, Question):
                step = walk.send((yield step) or ())
                continue
            if step.slot in wanted:
                found.setdefault(step.slot, step)
            step = next(walk)
        except StopIteration:
            break
    return found


def told(place: Place, value: int) -> tuple[Told, ...]:
    """Return what a slot's value (256 bits) says, part by part; in hexadecimal where its type is not known."""
    shape: Shape = place.shape
    if isinstance(shape, tuple):
        return tuple(Told(one.name, _shown(one.kind, one.size, value >> 8 * one.offset)) for one in shape)
    if isinstance(shape, Text):
        return (Told("", _text(value)),)
    if shape is None:
        return (Told("", hex(value)),)
    piece = place.path[1]
    if isinstance(piece, tuple) and isinstance(piece[0], int) and shape.size <= 16:
        first, last = piece
        return tuple(
            Told(f"[{index}]", _shown(shape.kind, shape.size, value >> 8 * shape.size * (index - first)))
            for index in range(first, last + 1)
        )
    return (Told("", _shown(shape.kind, shape.size, value)),)


def _shown(kind: KeyKind, size: int, value: int) -> str:
    word = (value % 2 ** (8 * size)).to_bytes(size, "big")
    number = int.from_bytes(word, "big")
    if kind == "address" and number < 2**160:
        return str(to_checksum_address(number.to_bytes(20, "big")))
    if kind == "uint":
        return str(number)
    if kind == "int":
        return str(int.from_bytes(word, "big", signed=True))
    if kind == "bool" and number < 2:
        return "true" if number else "false"
    return f"0x{word.hex()}" if kind == "bytes" else hex(number)


def _text(value: int) -> str:
    """Return what the first slot of a text says: all of a short one, of a longer one its length."""
    word = value.to_bytes(32, "big")
    if value & 1:
        return f"{value >> 1} bytes, in slots of their own"
    size = word[31] // 2
    if size > _SHORT_TEXT:
        return hex(value)
    try:
        text = word[:size].decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    return f'"{text}"' if text.isprintable() else f"0x{word[:size].hex()}"
