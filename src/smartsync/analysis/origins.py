"""Where is an address from that the code asks or calls? Pure.

Blocks are executed on stacks that hold, instead of values, where a value is from: a number where it stands in the code.
It is a search with a limit, and tells nothing where it does not come to: then the answer is `UNKNOWN`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from smartsync.analysis.opcodes import PRECOMPILES
from smartsync.analysis.program import BY_TABLE, Block, Instruction, Program

Value: TypeAlias = int | str
"""A number of 256 bits that stands in the code, or where a value is from."""

_State: TypeAlias = tuple[int, tuple[Value, ...]]
"""A block that is about to run, and the stack then."""

ITSELF, CALLER, ARGUMENT, STORAGE, UNKNOWN = "itself", "caller", "argument", "storage", "unknown"

ACCOUNT_AT = {
    **dict.fromkeys(("CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"), 2),
    **dict.fromkeys(("BALANCE", "EXTCODESIZE", "EXTCODECOPY", "EXTCODEHASH"), 1),
}
"""Opcode -> how deep in the stack the address lies that it is about."""

_STEPS = 20_000
"""Blocks to execute at most for a function: some tenths of a second; the swap of Uniswap's pool takes 4,000."""

_STEPS_IN_ALL = 400_000
"""Blocks to execute at most for all functions together: code may pretend to have thousands of them."""

_DEEPEST = 200
"""Words on a stack from where on something is wrong: compilers reach 16 of them."""

_SMALL = 1 << 64
"""Numbers below it are no addresses but those of precompiles: others are kept no longer than a block."""

_WORD = (1 << 256) - 1

_POPS_PUSHES = {
    **dict.fromkeys(("ADDMOD", "MULMOD"), (3, 1)),
    **dict.fromkeys(("NOT", "ISZERO", "CLZ", "BLOCKHASH", "BLOBHASH", "MLOAD"), (1, 1)),
    **dict.fromkeys(("BALANCE", "EXTCODESIZE", "EXTCODEHASH"), (1, 1)),
    **dict.fromkeys(("ADD", "MUL", "SUB", "DIV", "SDIV", "MOD", "SMOD", "EXP", "SIGNEXTEND", "KECCAK256"), (2, 1)),
    **dict.fromkeys(("LT", "GT", "SLT", "SGT", "EQ", "AND", "OR", "XOR", "BYTE", "SHL", "SHR", "SAR"), (2, 1)),
    **dict.fromkeys(("CALLVALUE", "CALLDATASIZE", "CODESIZE", "GASPRICE", "RETURNDATASIZE", "ORIGIN"), (0, 1)),
    **dict.fromkeys(("COINBASE", "TIMESTAMP", "NUMBER", "PREVRANDAO", "GASLIMIT", "CHAINID", "SELFBALANCE"), (0, 1)),
    **dict.fromkeys(("BASEFEE", "BLOBBASEFEE", "PC", "MSIZE", "GAS"), (0, 1)),
    **dict.fromkeys(("CALLDATACOPY", "CODECOPY", "RETURNDATACOPY", "MCOPY"), (3, 0)),
    **dict.fromkeys(("MSTORE", "MSTORE8", "SSTORE", "TSTORE", "RETURN", "REVERT", "JUMPI"), (2, 0)),
    **dict.fromkeys(("POP", "JUMP", "SELFDESTRUCT"), (1, 0)),
    **{f"LOG{count}": (2 + count, 0) for count in range(5)},
    **dict.fromkeys(("CALL", "CALLCODE"), (7, 1)),
    **dict.fromkeys(("DELEGATECALL", "STATICCALL"), (6, 1)),
    **{"CREATE": (3, 1), "CREATE2": (4, 1), "EXTCODECOPY": (4, 0)},
}
"""Opcode -> how many words it takes from the stack, and puts there (Yellow Paper, appendix H); the rest is below."""

_FROM = {"ADDRESS": ITSELF, "CALLER": CALLER}
_READ = {"CALLDATALOAD": ARGUMENT, "SLOAD": STORAGE, "TLOAD": STORAGE}


def account_origins(program: Program) -> dict[tuple[bytes, int], frozenset[Value]]:
    """Return, by function and offset of an instruction in ``ACCOUNT_AT``, where the addresses are from.

    The function is its selector, empty before any is called. A number is the address, as it stands in the code.
    """
    search = _Search(program)
    search.run(b"", [(number, ()) for number in program.start])
    for function in program.functions:
        starts = [state for number in function.entry for state in search.entered.get(number, {(number, ())})]
        search.run(function.selector, starts)
    return {key: frozenset(values) for key, values in search.found.items()}


