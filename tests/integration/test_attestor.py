"""Attestors as processes of their own, between real nodes, and a relayer that has no key of theirs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from smartsync import SmartSync
from smartsync.anchors.block import accepted_block
from smartsync.anchors.collecting import RemoteSigners
from smartsync.anchors.quorum import quorum_terms, revoke, update_quorum
from smartsync.errors import SmartSyncError, TooFewSignatures
from smartsync.header import Header
from smartsync.submit import Sender
from smartsync.sync.equivocations import Reporting
from smartsync.testing import Node, anvil_node
from smartsync.testing.node import free_port
from tests.lying_proxy import LyingProxy, forged_header, lying

T = TypeVar("T")

WITHIN_S = 30.0


@pytest.fixture
def source() -> Iterator[Node]:
    """Give a source of our own, whose blocks come and go as a test wants; it calls the newest but 64 finalized."""
    with anvil_node(chain_id=7001) as node:
        node.request("anvil_mine", ["0x64"])
        yield node


@pytest.fixture
def signers(hardhat: Node) -> list[str]:
    return [account.address for account in hardhat.accounts[3:6]]


@dataclass
class Attestor:
    """A process, and how to ask it."""

    process: subprocess.Popen[str]
    serving: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.serving["url"])

    def get(self, path: str) -> tuple[int, Any]:
        try:
            with urlopen(self.url + path, timeout=30) as response:  # noqa: S310  # our own, on loopback
                return response.status, json.load(response)
        except HTTPError as error:
            return error.code, json.load(error)

    def wait_for(self, path: str, answer: Callable[[int, Any], bool]) -> tuple[int, Any]:
        """Ask until the answer is this one: what was answered a moment ago is answered again."""
        deadline = time.monotonic() + WITHIN_S
        while True:
            status, told = self.get(path)
            if answer(status, told):
                return status, told
            assert time.monotonic() < deadline, (status, told)
            time.sleep(0.2)

    def end(self, number: signal.Signals) -> tuple[int, list[dict[str, Any]]]:
        """Send a signal, and return the exit code and the events that were left to read."""
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=30)
        return self.process.returncode, [json.loads(line) for line in out.splitlines()]


@dataclass
class Stage:
    source: Node
    target: Node
    anchor: str
    folder: Path
    stack: ExitStack

    def command(self, place: int, *options: str, source_url: str = "", port: int = 0) -> subprocess.Popen[str]:
        environ = {
            "PATH": os.environ["PATH"],
            "SMARTSYNC_SOURCE_URL": source_url or self.source.url,
            "SMARTSYNC_TARGET_URL": self.target.url,
            "SMARTSYNC_ANCHOR": self.anchor,
            "SMARTSYNC_PRIVATE_KEY": self.target.accounts[3 + place].key.hex(),
        }
        record = str(self.folder / f"{place}.sqlite")
        fixed = ["--json", "--interval", "0.2", "--listen", f"127.0.0.1:{port}", "--record", record]
        process = subprocess.Popen(
            [sys.executable, "-m", "smartsync", "attestor", *fixed, *options],
            cwd=self.folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.stack.callback(process.communicate)
        self.stack.callback(process.kill)
        return process

    def attestor(self, place: int, *options: str, source_url: str = "", port: int = 0) -> Attestor:
        process = self.command(place, *options, source_url=source_url, port=port)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        serving = json.loads(line)
        assert serving["event"] == "serving", serving
        return Attestor(process, serving)

    def client(self) -> SmartSync:
        return SmartSync.connect(self.source.url, self.target.url, account=self.target.accounts[1])

    def hash_at(self, number: int) -> str:
        return str(self.source.request("eth_getBlockByNumber", [hex(number), False])["hash"])


@pytest.fixture
def stage(source: Node, hardhat: Node, signers: list[str], tmp_path: Path) -> Iterator[Stage]:
    async def deployed() -> str:
        async with SmartSync.connect(source.url, hardhat.url, account=hardhat.accounts[1]) as client:
            return (await client.deploy(signers=signers, threshold=2, max_drift_s=86_400)).anchor

    with ExitStack() as stack:
        yield Stage(source, hardhat, asyncio.run(deployed()), tmp_path, stack)


async def eventually(work: Callable[[], Awaitable[T]], while_: type[SmartSyncError]) -> T:
    """Repeat work that is too early."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            return await work()
        except while_:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)


