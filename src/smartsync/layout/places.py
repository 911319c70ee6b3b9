"""From variables and candidate keys to slots: which storage slots a contract may use, and what they are called.

The walk is lazy and goes breadth first: all plain variables, then one key deep, then pairs of keys that were seen
together; long arrays and pairs that were not seen together come last. It does no I/O: where it has to know what a slot
holds (an array's length, whether a text is long) it yields a `Question` and wants the values sent.

::

    walk = places(layout, pool)
    step = next(walk)
    while True:
        step = walk.send(values_of(step.slots)) if isinstance(step, Question) else next(walk)

Source: Solidity documentation, "Layout of State Variables in Storage"; for Vyper, what its compiler does (its
documentation does not say how a HashMap's slot is made): checked against both by ``tests/integration/test_layouts.py``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from smartsync.keccak import keccak256
from smartsync.layout.pool import Pool
from smartsync.layout.shapes import (
    DynamicArray,
    Field,
    FixedArray,
    HashMap,
    Key,
    Layout,
    Part,
    Struct,
    Text,
    Value,
    elements_per_slot,
)

MAX_PLACES = 2_000_000
"""Steps of one walk, such as a hash or a slot that is yielded: some seconds."""

MAX_KEYS_DEEP = 4
"""Mappings in mappings that are followed: a struct may hold a mapping of itself."""

MAX_LENGTH = 2**40
"""Elements above which a number is no array's length: no chain has paid for so many."""

MAX_QUESTIONS = 20_000
"""Slots whose value one walk asks for: two hundred requests of a hundred."""

_AT_ONCE = 1_000
"""Slots of one `Question`, and elements of an array that are yielded before others have their turn."""

_WAITING = 200_000
"""Mappings and arrays that wait for their turn; some hundred bytes each."""

_OPENED = 64
"""Reserved elements of a Vyper array up to which all are looked at, whatever its length."""

Path: TypeAlias = "tuple[Path | None, Any]"
"""What leads to a place, from its end: a name, an index, a range of indices, or a key with its type."""

_Then: TypeAlias = Callable[[int], Iterator["Place"]]


Shape: TypeAlias = "Value | Text | tuple[Part, ...] | None"
"""How a slot is read: as one value (or as many elements as the path's last piece says), as a text's first slot, or as
several values; ``None`` where that is not known."""

_LENGTH, _BYTES = Value(32, "uint"), Value(32, "bytes")


class Place(NamedTuple):
    """A slot (32 bytes) that the contract may use, and what it is."""

    slot: bytes
    path: Path
    shape: Shape = None

    @property
    def label(self) -> str:
        """The place as people write it: ``balances[0xabc…]``, ``names[3].expiry``; ``a+b`` share a slot."""
        pieces: list[Any] = []
        path: Path | None = self.path
        while path is not None:
            path, piece = path
            pieces.append(piece)
        return "".join(map(_piece, reversed(pieces))).removeprefix(".")


class Question(NamedTuple):
    """Slots (32 bytes each) whose values the walk needs: send them as numbers, in this order."""

    slots: tuple[bytes, ...]


def places(
    layout: Layout, pool: Pool, *, mappings: bool = True, unrelated: bool = True
) -> Generator[Place | Question, Sequence[int] | None, None]:
    """Yield the slots that a contract may use; some twice.

    Parameters
    ----------
    mappings
        Whether mappings are followed at all; without them few slots are left, and no key is needed.
    unrelated
        Whether keys of a mapping in a mapping are also tried with keys that they were not seen together with.

    Notes
    -----
    It ends after ``MAX_PLACES`` steps at the latest, and values of ``MAX_QUESTIONS`` slots are asked for at most.
    """
    return _Walk(layout, pool, mappings, unrelated).run()


