"""What in a contract's code answers otherwise on another chain, function by function. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from eth_utils.address import to_checksum_address

from smartsync.analysis.names import Named
from smartsync.analysis.opcodes import ANSWERS, CALLS, EVERYWHERE, PRECOMPILES, WRITES
from smartsync.analysis.origins import ACCOUNT_AT, ITSELF, UNKNOWN, Value, account_origins
from smartsync.analysis.program import Function, Instruction, Program, read_program
from smartsync.analysis.reach import Reach, prelude, reach_of
from smartsync.analysis.report import CodeReport, Finding, FunctionReport

NO_FUNCTION = "fallback or receive"
ANY_CALL = "any call"

_ADDRESSES = 1 << 160
_ORDER = {opcode: place for place, opcode in enumerate(ANSWERS)}
_ITSELF_GETS = "the replica's own answer"
_PRECOMPILE_GETS = "what the precompile answers, where the target has it"


class _Key(NamedTuple):
    """What findings are put together by."""

    opcode: str
    origin: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class _Part:
    """A function, or what runs without one: what it can come to."""

    report: FunctionReport
    reach: Reach


def examine_code(code: bytes, names: Mapping[bytes, Named], *, role: str, address: str) -> CodeReport:
    """Return what some runtime code will answer otherwise on another chain.

    Parameters
    ----------
    names
        Functions that an ABI names, by selector; the others go by selector and inferred arguments.
    role, address
        As in `CodeReport`.
    """
    program = read_program(code)
    origins = account_origins(program)
    parts = _parts(program, names)
    found: dict[_Key, set[FunctionReport]] = defaultdict(set)
    for part in parts:
        for key in _keys(program, part, origins):
            found[key].add(part.report)
    findings = [_finding(key, functions) for key, functions in found.items()]
    if not all(part.reach.followed for part in parts):
        findings += _perhaps(program, found)
    return CodeReport(
        role=role,
        address=address,
        size=program.size,
        metadata_bytes=program.metadata_bytes,
        functions=tuple(part.report for part in parts if part.report.selector),
        findings=tuple(sorted(findings, key=lambda one: (_ORDER[one.opcode], one.origin or "", one.address or ""))),
        opcodes=_opcodes(program, parts),
    )


def _parts(program: Program, names: Mapping[bytes, Named]) -> list[_Part]:
    before = prelude(program)
    # What runs where no function is called is read, too: by whoever calls a proxy, for one.
    label = NO_FUNCTION if program.functions else ANY_CALL
    parts = [_Part(FunctionReport(b"", label, False, True, before.followed), before)]
    for function in program.functions:
        reach = reach_of(program, function, before)
        parts.append(_Part(_report(program, function, names.get(function.selector), reach), reach))
    return parts


def _report(program: Program, function: Function, named: Named | None, reach: Reach) -> FunctionReport:
    if named is not None:
        return FunctionReport(function.selector, named.signature, named.writes, False, reach.followed)
    writes = any(each.name in WRITES for each in _instructions(program, reach))
    name = f"0x{function.selector.hex()}({function.arguments})"
    return FunctionReport(function.selector, name, writes, True, reach.followed)


def _instructions(program: Program, reach: Reach) -> Iterator[Instruction]:
    for number in sorted(reach.blocks):
        yield from program.blocks[number].instructions


def _keys(program: Program, part: _Part, origins: Mapping[tuple[bytes, int], frozenset[Value]]) -> Iterator[_Key]:
    found = set()
    for each in _instructions(program, part.reach):
        if each.name not in ANSWERS:
            continue
        if each.name not in ACCOUNT_AT:
            found.add(_Key(each.name, None, None))
            continue
        for value in origins.get((part.report.selector, each.offset), {UNKNOWN}):
            if each.name not in CALLS or value not in EVERYWHERE:
                found.add(_Key(each.name, *_origin(value)))
    called = {(key.origin, key.address) for key in found if key.opcode in CALLS}
    for key in found:
        # Compilers ask whether there is code before each call: that says nothing that the call does not.
        if key.opcode != "EXTCODESIZE" or (key.origin, key.address) not in called:
            yield key


def _origin(value: Value) -> tuple[str, str | None]:
    if isinstance(value, str):
        return value, None
    number = value % _ADDRESSES
    return "precompile" if number in PRECOMPILES else "code", to_checksum_address(f"0x{number:040x}")


def _finding(key: _Key, functions: set[FunctionReport]) -> Finding:
    in_order = sorted(functions, key=lambda one: (one.selector == b"", one.name))
    return Finding(
        opcode=key.opcode,
        gets=_gets(key),
        origin=key.origin,
        address=key.address,
        views=tuple(one.name for one in in_order if not one.writes),
        writers=tuple(one.name for one in in_order if one.writes),
        certain=True,
    )


def _gets(key: _Key) -> str:
    if key.opcode in CALLS and key.origin == "precompile":
        return _PRECOMPILE_GETS
    if key.opcode in CALLS and key.origin == ITSELF:
        return _ITSELF_GETS
    return ANSWERS[key.opcode]


def _perhaps(program: Program, found: Mapping[_Key, object]) -> Iterator[Finding]:
    """Yield what stands in code that no known jump leads to, and no function was found for."""
    known = {key.opcode for key in found}
    for name in sorted({each.name for each in program.unreached} & ANSWERS.keys() - known):
        origin = UNKNOWN if name in ACCOUNT_AT else None
        yield Finding(name, ANSWERS[name], origin, None, (), (), certain=False)


def _opcodes(program: Program, parts: list[_Part]) -> tuple[str, ...]:
    used = {each.name for block in program.blocks.values() for each in block.instructions}
    if not all(part.reach.followed for part in parts):
        used |= {each.name for each in program.unreached}
    return tuple(sorted(used - {"?"}))
