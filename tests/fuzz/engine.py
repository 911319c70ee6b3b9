"""The Solidity engine, run for real: ``EngineHarness`` on a node, many witnesses in one ``eth_call``."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

from eth_abi import decode, encode

from smartsync.keccak import keccak256
from smartsync.testing import Node

ROOT = Path(__file__).parents[2]
SOURCE = "contracts/test/harness/EngineHarness.sol"
RUN = keccak256(b"run(bytes32[],bytes32[],bytes32[],bytes[])")[:4]
DEPLOYMENT_GAS = 10_000_000
GAS = 2**40
TIMEOUT_S = 120


@dataclass(frozen=True)
class Trial:
    """What one call does: storage from which each witness starts, and the slots whose digest is wanted after each."""

    stored: dict[bytes, int]
    watched: Sequence[bytes]
    witnesses: Sequence[bytes]


@dataclass(frozen=True)
class Outcome:
    """What the engine did with a witness: ``error`` is the name of its error, empty where it returned."""

    error: str
    old_root: bytes = b""
    new_root: bytes = b""
    digest: bytes = b""


class Engine:
    """The engine of this repository's sources on a running node (anvil: it lets a call have any gas)."""

    def __init__(self, node: Node) -> None:
        # Compiled here and now: an engine of yesterday proves nothing. Quick where nothing has changed.
        subprocess.run([ROOT / "tools" / "forge", "build", "--quiet", SOURCE], check=True)
        artifact = _artifact("EngineHarness")
        self._errors = _errors(_artifact("TransitionEngine")["abi"])
        self._url = node.url
        self._batch([("evm_setBlockGasLimit", [hex(GAS)])])
        sender = node.accounts[0].address
        creation = {"from": sender, "data": artifact["bytecode"]["object"], "gas": hex(DEPLOYMENT_GAS)}
        [tx_hash] = self._batch([("eth_sendTransaction", [creation])])
        node.wait_until(lambda: self._receipt(tx_hash) is not None, "the harness was deployed", timeout_s=20)
        self._address = self._receipt(tx_hash)["contractAddress"]

    def run(self, trials: Sequence[Trial]) -> list[list[Outcome]]:
        """Return the outcomes of each trial's witnesses. All trials go in one request."""
        calls = [("eth_call", [self._call(trial), "latest"]) for trial in trials]
        answers = self._batch(calls)
        return [
            [self._outcome(applied, data) for applied, data in decode(["(bool,bytes)[]"], bytes.fromhex(answer[2:]))[0]]
            for answer in answers
        ]

    def _receipt(self, tx_hash: str) -> dict | None:
        return self._batch([("eth_getTransactionReceipt", [tx_hash])])[0]

    def _call(self, trial: Trial) -> dict[str, str]:
        values = [number.to_bytes(32, "big") for number in trial.stored.values()]
        arguments = encode(
            ["bytes32[]", "bytes32[]", "bytes32[]", "bytes[]"],
            [list(trial.stored), values, list(trial.watched), list(trial.witnesses)],
        )
        return {"to": self._address, "gas": hex(GAS), "data": "0x" + (RUN + arguments).hex()}

    def _outcome(self, applied: bool, data: bytes) -> Outcome:
        if applied:
            return Outcome("", data[:32], data[32:64], data[64:])
        # A panic, or no reason at all, is no refusal but a fault of the engine.
        error = self._errors.get(data[:4])
        if error is None:
            raise AssertionError(f"the engine failed without a reason of its own: 0x{data.hex()}")
        return Outcome(error)

    def _batch(self, calls: Sequence[tuple[str, list[object]]]) -> list:
        body = [
            {"jsonrpc": "2.0", "id": i, "method": method, "params": params} for i, (method, params) in enumerate(calls)
        ]
        # S310 is about other schemes: this is our own node, always http on loopback.
        post = Request(self._url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
        with urlopen(post, timeout=TIMEOUT_S) as response:  # noqa: S310
            answer = json.load(response)
        by_id = {entry["id"]: entry for entry in answer}
        failed = [entry["error"] for entry in answer if "error" in entry]
        if failed:
            raise RuntimeError(f"the node refuses a call: {failed[0]}")
        return [by_id[i]["result"] for i in range(len(calls))]


def _artifact(name: str) -> dict:
    out = ROOT / os.environ.get("FOUNDRY_OUT", "out")
    return json.loads((out / f"{name}.sol" / f"{name}.json").read_text())


def _errors(abi: list[dict]) -> dict[bytes, str]:
    return {
        keccak256(f"{entry['name']}({','.join(i['type'] for i in entry['inputs'])})".encode())[:4]: entry["name"]
        for entry in abi
        if entry["type"] == "error"
    }
