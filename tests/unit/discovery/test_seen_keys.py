from __future__ import annotations

from typing import Any

import pytest

import smartsync.layout.pool as pools
from smartsync.discovery import seen_keys
from smartsync.discovery.seen_keys import texts_of, words_of
from smartsync.errors import MethodMissing, NodeUnreachable, RpcError
from smartsync.layout import Pool
from smartsync.layout.shapes import Key

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
SENDER, OTHER = "0x" + "77" * 20, "0x" + "88" * 20
TX = "0x" + "01" * 32
WORD = bytes.fromhex("ab" * 32)


def padded(address: str) -> bytes:
    return bytes(12) + bytes.fromhex(address[2:])


def transaction(**other: Any) -> dict[str, Any]:
    return {"hash": TX, "from": SENDER, "to": ADDRESS, "input": f"0x12345678{WORD.hex()}", "blockNumber": "0x3"} | other


def log(**other: Any) -> dict[str, Any]:
    told = {"address": ADDRESS, "topics": ["0x" + "ee" * 32, f"0x{padded(OTHER).hex()}"], "data": "0x"}
    return told | {"blockNumber": "0x3", "transactionHash": TX} | other


def receipt(*logs: dict[str, Any]) -> dict[str, Any]:
    return {"transactionHash": TX, "blockNumber": "0x3", "blockHash": TX, "status": "0x1", "gasUsed": "0x1"} | {
        "logs": list(logs)
    }


@pytest.fixture
def node(fake: Any) -> Any:
    made = fake({0: 1})
    made.override["eth_getLogs"] = lambda *_: [log()]
    made.override["eth_getTransactionByHash"] = lambda *_: transaction()
    made.override["eth_getTransactionReceipt"] = lambda *_: receipt(log(), log(address=OTHER))
    return made


async def collected(node: Any, from_block: int | None = None) -> tuple[Pool, list[str]]:
    pool, told = Pool(), list[str]()
    await seen_keys.collect(node.chain, ADDRESS, from_block, 9, pool, told.append)
    return pool, told


async def test_collect_takes_logs_calls_senders_and_emitters(node: Any) -> None:
    pool, told = await collected(node)
    assert told == []
    addresses = set(pool.keys(Key("address", 20)))
    assert {padded(ADDRESS), padded(SENDER), padded(OTHER)} <= addresses
    assert WORD in pool.keys(Key("bytes", 32))
    # The signature of an event is no key.
    assert b"\xee" * 32 not in pool.keys(Key("bytes", 32))
    assert padded(OTHER) in pool.companions([padded(SENDER)], Key("address", 20))


async def test_collect_calls_without_a_log_are_found_in_the_blocks(node: Any) -> None:
    node.override["eth_getLogs"] = lambda *_: []
    plain = node._eth_getBlockByNumber

    def block(number: str, full: bool) -> dict[str, Any]:
        calls = [transaction(), transaction(to=OTHER, hash="0x" + "02" * 32), transaction(to=None)]
        return plain(number, full) | {"transactions": calls if number == "0x9" else []}

    node.override["eth_getBlockByNumber"] = block
    node.override["eth_getTransactionReceipt"] = lambda *_: receipt()
    pool, told = await collected(node, 5)
    assert told == [] and WORD in pool.keys(Key("bytes", 32))


async def test_collect_more_than_there_is_room_for_keeps_what_the_latest_blocks_have(
    node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "MAX_WORDS", 6)
    words = {number: bytes.fromhex(f"{number:02x}" * 32) for number in (3, 5, 8)}
    hashes = {number: f"0x{number:064x}" for number in words}
    node.override["eth_getLogs"] = lambda *_: [
        log(
            topics=["0x" + "ee" * 32, f"0x{words[number].hex()}"],
            transactionHash=hashes[number],
            blockNumber=hex(number),
        )
        for number in (3, 8)
    ]
    called = transaction(hash=hashes[5], blockNumber="0x5", input=f"0x12345678{words[5].hex()}")
    node.override["eth_getTransactionByHash"] = lambda tx_hash: called if tx_hash == hashes[3] else None
    node.override["eth_getTransactionReceipt"] = lambda *_: None
    for room, kept in ((6, {3, 5, 8}), (4, {5, 8}), (2, {8})):
        monkeypatch.setattr(pools, "MAX_WORDS", room)
        pool, told = await collected(node)
        held = set(pool.keys(Key("bytes", 32)))
        assert {number for number, word in words.items() if word in held} == kept
        assert any("that were seen last are" in one for one in told) is (room < 6)


