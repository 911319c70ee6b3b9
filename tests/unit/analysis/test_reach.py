from __future__ import annotations

import json
from pathlib import Path

import pytest

from smartsync.analysis import origins
from smartsync.analysis.program import Block, Function, Instruction, Jump, Program, read_program
from smartsync.analysis.reach import prelude, reach_of
from smartsync.keccak import keccak256
from tests.unit.analysis.conftest import Compiled
from tests.unit.analysis.test_program import TABLED

ROOT = Path(__file__).parents[3]


def visited(program: Program, monkeypatch: pytest.MonkeyPatch) -> dict[bytes, set[int]]:
    """Return the blocks that executing stacks comes to, by function: another way to what `reach` finds."""
    seen: dict[bytes, set[int]] = {}
    current = b""
    execute = origins._execute
    run = origins._Search.run

    def noted(block: Block, stack: list[origins.Value]) -> tuple[list[origins.Value], list[tuple[int, origins.Value]]]:
        seen.setdefault(current, set()).add(block.id)
        return execute(block, stack)

    def named(self: origins._Search, selector: bytes, starts: object) -> None:
        nonlocal current
        current = selector
        run(self, selector, starts)  # type: ignore[arg-type]

    monkeypatch.setattr(origins, "_execute", noted)
    monkeypatch.setattr(origins._Search, "run", named)
    origins.account_origins(program)
    return seen


def test_reach_of_is_what_executing_comes_to(asking: Compiled, monkeypatch: pytest.MonkeyPatch) -> None:
    both_agree(asking.code, monkeypatch)


def test_reach_of_pool_and_registry_is_what_executing_comes_to(
    pool: Compiled, registry: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_agree(pool.code, monkeypatch)
    both_agree(registry.code, monkeypatch)


@pytest.mark.parametrize("name", ["Hub", "QuorumAnchor", "VetoAnchor", "QbftAnchor"])
def test_reach_of_our_own_contracts_is_what_executing_comes_to(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = ROOT / "out" / f"{name}.sol" / f"{name}.json"
    if not file.is_file():
        pytest.skip("forge has not compiled the contracts: `make build`")
    both_agree(bytes.fromhex(json.loads(file.read_text())["deployedBytecode"]["object"][2:]), monkeypatch)


def both_agree(code: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    program = read_program(code)
    by_execution = visited(program, monkeypatch)
    assert by_execution[b""] <= prelude(program).blocks
    for function in program.functions:
        reach = reach_of(program, function)
        assert reach.followed
        assert by_execution[function.selector] == reach.blocks, function.selector.hex()


def block(number: int, *leads_to: int, jumps: tuple[Jump, ...] = (), dynamic: bool = False) -> Block:
    return Block(number, number, (Instruction(number, "JUMPDEST"),), leads_to, jumps, dynamic or bool(jumps))


def program(*blocks: Block, entries: tuple[int, ...] = (1,)) -> Program:
    functions = tuple(Function(bytes(3) + bytes([entry]), (entry,), "") for entry in entries)
    return Program(100, 0, {one.id: one for one in blocks}, (0,), functions, ())


def test_reach_of_return_goes_to_own_callers_only() -> None:
    # 1 and 2 call the subroutine 5, which returns to 3 or 4.
    returns = block(5, jumps=(Jump(pusher=1, to=3), Jump(pusher=2, to=4)))
    made = program(block(0, 1, 2), block(1, 5), block(2, 5), block(3), block(4), returns, entries=(1, 2))
    assert reach_of(made, made.functions[0]).blocks == {1, 5, 3}
    assert reach_of(made, made.functions[1]).blocks == {2, 5, 4}
    assert prelude(made).blocks == {0}


def test_reach_of_caller_found_after_its_subroutine_returns_to_it_all_the_same() -> None:
    returns = block(5, jumps=(Jump(pusher=2, to=4), Jump(pusher=1, to=2)))
    made = program(block(0, 1), block(1, 5), block(2, 5), block(4), returns)
    assert reach_of(made, made.functions[0]).blocks == {1, 5, 2, 4}


@pytest.mark.parametrize("jumps", [(), (Jump(pusher=1, to=None),), (Jump(pusher=7, to=3),)])
def test_reach_of_jump_to_nobody_knows_where_is_not_followed(jumps: tuple[Jump, ...]) -> None:
    made = program(block(0, 1), Block(1, 1, (Instruction(1, "JUMP"),), (), jumps, dynamic=True))
    assert not reach_of(made, made.functions[0]).followed


def test_reach_of_function_without_an_entry_is_not_followed() -> None:
    made = program(block(0))
    assert not reach_of(made, Function(b"abcd", (), "")).followed


def test_reach_of_functions_behind_a_table() -> None:
    made = read_program(TABLED)
    names = {keccak256(f"{letter}()".encode())[:4]: letter for letter in "fgabcdehij"}
    found = {}
    for function in made.functions:
        reach = reach_of(made, function)
        assert reach.followed
        found[names[function.selector]] = {
            each.name for number in reach.blocks for each in made.blocks[number].instructions
        } & {"TIMESTAMP", "NUMBER", "SLOAD", "SSTORE"}
    nothing: set[str] = set()
    assert found == dict.fromkeys("bcdehi", nothing) | {
        "f": {"TIMESTAMP"},
        "g": {"NUMBER"},
        "a": {"SLOAD"},
        "j": {"NUMBER", "SSTORE"},
    }
