"""The Solidity engine, run for real: ``EngineHarness`` on a node, many witnesses in one ``eth_call``."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.request import Request, urlopen

from eth_abi import decode, encode

from smartsync.keccak import keccak256
from smartsync.testing import Node

ROOT = Path(__file__).parents[2]
SOURCE = "contracts/test/harness/EngineHarness.sol"
ATTEMPT = "(bytes,uint256[],bytes)"
CLAIM = "(address,bytes32,bytes32,bytes)"
TRIAL = f"(bytes32[],bytes32[],bytes32[],{ATTEMPT}[],{CLAIM}[])"
OUTCOMES = "(bool,bytes)[]"
RUN = keccak256(f"run({TRIAL})".encode())[:4]
DEPLOYMENT_GAS = 10_000_000
GAS = 2**40
TIMEOUT_S = 120

REQUEST_SIZE = 1_800_000
"""Bytes of a request: anvil takes 2 MB."""

PIECE = 400_000
"""Bytes of witness in one call, about; each is twice that long in hexadecimal."""


@dataclass(frozen=True)
class Attempt:
    """A witness, the offsets at which it is cut where it is walked in parts, and the writes that conclude that."""

    witness: bytes
    cuts: Sequence[int] = ()
    writes: bytes = b""


@dataclass(frozen=True)
class Claim:
    """An account proof, and what it is to prove: an address (0x and 40 digits), two times 32 bytes."""

    address: str
    storage_root: bytes
    code_hash: bytes
    account_proof: bytes


@dataclass(frozen=True)
class Trial:
    """What one call does: storage from which everything starts, and the slots whose digest is wanted after each."""

    stored: dict[bytes, int]
    watched: Sequence[bytes]
    attempts: Sequence[Attempt]
    claims: Sequence[Claim] = ()


@dataclass(frozen=True)
class Outcome:
    """What the engine did: ``error`` is the name of its error, empty where it returned these 32-byte words."""

    error: str
    words: tuple[bytes, ...] = ()


@dataclass
class Outcomes:
    """Of a trial: what the harness's ``run`` returns, or why something is missing."""

    at_once: list[Outcome] = field(default_factory=list)
    in_parts: list[Outcome] = field(default_factory=list)
    climbed: list[Outcome] = field(default_factory=list)
    failure: str = ""


@dataclass(frozen=True)
class Harness:
    """What has to be known of the contracts: ``creation`` is 0x and hexadecimal, ``errors`` the engine's by selector.

    ``engine_hash``: keccak-256 of the engine's runtime bytecode, its immutables being zero.
    """

    creation: str
    errors: dict[bytes, str]
    engine_hash: bytes


def compiled() -> Harness:
    """Compile here and now: an engine of yesterday proves nothing. Quick where nothing has changed."""
    subprocess.run([ROOT / "tools" / "forge", "build", "--quiet", SOURCE], check=True)
    engine = _artifact("TransitionEngine")
    runtime = bytes.fromhex(engine["deployedBytecode"]["object"][2:])
    return Harness(_artifact("EngineHarness")["bytecode"]["object"], _errors(engine["abi"]), keccak256(runtime))