def test_attestors_two_of_three_through_crash_and_reorganisation(stage: Stage) -> None:
    attestors = [stage.attestor(place, "--follow", "4") for place in range(3)]
    newest = int(stage.source.request("eth_blockNumber"), 16)

    # One of three dies, and two suffice.
    before = attestors[2].get(f"/v1/attestations/{newest - 4}")
    assert before[0] == 200, before
    assert attestors[2].end(signal.SIGKILL)[0] == -signal.SIGKILL

    async def update(urls: list[str], number: int | None = None) -> Header:
        async with stage.client() as client:
            sender = Sender(client.target, stage.target.accounts[1], poll_s=0.05)
            header, steps = await update_quorum(client.source, sender, stage.anchor, RemoteSigners(urls), block=number)
            accepted = await accepted_block(client.target, stage.anchor, header.hash)
            assert (len(steps), accepted.level) == (1, "safe")
            return header

    urls = [attestor.url for attestor in attestors]
    dropped = asyncio.run(update(urls))
    assert dropped.number == newest - 4

    # Restarted with its record, it signs the same, and after a reorganisation refuses the other hash.
    attestors[2] = stage.attestor(2, "--follow", "4")
    assert attestors[2].get(f"/v1/attestations/{newest - 4}") == before
    assert attestors[0].get("/v1/revocation")[0] == 404
    stage.source.request("anvil_reorg", [6, []])
    assert stage.hash_at(dropped.number) != "0x" + dropped.hash.hex()
    for attestor in attestors:
        _, told = attestor.wait_for(f"/v1/attestations/{dropped.number}", lambda status, _: status == 409)
        assert (told["error"], told["signed"]) == ("AlreadySigned", "0x" + dropped.hash.hex())
        assert told["refused"] == stage.hash_at(dropped.number)
        _, told = attestor.wait_for("/v1/status", lambda _, told: told["state"] == "waiting")
        assert f"has signed block {dropped.number} as 0x{dropped.hash.hex()}" in told["reason"] and told["hint"]

    # Also after another crash.
    assert attestors[0].end(signal.SIGKILL)[0] == -signal.SIGKILL
    attestors[0] = stage.attestor(0, "--follow", "4")
    assert attestors[0].get(f"/v1/attestations/{dropped.number}")[1]["error"] == "AlreadySigned"

    # They revoke, and in the new epoch the same height has another hash.
    urls = [attestor.url for attestor in attestors]

    async def revoked() -> None:
        async with stage.client() as client:
            sender = Sender(client.target, stage.target.accounts[1], poll_s=0.05)
            signers = RemoteSigners(urls)
            parting, _ = await eventually(
                lambda: revoke(client.source, sender, stage.anchor, signers), while_=TooFewSignatures
            )
            assert [block.block_hash for block in parting.dropped] == [dropped.hash]
            assert (await accepted_block(client.target, stage.anchor, dropped.hash)).level == "revoked"
            assert (await quorum_terms(client.target, stage.anchor)).canonical_epoch == 1

    asyncio.run(revoked())

    async def again() -> Header:
        return await eventually(lambda: update(urls, dropped.number), while_=TooFewSignatures)

    assert "0x" + asyncio.run(again()).hash.hex() == stage.hash_at(dropped.number)
    for attestor in attestors:
        assert attestor.end(signal.SIGTERM)[0] == 0


def test_attestor_finality_that_goes_back_stops_it_until_resumed(stage: Stage) -> None:
    port = free_port()
    attestor = stage.attestor(0, port=port)
    _, told = attestor.wait_for("/v1/status", lambda _, told: told["state"] == "ok")
    finalized = told["newest"]["number"]
    assert attestor.get("/v1/attestations/latest")[1]["statement"]["level"] == "final"

    stage.source.request("anvil_reorg", [80, []])
    stage.source.request("anvil_mine", ["0x14"])  # and on: what is finalized now is higher than before
    _, told = attestor.wait_for("/v1/status", lambda _, told: told["state"] == "stopped")
    assert stage.hash_at(finalized) in told["reason"]
    status, told = attestor.get("/v1/attestations/1")
    assert (status, told["error"]) == (503, "AttestorStopped")
    code, events = attestor.end(signal.SIGTERM)
    assert code == 0
    assert [event["state"] for event in events if event["event"] == "state"][-1] == "stopped"
    assert events[-1]["event"] == "ended" and events[-1]["time"]

    attestor = stage.attestor(0, port=port)
    assert attestor.get("/v1/status")[1]["state"] == "stopped"
    attestor.end(signal.SIGINT)

    wrong = stage.command(0, "--resume", "0x" + "12" * 32)
    out, err = wrong.communicate(timeout=60)
    assert (wrong.returncode, json.loads(out)["error"]) == (2, "ConfigError"), err
    attestor = stage.attestor(0, "--resume", stage.hash_at(finalized), port=port)
    assert attestor.get("/v1/attestations/latest")[1]["statement"]["number"] == finalized + 20
    # What was signed as final stays signed.
    assert attestor.get(f"/v1/attestations/{finalized}")[1]["error"] == "AlreadySigned"
    assert attestor.end(signal.SIGINT)[0] == 0


