from __future__ import annotations

import pytest

from smartsync.analysis.program import BY_TABLE, read_program
from smartsync.errors import ConfigError
from tests.unit.analysis.conftest import Compiled

# vyper 0.4.3, -f bytecode_runtime: `f(): block.timestamp`, `g(): block.number` and eight more, dispatched by a table.
TABLED = bytes.fromhex(
    "5f3560e01c6002600b820660011b61012601601e395f51565b6326121ff081186100325734610122574260405260206040f3"
    "5b630dbe671f811861011e5734610122575f5460405260206040f35b63e2179b8e8118610067573461012257436040526020"
    "6040f35b63c3da42b8811861011e573461012257600260405260206040f35b634df7e3d0811861009d573461012257600160"
    "405260206040f35b63ffae15ba811861011e573461012257600460405260206040f35b638a054ac281186100d35734610122"
    "57600360405260206040f35b63b582ec5f811861011e573461012257435f55005b63b8c9d365811861010357346101225760"
    "0560405260206040f35b63e5aa3d58811861011e573461012257600660405260206040f35b5f5ffd5b5f80fd011e011e011e"
    "0018011e011e011e00b8004d00e80082"
)


def test_read_program_functions_are_those_of_the_abi(asking: Compiled) -> None:
    program = read_program(asking.code)
    assert len(program.functions) == len([entry for entry in asking.abi if entry["type"] == "function"])
    assert all(function.entry for function in program.functions)


def test_read_program_blocks_hold_instructions_of_the_code_only(asking: Compiled) -> None:
    program = read_program(asking.code)
    code_end = program.size - program.metadata_bytes
    for block in program.blocks.values():
        assert block.instructions[0].offset == block.start
        for each in block.instructions:
            assert each.offset < code_end
            if each.name.startswith("PUSH"):
                size = int(each.name[4:])
                assert each.operand == int.from_bytes(asking.code[each.offset + 1 : each.offset + 1 + size], "big")


def test_read_program_of_nothing_has_nothing() -> None:
    program = read_program(b"")
    assert (program.size, program.blocks, program.functions, program.start) == (0, {}, (), ())


def test_read_program_without_the_library_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smartsync.analysis.program.evmole", None)
    with pytest.raises(ConfigError, match="evmole") as caught:
        read_program(b"\x00")
    assert "pip install evmole" in caught.value.hint


def test_read_program_embedded_creation_code_is_not_reached() -> None:
    # STOP, and behind it what creates another contract: NUMBER behind a JUMPDEST.
    program = read_program(bytes.fromhex("00" + "5b43"))
    assert [each.name for block in program.blocks.values() for each in block.instructions] == ["STOP"]
    assert [each.name for each in program.unreached] == ["JUMPDEST", "NUMBER"]


@pytest.mark.parametrize("code", [bytes.fromhex("62" + "00"), bytes.fromhex("7fff"), b"\x56", b"\x57"])
def test_read_program_code_that_ends_within_an_instruction(code: bytes) -> None:
    assert read_program(code).size == len(code)


def test_read_program_functions_behind_a_table_are_found() -> None:
    program = read_program(TABLED)
    assert len(program.functions) == 10
    assert all(min(function.entry) >= BY_TABLE for function in program.functions)
    assert [block.start for block in program.blocks.values() if block.id < BY_TABLE] == [0]