class Engine:
    """The engine of this repository's sources on a running node (anvil: it lets a call have any gas)."""

    def __init__(self, node: Node, harness: Harness | None = None) -> None:
        harness = harness or compiled()
        self._errors = harness.errors
        self._url = node.url
        node.request("evm_setBlockGasLimit", [hex(GAS)])
        creation = {"from": node.accounts[0].address, "data": harness.creation, "gas": hex(DEPLOYMENT_GAS)}
        tx_hash = node.request("eth_sendTransaction", [creation])
        node.wait_until(lambda: self._receipt(node, tx_hash) is not None, "the harness was deployed", timeout_s=20)
        self._address = self._receipt(node, tx_hash)["contractAddress"]

    def run(self, trials: Sequence[Trial]) -> list[Outcomes]:
        """Return the outcomes of each trial, in as few requests as there can be."""
        pieces = [(i, self._call(piece)) for i, trial in enumerate(trials) for piece in _pieces(trial)]
        found = [Outcomes() for _ in trials]
        for request in _requests([call for _, call in pieces]):
            answers = self._batch([("eth_call", [call, "latest"]) for call in request])
            for (i, _), answer in zip(pieces, answers, strict=False):
                self._outcomes(answer, found[i])
            pieces = pieces[len(request) :]
        return found

    def _receipt(self, node: Node, tx_hash: str) -> dict | None:
        return node.request("eth_getTransactionReceipt", [tx_hash])

    def _call(self, trial: Trial) -> dict[str, str]:
        arguments = (
            list(trial.stored),
            [number.to_bytes(32, "big") for number in trial.stored.values()],
            list(trial.watched),
            [(attempt.witness, list(attempt.cuts), attempt.writes) for attempt in trial.attempts],
            [(claim.address, claim.storage_root, claim.code_hash, claim.account_proof) for claim in trial.claims],
        )
        data = RUN + encode([TRIAL], [arguments])
        return {"to": self._address, "gas": hex(GAS), "data": "0x" + data.hex()}

    def _outcomes(self, answer: dict, found: Outcomes) -> None:
        """Add what a call tells."""
        if "error" in answer:
            found.failure = f"the node refuses the call: {answer['error']}"
            return
        told = decode([OUTCOMES] * 3, bytes.fromhex(answer["result"][2:]))
        for outcomes, some in zip((found.at_once, found.in_parts, found.climbed), told, strict=True):
            outcomes += [self._outcome(applied, data) for applied, data in some]

    def _outcome(self, applied: bool, data: bytes) -> Outcome:
        if applied:
            return Outcome("", tuple(data[start : start + 32] for start in range(0, len(data), 32)))
        # A panic, or no reason at all, is no refusal but a fault of the engine: an error without a name.
        return Outcome(self._errors.get(data[:4], f"0x{data.hex()}"))

    def _batch(self, calls: Sequence[tuple[str, list[object]]]) -> list[dict]:
        body = [
            {"jsonrpc": "2.0", "id": i, "method": method, "params": params} for i, (method, params) in enumerate(calls)
        ]
        # S310 is about other schemes: this is our own node, always http on loopback.
        post = Request(self._url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
        with urlopen(post, timeout=TIMEOUT_S) as response:  # noqa: S310
            answers = json.load(response)
        if not isinstance(answers, list):
            raise OSError(f"the node refuses the request: {answers}")
        by_id = {answer["id"]: answer for answer in answers}
        return [by_id[i] for i in range(len(calls))]


def _pieces(trial: Trial) -> Iterator[Trial]:
    """Split a trial whose witnesses are too large for one call; the claims go with the last."""
    attempts: list[Attempt] = []
    size = 0
    for attempt in trial.attempts:
        if attempts and size + len(attempt.witness) > PIECE:
            yield replace(trial, attempts=attempts, claims=())
            attempts, size = [], 0
        attempts.append(attempt)
        size += len(attempt.witness)
    yield replace(trial, attempts=attempts)


def _requests(calls: Sequence[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    """Group calls so that each group fits a request."""
    group: list[dict[str, str]] = []
    size = 0
    for call in calls:
        if group and size + len(call["data"]) > REQUEST_SIZE:
            yield group
            group, size = [], 0
        group.append(call)
        size += len(call["data"])
    yield group


def _artifact(name: str) -> dict:
    out = ROOT / os.environ.get("FOUNDRY_OUT", "out")
    return json.loads((out / f"{name}.sol" / f"{name}.json").read_text())


def _errors(abi: list[dict]) -> dict[bytes, str]:
    return {
        keccak256(f"{entry['name']}({','.join(i['type'] for i in entry['inputs'])})".encode())[:4]: entry["name"]
        for entry in abi
        if entry["type"] == "error"
    }