class _Walk:
    def __init__(self, layout: Layout, pool: Pool, mappings: bool, unrelated: bool) -> None:
        self._layout, self._pool, self._mappings, self._unrelated = layout, pool, mappings, unrelated
        self._now: deque[Iterator[Place]] = deque()
        self._later: deque[Iterator[Place]] = deque()
        self._asked: deque[tuple[int, _Then]] = deque()
        self._questions = 0
        self._left = MAX_PLACES

    def run(self) -> Generator[Place | Question, Sequence[int] | None, None]:
        # One level after the other: what is one key deeper, or behind a length that has to be asked for, comes next.
        self._now.append(self._fields(self._layout.variables, 0, None))
        while self._now or self._asked or self._later:
            level, self._now = self._now or self._some_later(), deque()
            for job in level:
                for place in job:
                    yield place
                    if self._is_spent():
                        return
                if self._left <= 0:
                    return
            while self._asked:
                yield from self._ask()

    def _some_later(self) -> deque[Iterator[Place]]:
        """Return what has waited the longest, once there is nothing else to do."""
        return deque([self._later.popleft()]) if self._later else deque()

    def _ask(self) -> Generator[Question, Sequence[int] | None, None]:
        batch = [self._asked.popleft() for _ in range(min(_AT_ONCE, len(self._asked)))]
        values = yield Question(tuple(_word(slot) for slot, _ in batch))
        for (_, then), value in zip(batch, values or (), strict=False):
            self._now.append(then(value))

    def _is_spent(self) -> bool:
        """Count a step: also those that yield nothing, since a layout can be made of nothing else."""
        self._left -= 1
        return self._left <= 0

    def _then(self, queue: deque[Iterator[Place]], job: Iterator[Place]) -> None:
        if len(self._now) + len(self._later) < _WAITING:
            queue.append(job)

    def _when_known(self, slot: int, then: _Then) -> None:
        if self._questions < MAX_QUESTIONS:
            self._questions += 1
            self._asked.append((slot % 2**256, then))

    def _fields(self, fields: Iterable[Field], base: int, path: Path | None) -> Iterator[Place]:
        for one in fields:
            if self._is_spent():
                return
            yield from self._open(one.type, base + one.slot, (path, f".{one.name}"), one.parts)

    def _open(self, type_id: str, slot: int, path: Path, parts: tuple[Part, ...] = ()) -> Iterator[Place]:
        """Yield what lies in place from a slot on, and remember what that leads to."""
        part = self._layout.types[type_id]
        match part:
            case Value():
                yield Place(_word(slot), path, parts if len(parts) > 1 else part)
            case Struct():
                yield from self._fields(part.fields, slot, path)
            case HashMap() if self._mappings:
                self._then(self._now, self._values(part, slot, path, ()))
            case FixedArray():
                yield from self._elements(part.element, slot, 0, part.count, path)
            case DynamicArray(room=None):
                yield Place(_word(slot), (path, ".length"), _LENGTH)
                self._when_known(slot, partial(self._all, part.element, _hashed(slot), path, MAX_LENGTH))
            case DynamicArray(room=int(room)):
                yield Place(_word(slot), (path, ".length"), _LENGTH)
                if room <= _OPENED:
                    yield from self._elements(part.element, slot + 1, 0, room, path)
                else:
                    self._when_known(slot, partial(self._all, part.element, slot + 1, path, min(room, MAX_LENGTH)))
            case Text(room=None):
                yield Place(_word(slot), path, part)
                self._when_known(slot, partial(self._long_text, slot, path))
            case Text(room=int(room)):
                yield Place(_word(slot), (path, ".length"), _LENGTH)
                yield from self._words(slot + 1, room, path)

    def _all(self, element: str, base: int, path: Path, most: int, count: int) -> Iterator[Place]:
        """Yield the elements of a dynamic array. A length that none can have is that of something else, or a lie."""
        return self._elements(element, base, 0, count if count <= most else 0, path)

    def _elements(self, element: str, base: int, start: int, count: int, path: Path) -> Iterator[Place]:
        """Yield the elements of an array from the ``start``-th on; of a long one the rest has to wait."""
        kind = self._layout.types[element]
        per_slot, shape = elements_per_slot(kind), kind if isinstance(kind, Value) else None
        size = max(1, self._layout.slots[element])
        end = min(count, start + max(1, _AT_ONCE // size) * per_slot)
        if per_slot > 1:
            for index in range(start, end, per_slot):
                last = min(index + per_slot, count) - 1
                yield Place(_word(base + index // per_slot), (path, (index, last)), shape)
        else:
            for index in range(start, end):
                if self._is_spent():
                    return
                yield from self._open(element, base + index * size, (path, index))
        if end < count:
            self._then(self._later, self._elements(element, base, end, count, path))

    def _long_text(self, slot: int, path: Path, stored: int) -> Iterator[Place]:
        # The lowest bit tells; then the rest is twice the length in bytes.
        if stored & 1 and stored <= MAX_LENGTH:
            yield from self._words(_hashed(slot), -(-(stored >> 1) // 32), path)

    def _words(self, base: int, count: int, path: Path, start: int = 0) -> Iterator[Place]:
        end = min(count, start + _AT_ONCE)
        for index in range(start, end):
            yield Place(_word(base + index), (path, f" (part {index + 1})"), _BYTES)
        if end < count:
            self._then(self._later, self._words(base, count, path, end))

    def _values(self, part: HashMap, slot: int, path: Path, outer: tuple[bytes, ...]) -> Iterator[Place]:
        """Yield what a mapping holds for the keys that may be, first for those that belong to the keys above it."""
        if not outer:
            yield from self._at(part, slot, path, outer, self._pool.keys(part.key))
            return
        related = dict.fromkeys(self._pool.companions(outer, part.key))
        yield from self._at(part, slot, path, outer, related)
        if self._unrelated:
            others = (key for key in self._pool.keys(part.key) if key not in related)
            self._then(self._later, self._at(part, slot, path, outer, others))

    def _at(
        self, part: HashMap, slot: int, path: Path, outer: tuple[bytes, ...], keys: Iterable[bytes]
    ) -> Iterator[Place]:
        value = self._layout.types[part.value]
        position = _word(slot)
        if len(outer) >= MAX_KEYS_DEEP:
            return
        for key in keys:
            if self._is_spent():
                return
            at = _entry(part, position, key)
            here: Path = (path, (part.key, key))
            if isinstance(value, HashMap):
                self._then(self._now, self._values(value, at, here, (*outer, key)))
            elif isinstance(value, Value):
                yield Place(_word(at), here, value)
            else:
                yield from self._nested(part.value, at, here, (*outer, key))

    def _nested(
        self, type_id: str, slot: int, path: Path, outer: tuple[bytes, ...], parts: tuple[Part, ...] = ()
    ) -> Iterator[Place]:
        """Yield what lies at a mapping's entry; a mapping in it belongs to the keys that lead there."""
        part = self._layout.types[type_id]
        if not isinstance(part, Struct):
            yield from self._open(type_id, slot, path, parts)
            return
        for one in part.fields:
            if self._is_spent():
                return
            member, here = self._layout.types[one.type], (path, f".{one.name}")
            if isinstance(member, HashMap):
                # What holds itself multiplies without end: it has to wait.
                queue = self._later if member.value == type_id else self._now
                self._then(queue, self._values(member, slot + one.slot, here, outer))
            else:
                yield from self._nested(one.type, slot + one.slot, here, outer, one.parts)


def _entry(part: HashMap, position: bytes, key: bytes) -> int:
    """Return the slot at which a mapping keeps the value of a key."""
    if part.slot_first:
        key = keccak256(key) if part.key.kind == "text" else key
        return int.from_bytes(keccak256(position + key), "big")
    return int.from_bytes(keccak256(key + position), "big")


def _hashed(slot: int) -> int:
    return int.from_bytes(keccak256(_word(slot)), "big")


def _word(slot: int) -> bytes:
    return (slot % 2**256).to_bytes(32, "big")


def _piece(piece: Any) -> str:
    match piece:
        case str():
            return piece
        case int():
            return f"[{piece}]"
        case (int(first), int(last)):
            return f"[{first}]" if first == last else f"[{first}-{last}]"
        case (Key() as key, bytes(word)):
            return f"[{_shown_key(key, word)}]"
    raise TypeError(f"no piece of a path: {piece!r}")


def _shown_key(key: Key, word: bytes) -> str:
    number = int.from_bytes(word, "big")
    match key.kind:
        case "text":
            text = word.decode("utf-8", "replace")
            return f'"{text}"' if text.isprintable() else f"0x{word.hex()}"
        case "address":
            return f"0x{word[12:].hex()}"
        case "uint":
            return str(number)
        case "int":
            return str(int.from_bytes(word, "big", signed=True))
        case "bool":
            return "true" if number else "false"
        case "bytes":
            return f"0x{word[: key.size].hex()}"
    if number < 2**64:
        return str(number)
    return f"0x{word[12:].hex()}" if number < 2**160 else f"0x{word.hex()}"
