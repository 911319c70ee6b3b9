"""A chain behind a node, or behind several: what all else asks."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

from smartsync import answers
from smartsync.answers import Log, Receipt, Transaction
from smartsync.chain.blocks import Block, block_hash, block_name, block_tag
from smartsync.chain.logs import Logs, Topic
from smartsync.chain.proofs import Proofs
from smartsync.errors import (
    BlockUnavailable,
    InvalidHeader,
    MethodMissing,
    NodeError,
    RpcError,
    TransactionTooLarge,
)
from smartsync.failover import Failover
from smartsync.fees import Fees, fees
from smartsync.header import Header, decode_header, header_from_rpc
from smartsync.refusals import (
    out_of_gas,
    revert_data,
    reverted,
    searched_above_cap,
    unavailable,
)
from smartsync.rpc import Call, JsonRpc, Rpc
from smartsync.types import UntrustedProof

_T = TypeVar("_T")


class Chain:
    """A chain behind a node, or behind several (`smartsync.failover`).

    ``role`` says in messages which one it is: ``source`` or ``target``.
    """

    def __init__(self, rpc: JsonRpc, role: Literal["source", "target"] = "source") -> None:
        self.rpc, self.role = rpc, role
        self._by_node: dict[Rpc, Chain] = {}
        self._proofs = Proofs(rpc, self._one, self.chain_id)
        self._logs = Logs(rpc, self._number)

    def __repr__(self) -> str:
        return f"Chain({self.role}, {self.rpc.host})"

    def each(self) -> list[Chain]:
        """Return the chain as each of its nodes alone tells it, the node that is preferred first."""
        return [self._by(node) for node in self.rpc.nodes] if isinstance(self.rpc, Failover) else [self]

    async def verified(self, ask: Callable[[Chain], Awaitable[_T]]) -> _T:
        """Return what ``ask`` makes of the chain as one node tells it, of the first node with which it does not fail.

        For whatever is checked: the check raises a ProofError (or NonCanonicalTrie) where an answer is wrong, so the
        node is not asked again, and another one is. With one node this is ``ask`` of this chain.

        Raises
        ------
        SmartSyncError
            As ``ask``, where no node is left.
        """
        if not isinstance(self.rpc, Failover):
            return await ask(self)
        return await self.rpc.verified(lambda node: ask(self._by(node)))

    def _by(self, node: Rpc) -> Chain:
        """Return the chain as one node tells it: always the same object, which remembers the node's limits."""
        return self._by_node.setdefault(node, Chain(node, self.role))

    async def chain_id(self) -> int:
        """Return the EIP-155 chain id."""
        return answers.quantity(await self.rpc.call("eth_chainId"), "chain id")

    async def genesis_hash(self) -> bytes:
        """Return the 32-byte hash of block 0, which tells apart chains that share a chain id."""
        return (await self.header(0)).hash

    async def client_version(self) -> str:
        """Return the node's software and version, in its own words."""
        return str(await self.rpc.call("web3_clientVersion"))[:200]

    async def block_number(self) -> int:
        """Return the number of the newest block."""
        return answers.quantity(await self.rpc.call("eth_blockNumber"), "block number", 64)

    async def clock(self) -> int:
        """Return the time that a transaction of now sees, in seconds: the newest block's or, if later, this computer's.

        A chain that makes blocks on demand only has a newest block of any age.
        """
        return max(int(time.time()), (await self.header("latest")).timestamp)

    async def header(self, block: Block) -> Header:
        """Return a block's header, checked against its hash (and the hash that was asked for, where it was one).

        Raises
        ------
        BlockUnavailable
            Where the node does not know the block.
        InvalidHeader
            Where the answer is not the preimage of the hash, or of another number than asked for.
        """
        return await self.verified(lambda one: one._header(block))

    async def _header(self, block: Block) -> Header:
        name = block if isinstance(block, str) and len(block) != 66 else None
        asked = None if isinstance(block, int) or name else block_hash(block)
        told = answers.mapping(await self._block(block), f"block at {self.rpc.host}")
        try:
            header = header_from_rpc(told, asked)
        except InvalidHeader as error:
            header = await self._raw_header(told, asked, error)
        if isinstance(block, int) and header.number != block:
            raise InvalidHeader(
                f"{self.rpc.host}: asked for block {block}, the node answered with block {header.number}"
            )
        return header

    async def hash_at(self, number: int) -> bytes | None:
        """Return the 32-byte hash of the block of this number; ``None`` where the node has none (yet)."""
        try:
            return (await self.header(number)).hash
        except BlockUnavailable:
            return None

    async def code(self, address: str, block: Block = "latest") -> bytes:
        """Return the runtime code at an address, empty where there is none.

        Raises
        ------
        BlockUnavailable
            Where the node does not serve the block's state.
        """
        return answers.data(await self._one("eth_getCode", [address], block), "code")

    async def balance(self, address: str, block: Block = "latest") -> int:
        """Return an account's balance in wei."""
        return answers.quantity(await self._one("eth_getBalance", [address], block), "balance")

    async def nonce(self, address: str, block: Block = "pending") -> int:
        """Return the nonce of an account's next transaction."""
        return answers.quantity(await self._one("eth_getTransactionCount", [address], block), "nonce", 64)

    async def proof(self, address: str, slots: Sequence[bytes], block: int) -> UntrustedProof:
        """Return the node's proofs of an account and of any number of its slots, at one block.

        Parameters
        ----------
        slots
            32 bytes each. Asked for in several calls where they are many; in halves, from then on, where the node
            refuses so many at once, or does not answer in time.

        Raises
        ------
        BlockUnavailable
            Where the node does not serve proofs of this block (any more).
        NodeError
            Where the answer is malformed, or the block was replaced between two calls.
        """
        return await self._proofs.read(address, slots, block)

    async def storage_at(self, address: str, slots: Sequence[bytes], block: Block = "latest") -> list[int]:
        """Return the values of slots (32 bytes each), in their order; nothing proves them."""
        told = await self._at([("eth_getStorageAt", [address, f"0x{slot.hex()}"]) for slot in slots], block)
        return [answers.quantity(value, "storage value") for value in told]

    async def call(
        self, to: str, data: bytes, *, block: Block = "latest", sender: str | None = None, gas: int | None = None
    ) -> bytes:
        """Return what a contract answers to a message, without a transaction. ``gas`` is what it may use.

        Raises
        ------
        TransactionReverted
            Where the call reverts; ``data`` of the error is what it returned.
        BlockUnavailable
            Where the node does not serve the block's state.
        """
        message = {"to": to, "data": f"0x{data.hex()}", **({"from": sender} if sender else {})}
        message |= {} if gas is None else {"gas": hex(gas)}
        try:
            return answers.data(await self._one("eth_call", [message], block), "call result")
        except RpcError as error:
            if (revert := reverted(error)) is not None:
                raise revert from error
            raise

    async def estimate_gas(self, tx: Mapping[str, str], block: Block = "latest") -> int:
        """Return the gas that a transaction would need, were it the next one after ``block``.

        Parameters
        ----------
        tx
            In the form of JSON-RPC: ``from``, ``to``, ``data``, and ``gas``, the most that may be used, all hex.

        Raises
        ------
        TransactionReverted
            Where it would revert.
        TransactionTooLarge
            Where it runs out of gas even with all that it may use; how much it needs is not known then.
        """
        try:
            return answers.quantity(await self._tried("eth_estimateGas", tx, block), "gas estimate", 64)
        except RpcError as error:
            if not searched_above_cap(error) or "gas" not in tx:
                raise
        # What it needs is not told, but whether what it may use is enough.
        await self._tried("eth_call", tx, block)
        return int(tx["gas"], 16)

    async def _tried(self, method: str, tx: Mapping[str, str], block: Block) -> Any:
        try:
            return await self._one(method, [dict(tx)], block)
        except RpcError as error:
            if (given := out_of_gas(error)) is not None:
                cap = given or int(tx.get("gas", "0x0"), 16) or await self.block_gas_limit()
                raise TransactionTooLarge(None, cap) from error
            if (revert := reverted(error)) is not None:
                raise revert from error
            raise

    async def block_gas_limit(self) -> int:
        """Return the gas that all transactions of the newest block together may use."""
        told = answers.mapping(await self._block("latest"), "block")
        return answers.quantity(told.get("gasLimit"), "gas limit", 64)

    async def fees(self) -> Fees:
        """Return what to offer per gas, see `smartsync.fees`."""
        return await fees(self.rpc)

    async def logs(
        self,
        address: str,
        topics: Sequence[Topic] = (),
        *,
        from_block: int | str = "earliest",
        to_block: int | str = "latest",
    ) -> list[Log]:
        """Return a contract's events, the oldest first.

        Parameters
        ----------
        topics
            By position: 32 bytes, several of which one must match, or None for any.

        Raises
        ------
        BlockUnavailable
            Where the node does not serve logs of these blocks (any more).
        """
        backwards = self.logs_backwards(address, topics, from_block=from_block, to_block=to_block)
        windows = [logs async for logs in backwards]
        return [log for logs in reversed(windows) for log in logs]

    def logs_backwards(
        self,
        address: str,
        topics: Sequence[Topic] = (),
        *,
        from_block: int | str = "earliest",
        to_block: int | str = "latest",
    ) -> AsyncIterator[list[Log]]:
        """Yield a contract's events in windows of blocks, the newest window first; in a window the oldest event first.

        All in one window where the node answers for so many blocks at once. For whoever knows when to stop: a node that
        answers for few has to be asked thousands of times for all that a chain ever had.

        Raises
        ------
        BlockUnavailable
            Where the node does not serve logs of these blocks (any more).
        """
        return self._logs.backwards(address, topics, from_block, to_block)

    async def transaction(self, tx_hash: bytes) -> Transaction | None:
        """Return a transaction, in a block or waiting, or None where the node does not know it."""
        return (await self.transactions([tx_hash]))[0]

    async def transactions(self, tx_hashes: Sequence[bytes]) -> list[Transaction | None]:
        """Return transactions in the order of their hashes (32 bytes each), None for those not known to the node."""
        told = await self.rpc.batch([("eth_getTransactionByHash", [f"0x{one.hex()}"]) for one in tx_hashes])
        return [None if one is None else answers.transaction(one) for one in told]

    async def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Return what became of a transaction, or None where it is not in a block yet.

        Raises
        ------
        NodeError
            Where the answer is malformed or about another transaction.
        """
        told = await self.rpc.call("eth_getTransactionReceipt", [f"0x{tx_hash.hex()}"])
        if told is None or (isinstance(told, Mapping) and told.get("blockNumber") is None):
            return None
        receipt = answers.receipt(told)
        if receipt.tx_hash != tx_hash:
            raise NodeError(f"{self.rpc.host} answered with the receipt of another transaction")
        return receipt

    async def _number(self, block: int | str) -> int:
        """Return the number of a block that is named by its number or by a word."""
        if isinstance(block, int):
            return block
        if block in ("earliest", "latest"):
            return 0 if block == "earliest" else await self.block_number()
        return (await self.header(block)).number

    async def _block(self, block: Block) -> Any:
        """Return a block as the node tells it, without its transactions."""
        if isinstance(block, bytes) or len(str(block)) == 66:
            method, tag = "eth_getBlockByHash", f"0x{block_hash(block).hex()}"
        else:
            method, tag = "eth_getBlockByNumber", str(block_tag(block))
        try:
            told = await self.rpc.call(method, [tag, False])
        except RpcError as error:
            if (gone := unavailable(error, block_name(block))) is not None:
                raise gone from error
            raise
        if told is None:
            raise BlockUnavailable(block_name(block), "it does not know it", host=self.rpc.host)
        return told

    async def _raw_header(self, told: Mapping[str, Any], asked: bytes | None, why: InvalidHeader) -> Header:
        """Ask for the header's RLP, where its JSON did not give its hash; ``why`` is raised where that fails, too."""
        try:
            claimed = asked or answers.data(told.get("hash"), "block hash", 32)
            raw = answers.data(await self.rpc.call("debug_getRawHeader", [f"0x{claimed.hex()}"]), "raw header")
            header = decode_header(raw)
        except (NodeError, InvalidHeader):
            raise InvalidHeader(f"{self.rpc.host}: {why.message}", hint=why.hint) from why
        if header.hash != claimed:
            raise InvalidHeader(f"{self.rpc.host}: {why.message}", hint=why.hint) from why
        return header

    async def _one(self, method: str, params: Sequence[Any], block: Block) -> Any:
        return (await self._at([(method, params)], block))[0]

    async def _at(self, calls: Sequence[Call], block: Block) -> list[Any]:
        """Call methods whose last parameter is a block, left out in ``calls``."""
        tag = block_tag(block)
        try:
            return await self.rpc.batch([(method, [*params, tag]) for method, params in calls])
        except RpcError as error:
            if (gone := unavailable(error, block_name(block))) is not None:
                raise gone from error
            if isinstance(tag, str) or isinstance(error, MethodMissing) or revert_data(error) is not None:
                raise
        # ganache takes no hash here (EIP-1898): the block's number says the same, while the block is canonical
        return await self._at(calls, await self._canonical_number(block_hash(block)))

    async def _canonical_number(self, asked: bytes) -> int:
        number = (await self.header(asked)).number
        if (await self.header(number)).hash != asked:
            raise BlockUnavailable(block_name(asked), "it is not on its chain any more", host=self.rpc.host)
        return number
