from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_utils import keccak

from smartsync import contracts
from smartsync.answers import Log
from smartsync.contracts import (
    address_topic,
    artifact,
    decode_call,
    decode_logs,
    decode_result,
    decode_revert,
    encode_call,
    encode_deployment,
    event_topic,
)
from smartsync.errors import ConfigError, NotDeployed

ACCOUNT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
OTHER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
HASH = b"\x11" * 32
KEY = (1, ACCOUNT, OTHER, OTHER, HASH, bytes(32))
KEY_TYPE = "(uint256,address,address,address,bytes32,bytes32)"
RECORD_TYPE = f"(bytes32,bytes32,bytes32,uint8,uint64,{KEY_TYPE})"


def selector(signature: str) -> bytes:
    return keccak(text=signature)[:4]


def test_hub_fits_and_leaves_memory_alone() -> None:
    shipped = json.loads((Path(contracts.__file__).parent / "artifacts" / "Hub.json").read_text("utf-8"))
    runtime = bytes.fromhex(shipped["deployedBytecode"][2:])
    left = 24_576 - len(runtime)
    assert left >= 0, f"EIP-170: {-left} bytes too many"
    # Free memory starts at 0x80, where the engine's begins; the IR pipeline would reserve some for itself.
    assert runtime.hex().startswith("6080604052"), f"memory is reserved ({left} bytes left)"


@pytest.mark.parametrize("name", ["Hub", "Replica", "QuorumAnchor"])
def test_artifact_shipped_contract_is_loaded(name: str) -> None:
    loaded = artifact(name)
    assert loaded.name == name
    assert len(loaded.bytecode) > 100
    assert artifact(name) is loaded


@pytest.mark.parametrize(
    "content", [None, "", "[]", "{}", '{"abi": [], "bytecode": 7}', '{"abi": [], "bytecode": "0x__$ab$__"}']
)
def test_artifact_missing_or_damaged_says_so(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contracts, "files", lambda package: tmp_path)
    (tmp_path / "artifacts").mkdir()
    if content is not None:
        (tmp_path / "artifacts" / "Broken.json").write_text(content)
    with pytest.raises(ConfigError, match="compiled contract Broken is missing"):
        artifact("Broken")


def test_encode_call_function_of_an_artifact_is_encoded() -> None:
    data = encode_call("Hub", "fill", [ACCOUNT, HASH, b"abc"])
    assert data[:4] == selector("fill(address,bytes32,bytes)")
    assert data[4:] == encode(["address", "bytes32", "bytes"], [ACCOUNT, HASH, b"abc"])


def test_encode_call_struct_is_taken_as_tuple_or_mapping() -> None:
    names = ("sourceChainId", "source", "anchor", "creator", "codeHash", "logicHash")
    assert encode_call("Hub", "replicaOf", [KEY]) == encode_call(
        "Hub", "replicaOf", [dict(zip(names, KEY, strict=True))]
    )
    assert encode_call("Hub", "replicaOf", [KEY]) == selector(f"replicaOf({KEY_TYPE})") + encode([KEY_TYPE], [KEY])


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("noSuch", []),
        ("fill", []),
        ("fill", [ACCOUNT, HASH, b"", 1]),
        ("fill", ["0x12", HASH, b""]),
        ("fill", [ACCOUNT, HASH + b"x", b""]),
        ("fill", [ACCOUNT, HASH, 7]),
        ("replicaOf", [(1, 2)]),
        ("replicaOf", [{"source": ACCOUNT}]),
        ("replicaOf", [7]),
    ],
)
def test_encode_call_that_does_not_fit_is_a_config_error(function: str, args: list[object]) -> None:
    with pytest.raises(ConfigError):
        encode_call("Hub", function, args)


def test_address_topic_is_the_address_at_the_end_of_a_word() -> None:
    assert address_topic(ACCOUNT) == encode(["address"], [ACCOUNT])