@pytest.fixture
def proxy(source: Node) -> Iterator[LyingProxy]:
    with lying(source.url) as node:
        yield node


def test_attestor_second_node_that_lies_or_is_away_nothing_signed(stage: Stage, proxy: LyingProxy) -> None:
    attestor = stage.attestor(0, "--second-source", proxy.url)
    assert attestor.serving["nodes"] == [url.removeprefix("http://") for url in (stage.source.url, proxy.url)]
    assert attestor.get("/v1/attestations/5")[0] == 200

    def forged(params: list[Any], block: Any) -> Any:
        return block if params[0] == "0x0" else forged_header(params, block)

    proxy.lies["eth_getBlockByNumber"] = forged
    _, told = attestor.wait_for("/v1/attestations/6", lambda status, _: status == 503)
    assert told["error"] == "NodesDisagree"
    assert proxy.url.removeprefix("http://") in told["message"] + told["hint"]
    proxy.lies.clear()
    proxy.away = True
    _, told = attestor.wait_for("/v1/attestations/7", lambda status, told: told.get("error") == "NodeUnreachable")
    proxy.away = False
    attestor.wait_for("/v1/attestations/8", lambda status, _: status == 200)


def test_attestor_with_two_records_of_one_key_is_found_out_and_removed(stage: Stage, proxy: LyingProxy) -> None:
    proxy.lies["eth_getBlockByNumber"] = lambda params, block: (
        block if params[0] == "0x0" else forged_header(params, block)
    )
    honest = [stage.attestor(place, "--follow", "4") for place in range(2)]
    twin = stage.attestor(2, "--follow", "4")
    evil = stage.attestor(2, "--follow", "4", "--record", "second.sqlite", source_url=proxy.url)

    async def relay() -> None:
        async with stage.client() as client:
            sender = Sender(client.target, stage.target.accounts[1], poll_s=0.05)
            signers = RemoteSigners([attestor.url for attestor in (twin, evil, *honest)])
            header, steps = await update_quorum(client.source, sender, stage.anchor, signers)
            assert (len(steps), "0x" + header.hash.hex()) == (1, stage.hash_at(header.number))
            (found,) = signers.equivocations
            before = await quorum_terms(client.target, stage.anchor)
            reporting = Reporting(sender, signers)
            (reported,) = [told async for told in reporting.run(stage.anchor)]
            assert (reported.signer, reported.number, reported.anchor_status) == (found.signer, found.number, "active")
            assert [told async for told in reporting.run(stage.anchor)] == []
            after = await quorum_terms(client.target, stage.anchor)
            assert set(before.signers) - set(after.signers) == {found.signer}

    asyncio.run(relay())
    twin.wait_for("/v1/status", lambda _, told: told["state"] == "waiting" and "is no signer" in told["reason"])


def test_attestor_that_is_no_signer_serves_nothing(stage: Stage) -> None:
    attestor = stage.attestor(4)
    assert attestor.get("/v1/status")[1]["state"] == "waiting"
    status, told = attestor.get("/v1/attestations/latest")
    assert (status, told["error"]) == (409, "ForeignSignature")


def test_attestor_on_another_chain_than_the_anchors_ends(stage: Stage, ganache: Node) -> None:
    process = stage.command(0, source_url=ganache.url)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, json.loads(out)["error"]) == (2, "WrongChain")
    process = stage.command(0, "--second-source", ganache.url)
    out, _ = process.communicate(timeout=60)
    told = json.loads(out)
    assert (process.returncode, told["error"]) == (2, "WrongChain")
    assert f"the source node {ganache.url.removeprefix('http://')} is on chain" in told["message"]


def test_attestor_port_that_is_taken_ends(stage: Stage) -> None:
    port = free_port()
    stage.attestor(0, port=port)
    process = stage.command(1, port=port)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, json.loads(out)["error"]) == (2, "ConfigError"), err
    assert f"cannot listen on 127.0.0.1 port {port}: the port is taken" in err
