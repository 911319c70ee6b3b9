"""A node without a network: real tries, real headers, and every answer can be bent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pytest

from smartsync import rlp
from smartsync.chain import Chain
from smartsync.errors import MethodMissing, RpcError
from smartsync.header import Header
from smartsync.keccak import keccak256
from smartsync.rpc import Rpc
from smartsync.trie.nibbles import to_nibbles
from smartsync.trie.node import Branch, Extension, Leaf, Node, Opaque, encode, is_embedded, root_hash
from smartsync.trie.trie import build, storage_value
from tests.header_fields import FIELDS

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
CODE = bytes.fromhex("602035600035556000")


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


def prove(node: Node, key: bytes) -> list[bytes]:
    """Return the nodes on the way to a trie key, root first, as a node proves inclusion and exclusion."""
    path, nodes, depth, root = to_nibbles(key), [], 0, True
    while node is not None and not isinstance(node, Opaque):
        if root or not is_embedded(node):
            nodes.append(encode(node))
        root = False
        if isinstance(node, Leaf):
            break
        if isinstance(node, Extension):
            if not path.startswith(node.path, depth):
                break
            depth += len(node.path)
            node = node.child
        elif isinstance(node, Branch):
            node = node.children[path[depth]]
            depth += 1
    return nodes


class FakeNode:
    """One contract in ten blocks that all have the same state, and a second account.

    ``override`` maps a method to a function of its parameters that answers (or raises) in its place; ``debug`` adds
    methods. Without an entry there, a debug method is missing.
    """

    host = "fake:8545"

    def __init__(
        self, values: Mapping[int, int], code: bytes = CODE, client: str = "fake/1", *, stored: Node | None = None
    ) -> None:
        self.values = {slot(key): value for key, value in values.items()}
        self.code, self.client = code, client
        self.trie = stored or build(
            (keccak256(key), storage_value(value)) for key, value in self.values.items() if value
        )
        self.override: dict[str, Callable[..., Any]] = {}
        self.debug: dict[str, Callable[..., Any]] = {}
        self.calls: list[tuple[str, Sequence[Any]]] = []
        self.newest = 10
        self._state()

    def _state(self) -> None:
        account = [rlp.encode_int(1), b"", root_hash(self.trie), keccak256(self.code)]
        other = [rlp.encode_int(7), b"", root_hash(None), keccak256(b"")]
        accounts = {ADDRESS: account, "0x" + "22" * 20: other}
        self.state = build(
            (keccak256(bytes.fromhex(name[2:])), rlp.encode(fields)) for name, fields in accounts.items()
        )

    def header_fields(self, number: int) -> list[bytes]:
        sizes = [32, 32, 20, 32, 32, 32, 256, 0, 0, 0, 0, 0, 0, 32, 8]
        fields = [bytes(size) for size in sizes]
        fields[3], fields[8], fields[9] = root_hash(self.state), rlp.encode_int(number), rlp.encode_int(30_000_000)
        return fields

    def header(self, number: int) -> Header:
        raw = rlp.encode(self.header_fields(number))
        return Header(raw, keccak256(raw), bytes(32), root_hash(self.state), number, 0, b"", ())

    @property
    def chain(self) -> Chain:
        return Chain(cast(Rpc, self))

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        self.calls.append((method, params))
        if method in self.override:
            return self.override[method](*params)
        if method.startswith(("debug_", "trace_")):
            if method not in self.debug:
                raise MethodMissing(method, -32601, "the method does not exist")
            return self.debug[method](*params)
        if method == "eth_createAccessList":
            raise MethodMissing(method, -32601, "the method does not exist")
        return getattr(self, f"_{method}")(*params)

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]], *, return_errors: bool = False) -> list[Any]:
        outcomes: list[Any] = []
        for method, params in calls:
            try:
                outcomes.append(await self.call(method, params))
            except RpcError as error:
                if not return_errors:
                    raise
                outcomes.append(error)
        return outcomes

    def _eth_chainId(self) -> str:
        return "0x539"

    def _web3_clientVersion(self) -> str:
        return self.client

    def _eth_blockNumber(self) -> str:
        return hex(self.newest)

    def _eth_getLogs(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        return []

    def _eth_getCode(self, address: str, block: str) -> str:
        return f"0x{self.code.hex()}" if address == ADDRESS else "0x"

    def _eth_getStorageAt(self, address: str, key: str, block: str) -> str:
        return hex(self.values.get(bytes.fromhex(key[2:]), 0))

    def _eth_getBlockByNumber(self, block: str, full: bool) -> dict[str, Any] | None:
        number = self.newest if block == "latest" else int(block, 16)
        if number > self.newest:
            return None
        told: dict[str, Any] = {
            name: f"0x{field.hex()}" for name, field in zip(FIELDS, self.header_fields(number), strict=True)
        }
        return told | {"hash": f"0x{self.header(number).hash.hex()}", "transactions": []}

    def _eth_getProof(self, address: str, keys: Sequence[str], block: str) -> dict[str, Any]:
        return {
            "address": address,
            "storageHash": f"0x{root_hash(self.trie).hex()}",
            "codeHash": f"0x{keccak256(self.code).hex()}",
            "accountProof": _hex(prove(self.state, keccak256(bytes.fromhex(address[2:])))),
            "storageProof": [
                {
                    "key": key,
                    # Wrong on purpose: nothing may be taken from here.
                    "value": "0xbad",
                    "proof": _hex(prove(self.trie, keccak256(bytes.fromhex(key[2:])))),
                }
                for key in keys
            ],
        }


def _hex(nodes: Sequence[bytes]) -> list[str]:
    return [f"0x{node.hex()}" for node in nodes]


@pytest.fixture
def fake() -> type[FakeNode]:
    """Give the class, to be made with the storage that a test needs."""
    return FakeNode
