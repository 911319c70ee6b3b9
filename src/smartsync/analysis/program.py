"""Runtime code as a program: instructions, blocks, jumps, functions. Pure.

The work is evmole's: it disassembles, follows jumps by executing stacks symbolically, and recognises how a call is
dispatched to a function. Nothing of it is sure: a jump may stay unresolved, and then what was found is the least that
there is. What follows the code (compilers append metadata and constants) is reached by no jump, so it is no code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from smartsync.errors import ConfigError

try:
    import evmole
except ImportError:
    # It has no wheels for Linux on ARM and for musl; everything but an analysis works without it.
    evmole = None  # type: ignore[assignment]

_TERMINATORS = frozenset({"STOP", "RETURN", "REVERT", "INVALID", "SELFDESTRUCT", "JUMP", "?"})


BY_TABLE = 1 << 32
"""Ids of blocks from here on are of functions that no jump was seen to lead to."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction at a byte offset; ``operand`` is what it pushes, None where it is no push."""

    offset: int
    name: str
    operand: int | None = None


@dataclass(frozen=True, slots=True)
class Jump:
    """A jump to an address from the stack: ``to`` a block, where ``pusher`` (a block, too) had put the address there.

    ``to`` is None where the address is not known.
    """

    pusher: int
    to: int | None


@dataclass(frozen=True, slots=True)
class Block:
    """Instructions that run one after the other.

    ``leads_to`` are the blocks that it always can go on to; ``jumps`` those that depend on who called, and ``dynamic``
    tells whether it ends so.
    """

    id: int
    start: int
    instructions: tuple[Instruction, ...]
    leads_to: tuple[int, ...]
    jumps: tuple[Jump, ...]
    dynamic: bool


@dataclass(frozen=True, slots=True)
class Function:
    """A function as the code shows it: ``selector`` 4 bytes, ``entry`` the blocks that it begins with.

    ``arguments`` are types, inferred.
    """

    selector: bytes
    entry: tuple[int, ...]
    arguments: str


@dataclass(frozen=True, slots=True)
class Program:
    """A contract's code. ``blocks`` by id, reached from offset 0; ``unreached`` may be code that something jumps to.

    ``metadata_bytes`` is the length of the compiler's note behind the code.
    """

    size: int
    metadata_bytes: int
    blocks: dict[int, Block]
    start: tuple[int, ...]
    functions: tuple[Function, ...]
    unreached: tuple[Instruction, ...]


def read_program(code: bytes) -> Program:
    """Return runtime code as a program.

    Raises
    ------
    ConfigError
        evmole is not installed.

    Source: https://github.com/cdump/evmole.
    """
    if evmole is None:
        raise ConfigError(
            "the library evmole, which analyses bytecode, is not installed",
            hint="pip install evmole: on platforms without a wheel of it that takes a Rust compiler",
        )
    told = evmole.contract_info(code, selectors=True, arguments=True, disassemble=True, metadata=True)
    # The compiler's note is a length of two bytes behind as many bytes of CBOR.
    end = told.metadata.bytecode_offset if told.metadata else len(code)
    instructions = [_instruction(offset, text) for offset, text in told.disassembled or [] if offset < end]
    functions = sorted(told.functions or [], key=lambda one: one.selector)
    blocks = _graph(code, instructions, 0)
    missed = [one.bytecode_offset for one in functions if not _at(blocks, one.bytecode_offset)]
    if missed:
        blocks |= _graph(_called_first(code, _landings(instructions, missed)), instructions, BY_TABLE)
    reached = {each.offset for block in blocks.values() for each in block.instructions}
    return Program(
        size=len(code),
        metadata_bytes=len(code) - end,
        blocks=blocks,
        start=tuple(number for number in _at(blocks, 0) if number < BY_TABLE),
        functions=tuple(
            Function(
                bytes.fromhex(one.selector),
                tuple(
                    number
                    for number in _at(blocks, one.bytecode_offset)
                    if (number >= BY_TABLE) == (one.bytecode_offset in missed)
                ),
                one.arguments or "",
            )
            for one in functions
        ),
        unreached=tuple(_enterable(instructions, reached)),
    )


