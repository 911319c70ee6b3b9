"""Where is an address from that the code asks or calls? Pure.

Blocks are executed on stacks that hold, instead of values, where a value is from: a number where it stands in the code.
It is a search with a limit, and tells nothing where it does not come to: then the answer is `UNKNOWN`.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TypeAlias

from smartsync.analysis.program import BY_TABLE, Block, Instruction, Program

Value: TypeAlias = int | str
"""A number of 256 bits that stands in the code, or where a value is from."""

ITSELF, CALLER, ARGUMENT, STORAGE, UNKNOWN = "itself", "caller", "argument", "storage", "unknown"

ACCOUNT_AT = {
    **dict.fromkeys(("CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"), 2),
    **dict.fromkeys(("BALANCE", "EXTCODESIZE", "EXTCODECOPY", "EXTCODEHASH"), 1),
}
"""Opcode -> how deep in the stack the address lies that it is about."""

_STEPS = 60_000
"""Blocks to execute at most: a second or two, and more than Uniswap's pool needs."""

_SMALL = 1 << 64
"""Numbers below it are no addresses: from block to block only those are kept that may be jumped to."""

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
    entered = {block: function.selector for function in program.functions for block in function.entry}
    by_offset = {(block.start, block.id >= BY_TABLE): block.id for block in program.blocks.values()}
    targets = {block.start for block in program.blocks.values()}
    found: dict[tuple[bytes, int], set[Value]] = defaultdict(set)
    waiting: list[tuple[bytes, int, tuple[Value, ...]]] = [(b"", number, ()) for number in program.start]
    waiting += [(selector, number, ()) for number, selector in entered.items() if number >= BY_TABLE]
    seen = set(waiting)
    steps = 0
    while waiting and steps < _STEPS:
        steps += 1
        selector, number, stack = waiting.pop()
        block = program.blocks[number]
        after, told = _execute(block, list(stack))
        for offset, value in told:
            found[selector, offset].add(value)
        for to in _onwards(block, after, by_offset):
            if to not in program.blocks:
                continue
            state = (entered.get(to, selector), to, _kept(after, targets))
            if state not in seen:
                seen.add(state)
                waiting.append(state)
    if waiting:
        # Cut short: what was not come to may be anything.
        return {key: frozenset({*values, UNKNOWN}) for key, values in found.items()}
    return {key: frozenset(values) for key, values in found.items()}


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


def _onwards(block: Block, stack: list[Value], by_offset: dict[tuple[int, bool], int]) -> list[int]:
    """Return the blocks that a block goes on to with this stack, whose top words a jump then takes."""
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


def _kept(stack: list[Value], targets: set[int]) -> tuple[Value, ...]:
    return tuple(
        UNKNOWN if isinstance(value, int) and value < _SMALL and value not in targets else value for value in stack
    )
