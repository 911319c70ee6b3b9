"""A drawing as rows, one below the other, as many as there is room for; what does not fit is counted. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from smartsync.explaining.drawing import Closed, Drawing, Drawn, Fork, Written, place_of


@dataclass(frozen=True, slots=True)
class Omitted:
    """What is left out at a place: how many items, how many of them writes."""

    items: int
    writes: int


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a tree.

    ``step`` are the nibbles from the fork above to this one, of a leaf the first of them; empty at the root and of what
    is omitted. ``is_last`` tells of each level down to its own whether it is the last one there.
    """

    step: bytes
    node: Drawn | Omitted
    is_last: tuple[bool, ...]

    @property
    def level(self) -> int:
        """How many forks are above it."""
        return len(self.is_last)


def rows(drawing: Drawing, most: int) -> list[Row]:
    """Return the rows of a drawing, about ``most`` at most.

    Children of a fork that only their hash tells of have no row: they are the fork's. Room is shared fairly: a small
    subtrie is shown whole beside a large one, which is cut.
    """
    return list(_side_by_side(drawing.subtries, 0, (), most, is_root=len(drawing.subtries) == 1))


def described(fork: Fork) -> list[Drawn]:
    """Return the children of a fork that are told more of than their hash, or lie deeper."""
    return [child for child in fork.children if not is_beside(child, fork)]


def is_beside(child: Drawn, fork: Fork) -> bool:
    """Whether a child is given in the fork itself, by its hash."""
    return isinstance(child, Closed) and len(child.path) == fork.depth + 1


def _side_by_side(
    nodes: Sequence[Drawn], depth: int, above: tuple[bool, ...], room: int, *, is_root: bool = False
) -> Iterator[Row]:
    """Yield the rows of the children of a fork at ``depth`` - 1, or of the subtries of a part."""
    sizes = [_size(node) for node in nodes]
    whole = sum(sizes) <= room
    shown = len(nodes) if whole or len(nodes) <= room else max(room - 1, 0)
    shares = _shares(sizes[:shown], room - (shown < len(nodes)))
    for place, (node, share) in enumerate(zip(nodes, shares, strict=False)):
        here = () if is_root else (*above, place == len(nodes) - 1)
        yield from _rows(node, depth, here, share)
    if shown < len(nodes):
        yield Row(b"", _omitted(nodes[shown:]), (*above, True))


def _rows(node: Drawn, depth: int, here: tuple[bool, ...], room: int) -> Iterator[Row]:
    if not isinstance(node, Fork):
        # Of a leaf all nibbles are told by its key; where it hangs is its first one.
        step = place_of(node)[depth - 1 if depth else 0 :]
        yield Row(step if isinstance(node, Closed) else step[:1] if depth else b"", node, here)
        return
    if room < 2:
        yield Row(node.path[depth - 1 :][:1] if depth else b"", _omitted([node]), here)
        return
    yield Row(node.path[depth - 1 :] if depth else node.path, node, here)
    yield from _side_by_side(described(node), node.depth + 1, here, room - 1)


def _size(node: Drawn) -> int:
    return 1 + sum(map(_size, described(node))) if isinstance(node, Fork) else 1


def _shares(sizes: Sequence[int], room: int) -> list[int]:
    """Share rows among subtries: none gets more than it needs, and what the small ones leave goes to the others."""
    shares = [0] * len(sizes)
    left = len(sizes)
    for place in sorted(range(len(sizes)), key=sizes.__getitem__):
        shares[place] = min(sizes[place], max(room // left, 1))
        room, left = room - shares[place], left - 1
    return shares


def _omitted(nodes: Sequence[Drawn]) -> Omitted:
    waiting, items, writes = list(nodes), 0, 0
    while waiting:
        node = waiting.pop()
        items, writes = items + 1, writes + isinstance(node, Written)
        waiting += described(node) if isinstance(node, Fork) else ()
    return Omitted(items, writes)