def _landings(instructions: list[Instruction], entries: list[int]) -> set[int]:
    """Return the offsets of the JUMPDESTs that run on into these entries: there it is asked which function is meant."""
    wanted, found, landing = set(entries), set(), None
    for each in instructions:
        if each.name == "JUMPDEST":
            landing = each.offset
        if each.offset in wanted and landing is not None:
            found.add(landing)
        if each.name in _TERMINATORS:
            landing = None
    return found


def _called_first(code: bytes, landings: set[int]) -> bytes:
    """Return the code with a jump in front that may go to any of these offsets: then they are followed, too.

    A dispatcher that reads the function's offset out of a table (Vyper's) cannot be followed to its functions.
    """
    # No data is longer than what a PUSH32 in it would swallow.
    dispatcher = len(code) + 33
    ways = b"".join(
        b"\x36\x62" + to.to_bytes(3, "big") + b"\x57" for to in sorted(landings)
    )  # CALLDATASIZE PUSH3 JUMPI
    first = b"\x62" + dispatcher.to_bytes(3, "big") + b"\x56"  # PUSH3 JUMP
    return first + code[len(first) :] + bytes(33) + b"\x5b" + ways + b"\x00"


def _instruction(offset: int, text: str) -> Instruction:
    name, _, operand = text.partition(" ")
    if not name.startswith("PUSH"):
        return Instruction(offset, name)
    return Instruction(offset, name, int(operand, 16) if operand else 0)


def _graph(code: bytes, instructions: list[Instruction], base: int) -> dict[int, Block]:
    """Return the blocks that are reached from offset 0, their ids counted from ``base``."""
    place = {each.offset: index for index, each in enumerate(instructions)}
    graph = evmole.contract_info(code, control_flow_graph=True).control_flow_graph
    found = {}
    for block in graph.blocks if graph else []:
        # What begins at another place than an instruction is ours: the jump that was put in front.
        if block.start in place and (base == 0 or block.start):
            inside = instructions[place[block.start] : place.get(block.end, len(instructions) - 1) + 1]
            leads_to, jumps, dynamic = _ways(block.btype)
            found[base + block.id] = Block(
                base + block.id,
                block.start,
                tuple(inside),
                tuple(base + to for to in leads_to),
                tuple(Jump(base + one.pusher, None if one.to is None else base + one.to) for one in jumps),
                dynamic,
            )
    return found


def _ways(kind: object) -> tuple[tuple[int, ...], tuple[Jump, ...], bool]:
    """Return where a block goes on: always, depending on the stack, and whether it depends on it at all."""
    if isinstance(kind, evmole.BlockType.Jump):
        return (kind.to,), (), False
    if isinstance(kind, evmole.BlockType.Jumpi):
        return (kind.true_to, kind.false_to), (), False
    if isinstance(kind, evmole.BlockType.DynamicJump):
        return (), _jumps(kind.to), True
    if isinstance(kind, evmole.BlockType.DynamicJumpi):
        return (kind.false_to,), _jumps(kind.true_to), True
    return (), (), False


def _jumps(told: list[evmole.DynamicJump]) -> tuple[Jump, ...]:
    # A path is told backwards: its last block is where the address came from.
    return tuple(Jump(one.path[-1], one.to) for one in told if one.path)


def _at(blocks: dict[int, Block], offset: int) -> tuple[int, ...]:
    """Return the blocks that begin at an offset, or else hold it."""
    found = tuple(one.id for one in blocks.values() if one.start == offset)
    return found or tuple(one.id for one in blocks.values() if any(each.offset == offset for each in one.instructions))


def _enterable(instructions: list[Instruction], reached: set[int]) -> Iterator[Instruction]:
    """Yield what no known way leads to, and a jump could: it stands behind a JUMPDEST, which data may contain, too."""
    alive = False
    for each in instructions:
        alive = alive or each.name == "JUMPDEST"
        if each.offset in reached:
            alive = False
        elif alive:
            yield each
            alive = each.name not in _TERMINATORS
