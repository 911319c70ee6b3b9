"""Which blocks can a function come to? Pure.

A subroutine is shared by its callers and returns to whoever called: to follow every return would let each function come
to the code behind every other one's call. So a return is followed only to callers that the function itself came to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from smartsync.analysis.program import Function, Program


@dataclass(frozen=True, slots=True)
class Reach:
    """The blocks that can be come to; ``followed`` where every jump among them is known."""

    blocks: frozenset[int]
    followed: bool


def reach_of(program: Program, function: Function, before: Reach | None = None) -> Reach:
    """Return what a function can come to, from its entry on; ``before`` is the `prelude`, where it is known."""
    found = _reach(program, function.entry, before=(before or prelude(program)).blocks)
    return found if function.entry else Reach(found.blocks, followed=False)


def prelude(program: Program) -> Reach:
    """Return what runs before any function, or where none is called: dispatch, ``fallback``, ``receive``."""
    entries = {block for function in program.functions for block in function.entry}
    return _reach(program, program.start, walls=entries - set(program.start))


def _reach(program: Program, start: Iterable[int], *, before: Iterable[int] = (), walls: Iterable[int] = ()) -> Reach:
    """Return what can be come to from ``start``, ``before`` having run and not entering ``walls``."""
    known, closed = set(before), set(walls)
    found: set[int] = set()
    waiting = list(start)
    held: dict[int, list[int]] = {}  # pusher -> blocks to go on to, once it is known to have run
    while waiting:
        number = waiting.pop()
        if number in found or number in closed or number not in program.blocks:
            continue
        found.add(number)
        block = program.blocks[number]
        waiting += [*block.leads_to, *held.pop(number, [])]
        for jump in block.jumps:
            if jump.to is None:
                continue
            if jump.pusher in found or jump.pusher in known:
                waiting.append(jump.to)
            else:
                held.setdefault(jump.pusher, []).append(jump.to)
    ran = found | known
    return Reach(frozenset(found), all(_resolved(program, number, ran) for number in found))


def _resolved(program: Program, number: int, ran: set[int]) -> bool:
    """Whether it is known where a block goes on to, after these blocks may have run."""
    block = program.blocks[number]
    told = [jump for jump in block.jumps if jump.pusher in ran]
    return not block.dynamic or (bool(told) and all(jump.to is not None for jump in told))
