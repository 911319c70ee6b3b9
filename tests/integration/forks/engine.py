"""geth under proof of stake, with the tests in the place of its consensus client: the Engine API, over real HTTP.

A reorganisation is here what it is on a live network: geth has executed the blocks of two branches, and is told that
the head is now on the other one, which may be shorter. It keeps the blocks of the branch that it left, and serves them
by their hashes.

geth builds blocks on its head alone, and out of its pool, into which a reorganisation puts the transactions of the
dropped blocks back. So there are two nodes. One *builds*; before it begins another branch it is rewound
(``debug_setHead``), which forgets blocks and transactions alike. The other one *follows*: it is handed each block and
told which one is the head, it has nothing but that to go by, and it is the source.

Two things would still bring dropped transactions into the builder's next block. geth remembers what it was sent by
RPC, and once a minute puts what is in no block anymore back into its pool: ``--txpool.nolocals`` ends that. And the
pool follows the head some time later, in one step where the head moved several times meanwhile, and so may never see
that a transaction was in a block: nothing is begun before the pool has come to the head.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.request import Request, urlopen

from smartsync.errors import NodeError
from smartsync.testing import BALANCE_ETHER, Node, dev_accounts
from smartsync.testing.node import free_port, running
from smartsync.testing.programs import geth_program

Hardfork = Literal["shanghai", "osaka"]

CALLS: dict[Hardfork, tuple[str, str, str]] = {
    "shanghai": ("engine_forkchoiceUpdatedV2", "engine_getPayloadV2", "engine_newPayloadV2"),
    "osaka": ("engine_forkchoiceUpdatedV3", "engine_getPayloadV5", "engine_newPayloadV4"),
}
"""How a head is named, a payload fetched, and a payload given, after these hard forks."""

ASKED = ("eth_getTransactionCount", "eth_estimateGas", "eth_feeHistory", "eth_maxPriorityFeePerGas")
"""What somebody asks who is about to send a transaction."""

NONE = "0x" + "00" * 32
SETTLE_S = BUILD_S = 20
"""For what takes milliseconds on an idle computer."""

_AFTER_SHANGHAI = ("cancunTime", "pragueTime", "osakaTime", "blobSchedule")
_GENESIS_AGE_S = 3600
"""The first block is as old, so that blocks a second apart do not run ahead of the clock."""


@dataclass(frozen=True)
class Engine:
    """A node by its authenticated port."""

    node: Node
    url: str
    secret: bytes

    def call(self, method: str, *params: Any) -> Any:
        """Return the result of one call.

        Raises
        ------
        NodeError
            The node answered with an error.
        """
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {_token(self.secret)}"}
        with urlopen(Request(self.url, body, headers), timeout=30) as response:  # noqa: S310  # our own node
            answer = json.load(response)
        if "error" in answer:
            raise NodeError(f"{self.node.name}: {method}: {answer['error']}")
        return answer["result"]


@dataclass(frozen=True)
class Payload:
    """A block as the Engine API hands it over, with the transactions of the execution layer's requests, if any."""

    execution: dict[str, Any]
    requests: Sequence[str]

    @property
    def hash(self) -> str:
        return str(self.execution["blockHash"])

    @property
    def parent(self) -> str:
        return str(self.execution["parentHash"])


