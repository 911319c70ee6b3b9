"""The shapes that a storage trie can take in a transition, by name: what ``generate_transitions`` makes vectors of."""

from __future__ import annotations

import functools
import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path

from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_bytes, to_nibbles

MINED_SLOTS = Path(__file__).with_name("mined_slots.json")
Values = dict[bytes, int]


@dataclass(frozen=True)
class Shape:
    """A transition: slot to value before and after, and unchanged leaves by trie key."""

    name: str
    old: Values
    new: Values
    hidden: Values = field(default_factory=dict)

    def back(self) -> Shape:
        return Shape(f"{self.name}, back", self.new, self.old, self.hidden)


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


@functools.cache
def key_of(slot: bytes) -> bytes:
    return keccak256(slot)


@functools.cache
def slot_at(prefix: str) -> bytes:
    """Return the first slot whose trie key starts with these hexadecimal nibbles."""
    return next(word(n) for n in itertools.count() if key_of(word(n)).hex().startswith(prefix))


def at(*prefixes: str, value: int = 7) -> Values:
    return {slot_at(prefix): value for prefix in prefixes}


def mined(nibbles: int, group: int = 0) -> list[bytes]:
    """Return slots whose trie keys share that many nibbles."""
    return [word(n) for n in json.loads(MINED_SLOTS.read_text())[str(nibbles)][group]]


def shapes() -> list[Shape]:
    """Return the shapes that slots alone can make; each is also used backwards."""
    return [*_growth(), *_leaves(), *_extensions(), *_branches(), *_values(), *_mined()]


def _growth() -> list[Shape]:
    many = at(*"0123456789abcdef")
    return [
        Shape("empty to a root leaf", {}, at("1")),
        Shape("empty to a root branch", {}, at("1", "2")),
        Shape("empty to a root extension", {}, at("12", "13")),
        Shape("empty to a full branch", {}, many),
        Shape("empty to three levels", {}, many | at("10", "11", "12", "1f", "110", "121")),
        Shape("another root leaf", at("1"), at("2")),
        Shape("another root leaf below the same nibbles", at("123"), at("124")),
    ]


def _leaves() -> list[Shape]:
    return [
        Shape("root leaf updated", at("1"), at("1", value=8)),
        Shape("root leaf split into a branch", at("1"), at("1", "2")),
        Shape("root leaf split into an extension", at("12"), at("12", "13")),
        Shape("root leaf split after three nibbles", at("1234"), at("1234", "1235")),
        Shape("leaf updated", at("1", "2", "3"), at("1", "3") | at("2", value=8)),
        Shape("leaf into an empty child", at("1", "2"), at("1", "2", "3")),
        Shape("leaf split into a branch", at("12", "2"), at("12", "13", "2")),
        Shape("leaf split into an extension", at("123", "2"), at("123", "124", "2")),
        Shape("leaf split by two", at("123", "2"), at("123", "124", "13", "2")),
        Shape("leaf swapped for another below the same nibble", at("12", "2"), at("13", "2")),
    ]


def _extensions() -> list[Shape]:
    root = at("1234", "1235")
    inner = at("2") | root
    return [
        Shape("root extension kept, leaf below updated", root, at("1234") | at("1235", value=8)),
        Shape("root extension split at its first nibble", root, root | at("2")),
        Shape("root extension split in the middle", root, root | at("13")),
        Shape("root extension split at its last nibble", root, root | at("124")),
        Shape("root extension split at all nibbles", root, root | at("2", "13", "124")),
        Shape("root extension for another", root, at("2234", "2235")),
        Shape("root extension for a root leaf", root, at("2")),
        Shape("root extension for a shorter one", root, at("1234", "124")),
        Shape("extension split at its first nibble", inner, inner | at("13")),
        Shape("extension split at its last nibble", inner, inner | at("124")),
        Shape("extension of two nibbles split at its first", at("2", "123", "124"), at("2", "123", "124", "13")),
        Shape("extension of one nibble split", at("2", "113", "114"), at("2", "113", "114", "12")),
        Shape("extension above an opaque branch split", inner | at("1236"), inner | at("1236", "13")),
    ]


def _branches() -> list[Shape]:
    full = at(*"0123456789abcdef")
    return [
        Shape("collapse into a leaf, root", at("1", "2"), at("1")),
        Shape("collapse into a leaf, inner", at("11", "12", "2"), at("11", "2")),
        Shape("collapse into an extension", at("2", "1234", "1235", "13"), at("2", "1234", "1235")),
        Shape("collapse into a branch that gets an extension", at("2", "113", "114", "12"), at("2", "113", "114")),
        Shape("collapse of the root into a branch", at("113", "114", "2"), at("113", "114")),
        Shape("collapse of two levels into a leaf", at("111", "112", "12", "2"), at("111", "2")),
        Shape("collapse of three levels into the root leaf", at("1111", "1112", "112", "12", "2"), at("1111")),
        Shape("two collapses side by side", at("11", "12", "21", "22", "3"), at("11", "21", "3")),
        Shape("a collapse and a split in one", at("11", "12", "21", "3"), at("11", "21", "22", "3")),
        Shape("a branch gone, its neighbour collapses", at("11", "12", "2"), at("2")),
        Shape("a branch whose children are all exchanged", at("11", "12", "2"), at("13", "14", "2")),
        Shape("everything exchanged", at("11", "12", "2", "3"), at("4", "51", "52", "6")),
        Shape("all but one deleted", full, at("7")),
        Shape("half deleted", full, at(*"02468ace")),
        Shape("inserts, updates and deletes", full, at(*"02468ace", "10", "201") | at("4", "6", value=2**200)),
    ]