def test_encode_call_overload_is_chosen_by_arguments() -> None:
    abi = [
        {"type": "function", "name": "f", "inputs": [{"name": "a", "type": "uint8"}], "outputs": []},
        {"type": "function", "name": "f", "inputs": [], "outputs": []},
    ]
    assert encode_call(abi, "f") == selector("f()")
    assert encode_call(abi, "f", [1])[:4] == selector("f(uint8)")


def test_encode_deployment_code_and_arguments_follow_one_another() -> None:
    types = ["uint256", "bytes32", "address[]", "uint256", "uint64", "uint64", "address"]
    values = [1, HASH, [ACCOUNT], 1, 900, 60, ACCOUNT]
    assert encode_deployment("QuorumAnchor", values) == artifact("QuorumAnchor").bytecode + encode(types, values)
    assert encode_deployment("Hub") == artifact("Hub").bytecode
    with pytest.raises(ConfigError, match="constructor takes 7"):
        encode_deployment("QuorumAnchor")
    with pytest.raises(ConfigError, match="nothing to deploy"):
        encode_deployment("IAnchor")
    with pytest.raises(ConfigError, match="constructor takes 0"):
        encode_deployment("Hub", [1])


def test_decode_result_struct_is_a_tuple_with_checksummed_addresses() -> None:
    plain = (HASH, HASH, HASH, 1, 5)
    record = (*plain, tuple(v.lower() if isinstance(v, str) else v for v in KEY))
    assert decode_result("Hub", "record", encode([RECORD_TYPE], [record])) == ((*plain, KEY),)
    assert decode_result("Hub", "logicOf", encode(["address"], [ACCOUNT.lower()])) == (ACCOUNT,)
    assert decode_result("QuorumAnchor", "signers", encode(["address[]"], [[ACCOUNT, OTHER]])) == ((ACCOUNT, OTHER),)


@pytest.mark.parametrize("result", [b"", b"\x01", b"\xff" * 32, bytes(31)])
def test_decode_result_of_another_contract_is_not_deployed(result: bytes) -> None:
    with pytest.raises(NotDeployed, match="no Hub at this address"):
        decode_result("Hub", "logicOf", result)


def test_decode_call_gives_back_what_was_encoded() -> None:
    call = decode_call("Hub", encode_call("Hub", "fill", [ACCOUNT, HASH, b"abc"]))
    assert call is not None
    assert (call.name, dict(call.arguments)) == ("fill", {"replica": ACCOUNT, "expectedRoot": HASH, "witness": b"abc"})


@pytest.mark.parametrize("data", [b"", b"abc", b"\xff" * 40, encode_call("Hub", "fill", [ACCOUNT, HASH, b"abc"])[:-32]])
def test_decode_call_other_data_is_none(data: bytes) -> None:
    assert decode_call("Hub", data) is None


