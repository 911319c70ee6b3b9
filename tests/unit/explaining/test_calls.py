from __future__ import annotations

import pytest
from eth_utils.address import to_checksum_address

from smartsync.answers import Log
from smartsync.contracts import address_topic, encode_call, event_topic
from smartsync.errors import InvalidWitness
from smartsync.explaining.calls import hub_call, hub_events, traced_calls
from tests.unit.explaining.sample import HUB, REPLICA, SOURCE

HUB_ADDRESS = to_checksum_address(HUB)
SYNC = encode_call("Hub", "sync", [REPLICA, b"\x01" * 32, b"proof", bytes.fromhex("c2080107")])


def frame(data: bytes = SYNC, to: str = HUB, kind: str = "CALL", **more: object) -> dict[str, object]:
    return {"type": kind, "to": to, "input": f"0x{data.hex()}", **more}


def test_hub_call_reads_function_and_arguments() -> None:
    call = hub_call(HUB, SYNC)
    assert call is not None
    assert (call.function, call.replica, call.block_hash) == ("sync", to_checksum_address(REPLICA), b"\x01" * 32)
    assert call.writes == {(8).to_bytes(32, "big"): 7} and call.items == bytes.fromhex("c2080107")


@pytest.mark.parametrize("data", [b"", b"\x12\x34", b"\x00" * 100, SYNC[:4], SYNC[:40], SYNC[:100]])
def test_hub_call_of_other_calldata_is_none(data: bytes) -> None:
    assert hub_call(HUB, data) is None


def test_hub_call_that_proves_or_is_malformed_writes_nothing() -> None:
    prepare = hub_call(
        HUB, encode_call("Hub", "prepare", [REPLICA, b"\x01" * 32, b"", b"\0" * 32, b"\xc2\x08\x01\x07"])
    )
    broken = hub_call(HUB, encode_call("Hub", "sync", [REPLICA, b"\x01" * 32, b"", b"\xff"]))
    assert prepare is not None and prepare.writes == {} and len(prepare.slots) == 1
    assert broken is not None and broken.writes == {}
    with pytest.raises(InvalidWitness):
        _ = broken.slots


def test_traced_calls_finds_what_stands_in_order() -> None:
    other = encode_call("Hub", "sync", [REPLICA, b"\x02" * 32, b"", b""])
    trace = frame(b"", SOURCE, calls=[frame(), frame(b"", SOURCE, calls=[frame(other)])])
    assert [call.block_hash for call in traced_calls(trace, {HUB_ADDRESS})] == [b"\x01" * 32, b"\x02" * 32]


@pytest.mark.parametrize(
    "inner",
    [
        frame(error="execution reverted"),
        frame(b"", SOURCE, error="out of gas", calls=[frame()]),
        frame(kind="DELEGATECALL"),
        frame(kind="STATICCALL"),
        frame(to=SOURCE),
        frame(encode_call("Hub", "record", [REPLICA])),
        frame() | {"input": "0xzz"},
        frame() | {"input": None},
        frame() | {"to": 7},
        "nonsense",
        None,
    ],
)
def test_traced_calls_passes_over_what_did_not_move_a_replica(inner: object) -> None:
    assert traced_calls(frame(b"", SOURCE, calls=[inner]), {HUB_ADDRESS}) == []


@pytest.mark.parametrize("trace", [None, [], "x", {"structLogs": []}, {"calls": "x"}])
def test_traced_calls_of_no_trace_is_nothing(trace: object) -> None:
    assert traced_calls(trace, {HUB_ADDRESS}) == []


def test_traced_calls_of_a_deep_trace_does_not_recurse() -> None:
    trace = frame()
    for _ in range(5_000):
        trace = frame(b"", SOURCE, calls=[trace])
    assert len(traced_calls(trace, {HUB_ADDRESS})) == 1


def test_hub_events_passes_over_others_and_knows_its_call() -> None:
    synced = Log(
        HUB_ADDRESS,
        (event_topic("Hub", "ReplicaSynced"), address_topic(REPLICA), b"\x01" * 32),
        (5).to_bytes(32, "big") + b"\x09" * 32,
        1,
        b"\0" * 32,
    )
    other = Log(HUB_ADDRESS, (b"\x01" * 32,), b"", 1, b"\0" * 32)
    short = Log(HUB_ADDRESS, synced.topics[:2], b"", 1, b"\0" * 32)
    nameless = Log(HUB_ADDRESS, (), b"", 1, b"\0" * 32)
    (event,) = hub_events([other, short, nameless, synced])
    assert (event.name, event.root) == ("ReplicaSynced", b"\x09" * 32)
    call = hub_call(HUB_ADDRESS, SYNC)
    elsewhere = hub_call(HUB_ADDRESS, encode_call("Hub", "sync", [SOURCE, b"\x01" * 32, b"", b""]))
    assert call is not None and event.is_of(call)
    assert elsewhere is not None and not event.is_of(elsewhere)