@pytest.mark.parametrize(
    ("method", "what"),
    [
        ("eth_getLogs", "logs"),
        ("eth_getTransactionByHash", "transactions"),
        ("eth_getTransactionReceipt", "receipts"),
        ("eth_getBlockByNumber", "blocks"),
    ],
)
@pytest.mark.parametrize("kind", [MethodMissing, RpcError])
async def test_collect_what_the_node_refuses_is_a_gap(node: Any, method: str, what: str, kind: type[RpcError]) -> None:
    def refuse(*_: object) -> None:
        raise kind(method, -32000, "not today")

    node.override[method] = refuse
    _, told = await collected(node)
    assert f"{what} were not looked at: {method}: not today (JSON-RPC error -32000)" in told


@pytest.mark.parametrize("answer", [5, [5], [{}], None])
@pytest.mark.parametrize("method", ["eth_getLogs", "eth_getTransactionReceipt", "eth_getBlockByNumber"])
async def test_collect_malformed_answers_are_gaps(node: Any, method: str, answer: object) -> None:
    node.override[method] = lambda *_: answer
    if method == "eth_getTransactionReceipt" and answer is None:
        assert (await collected(node))[1] == []
        return
    _, told = await collected(node)
    assert any("were not looked at" in one for one in told)


async def test_collect_node_that_is_away_is_an_error(node: Any) -> None:
    def away(*_: object) -> None:
        raise NodeUnreachable("no answer")

    node.override["eth_getLogs"] = away
    with pytest.raises(NodeUnreachable):
        await collected(node)


async def test_collect_logs_are_read_back_from_the_newest_and_no_further_than_is_looked_at(
    node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen_keys, "MAX_LOGS", 3)
    asked: list[int] = []

    def logs(query: dict[str, Any]) -> list[dict[str, Any]]:
        first, last = (int(query[name], 16) for name in ("fromBlock", "toBlock"))
        if last > first:
            raise RpcError("eth_getLogs", -32000, "block range is too large, max is 1 block")
        asked.append(last)
        return [log(blockNumber=hex(last))]

    node.override["eth_getLogs"] = logs
    told: list[str] = []
    found = await seen_keys._newest_logs(node.chain, ADDRESS, 0, 1_000, told.append)
    assert [one.block_number for one in found] == [998, 999, 1_000]
    assert told == ["of the contract's logs only the newest were looked at: 3, of 3 queries"]
    assert min(asked) > 980, "older ones are not asked for"


async def test_collect_logs_of_a_chain_too_long_for_the_node_are_cut(
    node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen_keys, "MAX_WINDOWS", 5)
    asked: list[str] = []

    def logs(query: dict[str, Any]) -> list[dict[str, Any]]:
        asked.append(query["toBlock"])
        if query["fromBlock"] != query["toBlock"]:
            raise RpcError("eth_getLogs", -32000, "block range is too large, max is 1 block")
        return []

    node.override["eth_getLogs"] = logs
    told: list[str] = []
    assert await seen_keys._newest_logs(node.chain, ADDRESS, 0, 1_000, told.append) == []
    assert told == ["of the contract's logs only the newest were looked at: 0, of 5 queries"]
    assert len(asked) < 30


async def test_collect_more_logs_than_are_looked_at_in_one_answer_are_cut(
    node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen_keys, "MAX_LOGS", 3)
    node.override["eth_getLogs"] = lambda *_: [log(blockNumber=hex(number)) for number in range(1, 6)]
    told: list[str] = []
    found = await seen_keys._newest_logs(node.chain, ADDRESS, 0, 9, told.append)
    assert [one.block_number for one in found] == [3, 4, 5] and len(told) == 1


async def test_collect_older_blocks_than_are_searched_are_told(node: Any) -> None:
    node.newest = 1_000
    told: list[str] = []
    await seen_keys.collect(node.chain, ADDRESS, None, 1_000, Pool(), told.append)
    assert told == [f"calls without a log are not seen before block {1_001 - seen_keys.MAX_BLOCKS}"]


def test_words_of_partial_words_are_left_out() -> None:
    assert words_of(WORD + b"\x01") == [WORD] and words_of(b"") == []


def test_texts_of_abi_encoded_text_is_found() -> None:
    encoded = (32).to_bytes(32, "big") + (5).to_bytes(32, "big") + b"alice" + bytes(27)
    assert b"alice" in texts_of(encoded)


@pytest.mark.parametrize("length", [0, 33, 64, 2**40, 2**256 - 1])
def test_texts_of_lengths_that_do_not_fit_are_none(length: int) -> None:
    assert texts_of(length.to_bytes(32, "big") + b"alice" + bytes(27)) == []


def test_texts_of_bytes_behind_a_text_that_are_not_zero_are_none() -> None:
    assert texts_of((5).to_bytes(32, "big") + b"alice" + b"x" * 27) == []