class _Search:
    """What is found, and with which stacks functions are entered."""

    def __init__(self, program: Program) -> None:
        self.found: dict[tuple[bytes, int], set[Value]] = defaultdict(set)
        self.entered: dict[int, set[_State]] = defaultdict(set)
        self._program = program
        self._left = _STEPS_IN_ALL
        self._entries = {block for function in program.functions for block in function.entry} - set(program.start)
        self._by_offset = {(block.start, block.id >= BY_TABLE): block.id for block in program.blocks.values()}
        self._targets = {block.start for block in program.blocks.values()}

    def run(self, selector: bytes, starts: Iterable[_State]) -> None:
        """Search from these states on, in the name of a function; other functions are noted, not entered."""
        waiting = list(starts)
        seen = set(waiting)
        steps, cut = min(_STEPS, self._left), False
        while waiting and steps:
            steps, self._left = steps - 1, self._left - 1
            number, stack = waiting.pop()
            block = self._program.blocks[number]
            after, told = _execute(block, list(stack))
            for offset, value in told:
                self.found[selector, offset].add(value)
            cut = cut or len(after) > _DEEPEST
            for state in self._onwards(block, after) if len(after) <= _DEEPEST else []:
                if not selector and state[0] in self._entries:
                    self.entered[state[0]].add(state)
                elif state not in seen:
                    seen.add(state)
                    waiting.append(state)
        if waiting or cut:
            # Cut short: there may be others.
            for (of, _), values in self.found.items():
                if of == selector:
                    values.add(UNKNOWN)

    def _onwards(self, block: Block, after: list[Value]) -> Iterator[_State]:
        stack = after[:]
        for number in _ways(block, stack, self._by_offset):
            if number in self._program.blocks:
                yield number, tuple(value if _worth(value, self._targets) else UNKNOWN for value in stack)


def _execute(block: Block, stack: list[Value]) -> tuple[list[Value], list[tuple[int, Value]]]:
    """Return the stack after a block, with the jump's destination on top still, and the accounts it asks about."""
    told = []
    for each in block.instructions:
        if (depth := ACCOUNT_AT.get(each.name)) is not None:
            told.append((each.offset, stack[-depth] if len(stack) >= depth else UNKNOWN))
        if each.name in ("JUMP", "JUMPI"):
            break
        _step(each, stack)
    return stack, told


def _step(each: Instruction, stack: list[Value]) -> None:
    name = each.name
    if each.operand is not None:
        stack.append(each.operand)
    elif name.startswith("DUP"):
        depth = int(name[3:])
        stack.append(stack[-depth] if len(stack) >= depth else UNKNOWN)
    elif name.startswith("SWAP"):
        depth = int(name[4:]) + 1
        while len(stack) < depth:
            stack.insert(0, UNKNOWN)
        stack[-1], stack[-depth] = stack[-depth], stack[-1]
    elif name in _FROM:
        stack.append(_FROM[name])
    elif name in _READ:
        _taken(stack, 1)
        stack.append(_READ[name])
    else:
        pops, pushes = _POPS_PUSHES.get(name, (0, 0))
        words = _taken(stack, pops)
        if pushes:
            stack.append(_combined(name, words))


def _taken(stack: list[Value], count: int) -> list[Value]:
    return [stack.pop() if stack else UNKNOWN for _ in range(count)]


def _combined(name: str, words: list[Value]) -> Value:
    """Return what an operation makes of its words, the top one first: an address stays one when it is masked."""
    if all(isinstance(word, int) for word in words):
        return _computed(name, [int(word) for word in words])
    if name == "AND":
        named = {word for word in words if isinstance(word, str)}
        return named.pop() if len(named) == 1 else UNKNOWN
    if name in ("SHR", "SHL") and isinstance(words[0], int):
        return words[1]
    if name == "DIV" and isinstance(words[1], int):
        return words[0]
    return UNKNOWN


def _computed(name: str, words: list[int]) -> Value:
    """Return what masks are made of; other arithmetic would make loops look endless."""
    if name == "AND":
        return words[0] & words[1]
    if name == "NOT":
        return _WORD ^ words[0]
    if name == "SHL":
        return words[1] << words[0] & _WORD if words[0] < 256 else 0
    if name == "SHR":
        return words[1] >> words[0] if words[0] < 256 else 0
    if name == "EXP" and words[0] in (2, 256) and words[1] < 256:
        return pow(words[0], words[1], _WORD + 1)
    if name == "SUB":
        mask = words[0] - words[1]
        return mask if mask > 0 and mask & (mask + 1) == 0 else UNKNOWN
    return UNKNOWN


def _ways(block: Block, stack: list[Value], by_offset: dict[tuple[int, bool], int]) -> list[int]:
    """Return the blocks that a block goes on to with this stack, and take the words from it that its jump takes."""
    last = block.instructions[-1].name
    if last not in ("JUMP", "JUMPI"):
        return list(block.leads_to)
    to = stack.pop() if stack else UNKNOWN
    if last == "JUMPI" and stack:
        stack.pop()
    if not block.dynamic:
        return list(block.leads_to)
    known = by_offset.get((to, block.id >= BY_TABLE)) if isinstance(to, int) else None
    ways = [known] if known is not None else [jump.to for jump in block.jumps if jump.to is not None]
    return [*block.leads_to, *ways]


def _worth(value: Value, targets: set[int]) -> bool:
    """Whether a value may be an address or where to jump to."""
    return isinstance(value, str) or value >= _SMALL or value in targets or value in PRECOMPILES
