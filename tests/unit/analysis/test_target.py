from __future__ import annotations

from typing import Any

import pytest

from smartsync.analysis.opcodes import ANSWERS, PROBES
from smartsync.analysis.origins import _POPS_PUSHES, ACCOUNT_AT
from smartsync.analysis.program import read_program
from smartsync.analysis.target import cannot_run, codes_at, gas_price_wei, lacking_opcodes
from smartsync.errors import RpcError
from tests.unit.conftest import ADDRESS


def running(*unknown: str) -> Any:
    """Return an eth_call of a chain that lacks some opcodes."""

    def call(message: dict[str, str], block: str) -> str:
        program = read_program(bytes.fromhex(message["data"][2:]))
        used = {each.name for one in program.blocks.values() for each in one.instructions}
        if lacking := used & set(unknown):
            raise RpcError("eth_call", -32000, f"invalid opcode: {lacking}")
        return "0x"

    return call


@pytest.mark.parametrize("opcode", PROBES)
async def test_lacking_opcodes_each_probe_runs_its_opcode(fake: Any, opcode: str) -> None:
    node = fake({})
    node.override["eth_call"] = running(opcode)
    assert await lacking_opcodes(node.chain, PROBES) == (opcode,)
    node.override["eth_call"] = running()
    assert await lacking_opcodes(node.chain, PROBES) == ()


async def test_lacking_opcodes_only_what_is_used_is_tried(fake: Any) -> None:
    node = fake({})
    node.override["eth_call"] = running("CLZ")
    assert await lacking_opcodes(node.chain, ["PUSH0", "ADD"]) == ()
    assert len(node.calls) == 2, "STOP, to know that anything runs, and PUSH0"


async def test_lacking_opcodes_of_a_node_that_runs_nothing_is_unknown(fake: Any) -> None:
    def refuses(*_: object) -> None:
        raise RpcError("eth_call", -32005, "rate limit exceeded")

    node = fake({})
    node.override["eth_call"] = refuses
    assert await lacking_opcodes(node.chain, ["PUSH0"]) is None


async def test_lacking_opcodes_of_a_node_that_has_had_enough_is_unknown(fake: Any) -> None:
    node = fake({})
    answered = iter(["0x"])

    def once(*_: object) -> str:
        try:
            return next(answered)
        except StopIteration:
            raise RpcError("eth_call", -32005, "rate limit exceeded") from None

    node.override["eth_call"] = once
    assert await lacking_opcodes(node.chain, ["PUSH0"]) is None


@pytest.mark.parametrize("opcode", ["MCOPY", "TLOAD", "PUSH0"])
async def test_cannot_run_chain_before_cancun(fake: Any, opcode: str) -> None:
    node = fake({})
    node.override["eth_call"] = running(opcode)
    assert opcode in await cannot_run(node.chain)
    node.override["eth_call"] = running()
    assert await cannot_run(node.chain) == ""


async def test_codes_at_tells_what_is_there_what_is_not_and_what_is_not_told(fake: Any) -> None:
    node = fake({})
    assert await codes_at(node.chain, [ADDRESS, "0x" + "22" * 20, ADDRESS]) == {ADDRESS: True, "0x" + "22" * 20: False}

    def refuses(*_: object) -> None:
        raise RpcError("eth_getCode", -32000, "no")

    node.override["eth_getCode"] = refuses
    assert await codes_at(node.chain, [ADDRESS]) == {ADDRESS: None}
    assert len(await codes_at(node.chain, [f"0x{number:040x}" for number in range(100)])) == 32


async def test_gas_price_wei_is_base_fee_and_priority_fee(fake: Any) -> None:
    node = fake({})
    node.override["eth_feeHistory"] = lambda *_: {"baseFeePerGas": ["0x5", "0x64"], "reward": []}
    node.override["eth_maxPriorityFeePerGas"] = lambda: "0x7"
    assert await gas_price_wei(node.chain) == 107


def test_opcodes_that_answer_otherwise_have_their_stack_effect() -> None:
    assert ANSWERS.keys() <= _POPS_PUSHES.keys() | {"ADDRESS"}
    assert ACCOUNT_AT.keys() <= ANSWERS.keys()
