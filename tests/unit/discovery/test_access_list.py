from __future__ import annotations

from typing import Any

import pytest

from smartsync.discovery import access_list
from smartsync.errors import MethodMissing, NodeError, RpcError
from tests.unit.discovery.test_seen_keys import ADDRESS, OTHER, SENDER, WORD, log, receipt, transaction


@pytest.fixture
def node(fake: Any) -> Any:
    made = fake({0: 1})
    made.override["eth_getLogs"] = lambda *_: [log()]
    made.override["eth_getTransactionByHash"] = lambda *_: transaction()
    made.override["eth_getTransactionReceipt"] = lambda *_: receipt()
    return made


def used(*keys: object) -> dict[str, Any]:
    return {"accessList": [{"address": ADDRESS, "storageKeys": list(keys)}], "gasUsed": "0x1"}


async def test_access_list_slots_of_this_contract_only(node: Any) -> None:
    entries = [*used("0x" + "05" * 32)["accessList"], {"address": OTHER, "storageKeys": ["0x" + "06" * 32]}]
    node.override["eth_createAccessList"] = lambda *_: {"accessList": entries}
    found = await access_list.candidates(node.chain, ADDRESS, None, 9)
    assert found.slots == {b"\x05" * 32}
    asked = [params[0] for method, params in node.calls if method == "eth_createAccessList"]
    assert {"from": SENDER, "to": ADDRESS, "data": f"0x12345678{WORD.hex()}", "gas": hex(access_list.GAS)} in asked


async def test_access_list_call_that_is_refused_hinders_nothing(node: Any) -> None:
    def refuse(*_: object) -> None:
        raise RpcError("eth_createAccessList", -32000, "insufficient funds")

    node.override["eth_createAccessList"] = refuse
    assert (await access_list.candidates(node.chain, ADDRESS, None, 9)).slots == set()


async def test_access_list_missing_method_is_told_before_anything_is_read(fake: Any) -> None:
    node = fake({})
    with pytest.raises(MethodMissing, match="eth_createAccessList"):
        await access_list.candidates(node.chain, ADDRESS, None, 9)
    assert [method for method, _ in node.calls] == ["eth_createAccessList"]


@pytest.mark.parametrize(
    "told", [5, {}, {"accessList": [5]}, {"accessList": [{"address": "0x"}]}, used("0x5"), used(5)]
)
async def test_access_list_malformed_answer_is_refused(node: Any, told: object) -> None:
    node.override["eth_createAccessList"] = lambda *_: told
    with pytest.raises(NodeError):
        await access_list.candidates(node.chain, ADDRESS, None, 9)
