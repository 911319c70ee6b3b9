"""@ethereumjs/client as a real node, with the tests in the place of its consensus client: a block for each transaction.

It runs under Prague and executes what it is given by the Engine API; it reorganises when it is told that the head is on
another branch. It is among the hostile nodes for what it tells of storage and traces, see `tests/hostile_node.py`.

It is in ``.tools/ethereumjs`` (``make ethereumjs``); ``ETHEREUMJS`` names its program where it is elsewhere.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from smartsync.errors import NodeError
from smartsync.testing import BALANCE_ETHER, Node, ToolMissing, dev_accounts, tools_root
from smartsync.testing.node import free_port, running
from tests.http_node import Refusal
from tests.integration.forks.engine import NONE, Engine
from tests.lying_proxy import LyingProxy, lying

CHAIN_ID = 31361
BLOCK_S = 1

_UPDATE, _GET, _GIVE = "engine_forkchoiceUpdatedV3", "engine_getPayloadV4", "engine_newPayloadV4"
_BY_NUMBER = ("homestead", "eip150", "eip155", "eip158", "byzantium", "constantinople", "petersburg", "istanbul")
_MERGED = ("berlin", "london", "mergeNetsplit")
_BLOBS = {"target": 6, "max": 9, "baseFeeUpdateFraction": 5007716}
_HISTORY = "0x0000F90827F1C53a10cb7A02335B175320002935"
"""EIP-2935: what is called at the beginning of each block has to be there."""

_HISTORY_CODE = (
    "0x3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff"
    "9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
)


def find_ethereumjs() -> Path | None:
    """Return the path of its program, None where it is not installed."""
    try:
        installed = tools_root() / ".tools" / "ethereumjs" / "node_modules" / ".bin" / "ethereumjs"
        path = Path(os.environ.get("ETHEREUMJS") or installed)
    except ToolMissing:
        return None
    return path if path.is_file() else None


@dataclass
class EthereumJs:
    """The node behind ``node``, which lets everything through but transactions: each gets its block at once."""

    behind: Engine
    node: Node
    _built: int = 0
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def transact(self, params: list[Any]) -> Any:
        """Take a signed transaction, and have it in the newest block when it is answered."""
        with self._turn:
            try:
                tx_hash = self.behind.node.request("eth_sendRawTransaction", params)
            except NodeError as error:
                return Refusal(-32000, error.message)
            assert params[0] in self.mine()["transactions"], "the pool held it back"
            return tx_hash

    def mine(self) -> dict[str, Any]:
        """Make a block of what is in the pool, the new head."""
        payload = self.build(self.newest)
        self.point(payload["blockHash"])
        return payload

    @property
    def newest(self) -> dict[str, Any]:
        block: dict[str, Any] = self.behind.node.request("eth_getBlockByNumber", ["latest", False])
        return block

    def build(self, parent: dict[str, Any]) -> dict[str, Any]:
        """Make a block of what is in the pool on the head, and leave the head where it is."""
        self._built += 1
        attributes = {
            "timestamp": hex(int(parent["timestamp"], 16) + BLOCK_S),
            # Another one each time: no two blocks are the same.
            "prevRandao": f"0x{self._built:064x}",
            "suggestedFeeRecipient": "0x" + "00" * 20,
            "withdrawals": [],
            "parentBeaconBlockRoot": NONE,
        }
        told = self.behind.call(_UPDATE, _state(parent["hash"]), attributes)
        built = self.behind.call(_GET, told["payloadId"])
        payload: dict[str, Any] = built["executionPayload"]
        given = self.behind.call(_GIVE, payload, [], NONE, built.get("executionRequests") or [])
        assert given["status"] == "VALID", given
        return payload

    def point(self, head: str) -> None:
        """Say that this block is the head."""
        told = self.behind.call(_UPDATE, _state(head), None)
        assert told["payloadStatus"]["status"] == "VALID", told


@contextmanager
def ethereumjs_node() -> Iterator[EthereumJs]:
    """Run it on a chain of its own.

    Raises
    ------
    ToolMissing
        It is not installed.
    """
    program, engine_port, peers_port = find_ethereumjs(), free_port(), free_port()
    if program is None:
        raise ToolMissing("@ethereumjs/client", "not in .tools/ethereumjs", hint="run `make ethereumjs`")

    def command(port: int, folder: Path) -> list[str]:
        genesis, chain = folder / "genesis.json", folder / "chain"
        genesis.write_text(json.dumps(_genesis()))
        chain.mkdir(exist_ok=True)
        options = (
            f"--rpc --rpcAddr=127.0.0.1 --rpcPort={port} --rpcEngine --rpcEngineAddr=127.0.0.1 "
            f"--rpcEnginePort={engine_port} --rpcEngineAuth=false --port={peers_port} "
            "--discDns=false --discV4=false --isSingleNode --logFile=false"
        )
        return [str(program), *options.split(), f"--gethGenesis={genesis}", f"--dataDir={chain}"]

    with running("ethereumjs", CHAIN_ID, command) as node, lying(node.url) as proxy:
        yield _mining(node, proxy, Engine(node, f"http://127.0.0.1:{engine_port}", b""))


def _mining(node: Node, proxy: LyingProxy, engine: Engine) -> EthereumJs:
    made = EthereumJs(engine, replace(node, url=proxy.url))
    proxy.results["eth_sendRawTransaction"] = made.transact
    return made


def _state(head: str) -> dict[str, str]:
    return {"headBlockHash": head, "safeBlockHash": NONE, "finalizedBlockHash": NONE}


def _genesis() -> dict[str, Any]:
    """Return the first block of a chain that has had Prague from the beginning, with our accounts."""
    config = {
        "chainId": CHAIN_ID,
        **{f"{name}Block": 0 for name in (*_BY_NUMBER, *_MERGED)},
        "terminalTotalDifficulty": 0,
        "terminalTotalDifficultyPassed": True,
        **{f"{name}Time": 0 for name in ("shanghai", "cancun", "prague")},
        "blobSchedule": {"cancun": _BLOBS, "prague": _BLOBS},
    }
    funded = {account.address: {"balance": hex(BALANCE_ETHER * 10**18)} for account in dev_accounts()}
    return {
        "config": config,
        "alloc": {**funded, _HISTORY: {"balance": "0x0", "nonce": "0x1", "code": _HISTORY_CODE}},
        # An hour ago, so that blocks a second apart do not run ahead of the clock.
        "timestamp": hex(int(time.time()) - 3600),
        "gasLimit": hex(60_000_000),
        "baseFeePerGas": hex(10**9),
        "nonce": "0x0",
        "extraData": "0x",
        "difficulty": "0x0",
        "mixHash": NONE,
        "parentHash": NONE,
        "coinbase": "0x" + "00" * 20,
        "number": "0x0",
        "gasUsed": "0x0",
    }