@pytest.mark.parametrize(
    ("data", "name", "text"),
    [
        (b"", "", "no reason given"),
        (selector("Error(string)") + encode(["string"], ["abc"]), "Error", "abc"),
        (
            selector("Panic(uint256)") + encode(["uint256"], [0x11]),
            "Panic",
            "panic 0x11: arithmetic overflow or underflow",
        ),
        (selector("Panic(uint256)") + encode(["uint256"], [0x99]), "Panic", "panic 0x99: unknown panic"),
        (selector("NotActive()"), "NotActive", "NotActive()"),
        (
            selector("OldRootMismatch(bytes32,bytes32)") + HASH + bytes(32),
            "OldRootMismatch",
            f"OldRootMismatch(expected=0x{HASH.hex()}, computed=0x{'00' * 32})",
        ),
        (
            selector("UnknownReplica(address)") + encode(["address"], [ACCOUNT]),
            "UnknownReplica",
            f"UnknownReplica(replica={ACCOUNT})",
        ),
        (
            selector("BlockNotAccepted(bytes32,uint8)") + HASH + encode(["uint8"], [4]),
            "BlockNotAccepted",
            f"BlockNotAccepted(blockHash=0x{HASH.hex()}, level=revoked)",
        ),
        (selector("NoOpWrite(bytes32)") + HASH, "NoOpWrite", f"NoOpWrite(slot=0x{HASH.hex()})"),
    ],
)
def test_decode_revert_known_error_is_told(data: bytes, name: str, text: str) -> None:
    assert decode_revert(data) == (name, text)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\x01", ""),
        (b"\xde\xad\xbe\xef", ""),
        (b"\xde\xad\xbe\xef" + bytes(10_000), ""),
        (selector("Error(string)"), "Error"),
        (selector("Error(string)") + b"\xff" * 64, "Error"),
        (selector("Error(string)") + encode(["bytes"], [b"\xff\xfe"]), "Error"),
        (selector("Panic(uint256)"), "Panic"),
        (selector("OldRootMismatch(bytes32,bytes32)") + b"\x01", "OldRootMismatch"),
        (selector("UnknownReplica(address)") + b"\xff" * 32, "UnknownReplica"),
        (selector("BlockNotAccepted(bytes32,uint8)") + HASH + encode(["uint8"], [200]), "BlockNotAccepted"),
    ],
)
def test_decode_revert_garbage_is_told_without_raising(data: bytes, name: str) -> None:
    told, text = decode_revert(data)
    assert told == name
    assert text
    assert len(text) < 300


def test_decode_revert_without_artifacts_still_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts, "files", lambda package: tmp_path)
    contracts._errors.cache_clear()
    try:
        assert decode_revert(selector("NotActive()"))[1].startswith("unknown error 0x")
    finally:
        contracts._errors.cache_clear()


def event(**changes: object) -> Log:
    log = {
        "address": OTHER,
        "topics": (event_topic("Hub", "ReplicaFilled"), bytes(12) + bytes.fromhex(ACCOUNT[2:])),
        "data": HASH + bytes(32),
        "block_number": 1,
        "tx_hash": HASH,
    }
    return Log(**{**log, **changes})


def test_event_topic_is_the_hash_of_the_signature() -> None:
    assert event_topic("Hub", "ReplicaFilled") == keccak(text="ReplicaFilled(address,bytes32,bytes32)")
    assert event_topic("Hub", "ReplicaCreated") == keccak(
        text=f"ReplicaCreated(address,uint256,address,{KEY_TYPE},uint64)"
    )
    with pytest.raises(ConfigError, match="no event Nothing"):
        event_topic("Hub", "Nothing")


def test_decode_logs_event_is_decoded() -> None:
    found = decode_logs("Hub", [event()], "ReplicaFilled")
    assert found == [{"replica": ACCOUNT, "oldRoot": HASH, "newRoot": bytes(32)}]


@pytest.mark.parametrize(
    "changes",
    [
        {"topics": ()},
        {"topics": (HASH, HASH)},
        {"topics": (event_topic("Hub", "ReplicaFilled"),)},
        {"topics": (event_topic("Hub", "ReplicaFilled"), b"\xff" * 32)},
        {"data": b""},
        {"data": HASH},
    ],
)
def test_decode_logs_other_log_is_passed_over(changes: dict[str, object]) -> None:
    assert decode_logs("Hub", [event(**changes)], "ReplicaFilled") == []


def test_decode_logs_of_another_emitter_is_passed_over() -> None:
    assert len(decode_logs("Hub", [event(), event(address=ACCOUNT)], "ReplicaFilled", emitter=OTHER)) == 1


def test_decode_logs_indexed_string_is_its_hash() -> None:
    abi = json.loads('[{"type":"event","name":"E","inputs":[{"name":"s","type":"string","indexed":true}]}]')
    assert decode_logs(abi, [event(topics=(keccak(text="E(string)"), HASH), data=b"")], "E") == [{"s": HASH}]