@dataclass
class Consensus:
    """The consensus client of both nodes: has blocks built, one for each transaction, and says which is the head."""

    builder: Engine
    follower: Engine
    hardfork: Hardfork
    payloads: dict[str, Payload] = field(default_factory=dict)
    _built: int = 0

    @property
    def source(self) -> Node:
        return self.follower.node

    # --- where the chain stands ---

    def mark(self) -> str:
        """Remember where the chain stands: the hash of its newest block."""
        return str(self.builder.node.request("eth_getBlockByNumber", ["latest", False])["hash"])

    def drop(self, mark: str) -> None:
        """Have the next block built on this one. The source leaves what is above it as soon as it is given that."""
        self._rewind(mark)

    def switch(self, head: str) -> None:
        """Have the source go over to a block that it knows, on whatever branch, and build on it from now on."""
        missing = []
        at = head
        while self._number(self.builder.node, at) is None:
            missing.append(self.payloads[at])
            at = missing[-1].parent
        self._rewind(at)
        for payload in reversed(missing):
            self._give(self.builder, payload)
            self._point(self.builder, payload.hash)
        self._settle()
        self._point(self.follower, head)

    def finalize(self, block_hash: str) -> None:
        """Tell the source that a block of its chain is final, and safe."""
        head = self.source.request("eth_getBlockByNumber", ["latest", False])["hash"]
        self._point(self.follower, head, final=block_hash)

    def _rewind(self, block_hash: str) -> None:
        number = self._number(self.builder.node, block_hash)
        assert number is not None, "a block of the branch that is built on"
        self._settle()
        if self.mark() != block_hash:
            self.builder.node.request("debug_setHead", [hex(number)])
        # Until then the pool refuses nonces that it takes for used.
        self._settle()

    def _settle(self) -> None:
        """Wait until the builder's pool has come to its head."""
        self.builder.node.wait_until(self._is_settled, "the pool followed the head", timeout_s=SETTLE_S)

    def _is_settled(self) -> bool:
        """Whether the pool is empty and at the chain's nonces, which no other height has: a block, a transaction."""
        if any(int(count, 16) for count in self.builder.node.request("txpool_status").values()):
            return False
        counts = [
            [self.builder.node.request("eth_getTransactionCount", [account.address, tag]) for account in dev_accounts()]
            for tag in ("latest", "pending")
        ]
        return counts[0] == counts[1]

    @staticmethod
    def _number(node: Node, block_hash: str) -> int | None:
        found = node.request("eth_getBlockByHash", [block_hash, False])
        return None if found is None else int(found["number"], 16)

    # --- blocks ---

    def sending(self) -> dict[str, Callable[[list[Any]], Any]]:
        """Return what a sender asks, by method: the node that builds answers it, for the branch that it builds on."""

        def asking(method: str) -> Callable[[list[Any]], Any]:
            return lambda params: self.builder.node.request(method, params)

        return {
            "eth_sendRawTransaction": lambda params: self.transact(*params),
            **{name: asking(name) for name in ASKED},
        }

    def transact(self, raw: str) -> str:
        """Put a signed transaction into a block of its own, the source's new head; return the transaction's hash."""
        self._settle()
        tx_hash = self.builder.node.request("eth_sendRawTransaction", [raw])
        payload = self._build(raw)
        for engine in (self.builder, self.follower):
            self._give(engine, payload)
            self._point(engine, payload.hash)
        return str(tx_hash)

    def _build(self, raw: str) -> Payload:
        """Have a block with just this transaction built on the builder's head."""
        update, get, _ = CALLS[self.hardfork]
        head = self.builder.node.request("eth_getBlockByNumber", ["latest", False])
        state = {"headBlockHash": head["hash"], "safeBlockHash": NONE, "finalizedBlockHash": NONE}
        pause_s, deadline = 0.005, time.monotonic() + BUILD_S
        while True:
            self._built += 1
            attributes = {
                "timestamp": hex(int(head["timestamp"], 16) + 1),
                # Another one each time: so no two blocks are the same, however often a branch begins anew.
                "prevRandao": f"0x{self._built:064x}",
                "suggestedFeeRecipient": "0x" + "00" * 20,
                "withdrawals": [],
            }
            if self.hardfork != "shanghai":
                attributes["parentBeaconBlockRoot"] = NONE
            told = self.builder.call(update, state, attributes)
            # The block is empty at first. To ask for it ends the building, however far it has come: so the next one
            # gets more time, on a computer that is slow or busy.
            time.sleep(pause_s)
            built = self.builder.call(get, told["payloadId"])
            payload = Payload(built["executionPayload"], built.get("executionRequests", []))
            if payload.execution["transactions"] == [raw]:
                self.payloads[payload.hash] = payload
                return payload
            found = len(payload.execution["transactions"])
            assert time.monotonic() < deadline, f"no block with the transaction alone; the last one has {found}"
            pause_s = min(2 * pause_s, 1)

    def _give(self, engine: Engine, payload: Payload) -> None:
        extra = [] if self.hardfork == "shanghai" else [[], NONE, payload.requests]
        told = engine.call(CALLS[self.hardfork][2], payload.execution, *extra)
        assert told["status"] == "VALID", told

    def _point(self, engine: Engine, head: str, *, final: str = NONE) -> None:
        state = {"headBlockHash": head, "safeBlockHash": final, "finalizedBlockHash": final}
        told = engine.call(CALLS[self.hardfork][0], state, None)
        assert told["payloadStatus"]["status"] == "VALID", told
        now = engine.node.request("eth_getBlockByNumber", ["latest", False])["hash"]
        # geth says VALID and stays where it is, where it is told to go back to an ancestor of its head.
        assert now == head, f"{engine.node.name} stays at {now}"