def _values() -> list[Shape]:
    """Values of 1 to 32 bytes, and those at which an encoding changes."""
    slots = [word(n) for n in range(32)]
    lengths = {s: 256**n * 0xAB for n, s in enumerate(slots)}
    backwards = {s: 256**n * 0xCD for n, s in enumerate(reversed(slots))}
    edges = (1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 2**55 * 256, 2**255, 2**256 - 1)
    return [
        Shape("values of 1 to 32 bytes appear", {}, lengths),
        Shape("values of 1 to 32 bytes turn about", lengths, backwards),
        *(Shape(f"a root leaf of value {v:#x} appears", {}, at("1", value=v)) for v in edges),
        Shape(
            "values at the edges", dict(zip(slots, edges, strict=False)), dict(zip(slots, edges[::-1], strict=False))
        ),
        Shape("large slots", {word(2**256 - 1): 1, word(2**248): 2}, {word(2**256 - 1): 3, word(2**255): 4}),
        Shape("slot zero", {word(1): 1}, {word(0): 1, word(1): 1}),
    ]


def _mined() -> list[Shape]:
    found = []
    for nibbles in (6, 8, 10, 11):
        group = mined(nibbles)
        one, two = dict.fromkeys(group[:1], 5), dict.fromkeys(group, 5)
        found.append(Shape(f"leaf splits into {nibbles} shared nibbles", one, two))
        found.append(
            Shape(f"leaf splits into {nibbles} shared nibbles, not alone", one | at("1", "2"), two | at("1", "2"))
        )
    many = {s: 3 for nibbles in (6, 7, 9, 10, 11) for s in mined(nibbles)}
    changed = {s: 4 + i % 2 for i, s in enumerate(many) if i % 3}
    found.append(Shape("several groups of shared nibbles", many, changed | at("5", "6")))
    return found


# ------------------------------------------------------------------------------------------------- deeper than mining


def hidden_shapes() -> list[Shape]:
    """Return shapes with leaves of unknown slots beside slot A: embedded leaves, and tries as deep as they can be."""
    a = slot_at("1")
    appear = {"none": ({}, {a: 1}), "changed": ({a: 1}, {a: 2**255})}
    found = []
    for how, (old, new) in appear.items():
        for name, hidden in _neighbourhoods(key_of(a)).items():
            found.append(Shape(f"{name}, value {how} before", old, new, hidden))
    return found


def beside(key: bytes, depth: int, step: int = 1, fill: int = 0) -> bytes:
    """Return a trie key that parts from ``key`` after ``depth`` nibbles; ``fill`` is each nibble from there on."""
    nibbles = to_nibbles(key)
    return to_bytes(nibbles[:depth] + bytes(((nibbles[depth] + step) % 16,)) + bytes((fill,)) * (63 - depth))


def _neighbourhoods(key: bytes) -> dict[str, Values]:
    last = {beside(key, 63, step): value for step, value in ((1, 2**256 - 1), (2, 1))}
    below = beside(key, 20)
    return {
        "beside an embedded leaf at nibble 8": {beside(key, 8): 1},
        "beside a leaf at nibble 7, too long to be embedded": {beside(key, 7): 1},
        "beside an embedded leaf at nibble 55": {beside(key, 55): 1},
        "beside embedded leaves at nibble 40": {beside(key, 40, step): step for step in (1, 2, 3)},
        "beside a hashed leaf at the last nibble": {beside(key, 63): 2**256 - 1},
        "beside a hashed and an embedded leaf at the last nibble": last,
        "beside fifteen leaves at the last nibble": {beside(key, 63, step): step for step in range(1, 16)},
        "beside an opaque branch at nibble 21": {below: 1, beside(below, 21): 2},
        "beside an opaque branch below an extension": {below: 1, beside(below, 40): 2},
        "beside an opaque branch below an extension of one nibble": {below: 1, beside(below, 22): 2},
        "beside an opaque branch and a leaf": {below: 1, beside(below, 40): 2, beside(key, 20, 2): 3},
        "beside an opaque branch at the last nibbles": {
            beside(beside(key, 61), 63, step): 2**256 - 1 for step in range(4)
        },
        "a leaf at every second nibble": {beside(key, depth): 1 for depth in range(0, 56, 2)},
        "a leaf at every nibble": {beside(key, depth): 1 for depth in range(56)},
        "a large leaf at every nibble": {beside(key, depth): 2**256 - 1 - depth for depth in range(64)},
    }