@contextmanager
def consensus(hardfork: Hardfork = "osaka") -> Iterator[Consensus]:
    """Run both nodes, on a chain of their own that has had this hard fork from the beginning."""
    genesis = _genesis(hardfork)
    with ExitStack() as stack:
        builder, follower = (stack.enter_context(_geth(role, genesis)) for role in ("builder", "follower"))
        yield Consensus(builder, follower, hardfork)


def _genesis(hardfork: Hardfork) -> dict[str, Any]:
    """Return geth's own genesis block for development, which is under proof of stake, with our accounts."""
    dumped = subprocess.run([geth_program(), "--dev", "dumpgenesis"], capture_output=True, check=True, timeout=60)
    genesis: dict[str, Any] = json.loads(dumped.stdout)
    if hardfork == "shanghai":
        for name in _AFTER_SHANGHAI:
            del genesis["config"][name]
    genesis["config"]["chainId"] = {"shanghai": 31351, "osaka": 31352}[hardfork]
    genesis["timestamp"] = hex(int(time.time()) - _GENESIS_AGE_S)
    genesis["gasLimit"] = hex(60_000_000)
    for account in dev_accounts():
        genesis["alloc"][account.address[2:]] = {"balance": hex(BALANCE_ETHER * 10**18)}
    return genesis


@contextmanager
def _geth(role: str, genesis: dict[str, Any]) -> Iterator[Engine]:
    secret, auth_port = secrets.token_bytes(32), 0

    def command(port: int, folder: Path) -> list[str]:
        nonlocal auth_port
        auth_port = free_port()
        (folder / "jwt").write_text(secret.hex())
        (folder / "genesis.json").write_text(json.dumps(genesis))
        options = (
            f"--networkid {genesis['config']['chainId']} --syncmode full --gcmode archive --state.scheme hash "
            f"--cache 64 --http --http.addr 127.0.0.1 --http.port {port} --http.api eth,debug,net,txpool,web3 "
            "--rpc.txfeecap 0 --txpool.nolocals "
            f"--authrpc.addr 127.0.0.1 --authrpc.port {auth_port} "
            "--port 0 --nat none --nodiscover --maxpeers 0 --ipcdisable"
        )
        files = ("--datadir", "chain", "--authrpc.jwtsecret", "jwt", "--override.genesis", "genesis.json")
        placed = [part if part.startswith("--") else str(folder / part) for part in files]
        return [geth_program(), *options.split(), *placed]

    with running(f"geth-{role}", genesis["config"]["chainId"], command) as node:
        yield Engine(node, f"http://127.0.0.1:{auth_port}", secret)


def _token(secret: bytes) -> str:
    """Return a JSON web token (RFC 7519, HS256) of this moment: geth takes one for a minute."""

    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, {"iat": int(time.time())})]
    signed = ".".join(map(encoded, parts))
    return f"{signed}.{encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"
