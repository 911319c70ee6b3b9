"""The shapes of what nodes answer: every value is checked before anything is done with it.

Shape only: whether an answer is *true* is decided by the proofs and hashes that it leads to. Nodes differ in how they
write the same thing (``0x`` for 0, odd digits, keys without their zeros); what is meant is unambiguous and accepted,
everything else is a `NodeError` that says what was wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address

from smartsync.errors import NodeError
from smartsync.types import EMPTY_ROOT, UntrustedProof, UntrustedStorageProof

_HEX = re.compile(r"0x[0-9a-fA-F]*")


@dataclass(frozen=True, slots=True)
class Log:
    """An event that a transaction left behind. ``topics`` are 32 bytes each."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    tx_hash: bytes


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction as a node tells it. ``to`` is None for a creation, ``block_number`` while it is in no block.

    ``value_wei`` in wei, ``gas`` what it may use, ``max_fee_wei`` what it offers per gas, ``priority_fee_wei`` of
    that on top of the base fee (``None``: it has one price); all 0 where they are not told, ``nonce`` too.
    """

    tx_hash: bytes
    sender: str
    to: str | None
    data: bytes
    block_number: int | None
    value_wei: int = 0
    gas: int = 0
    nonce: int = 0
    max_fee_wei: int = 0
    priority_fee_wei: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a transaction.

    ``success`` is False where it reverted; ``contract_address`` of a creation; ``calldata_bytes`` its input's length
    (0 where it is not known). ``gas_price_wei`` is what each unit of gas was paid with, base fee and priority fee
    together, ``None`` where it is not told or cannot be; ``l1_fee_wei`` what an OP-stack rollup (or Scroll) took
    besides for the data that it puts on its own L1.
    """

    tx_hash: bytes
    block_number: int
    block_hash: bytes
    success: bool
    gas_used: int
    contract_address: str | None
    logs: tuple[Log, ...]
    calldata_bytes: int = 0
    gas_price_wei: int | None = None
    l1_fee_wei: int = 0

    @property
    def cost_wei(self) -> int | None:
        """What the sender paid, of the target's own coin; ``None`` where that is not known.

        Without what a rollup takes that no field of its receipts names as an amount (an OP-stack operator's fee).
        """
        return None if self.gas_price_wei is None else self.gas_used * self.gas_price_wei + self.l1_fee_wei


def quantity(value: object, what: str, bits: int = 256) -> int:
    """Read a number. ``0x`` is 0 (ganache's empty slot) and leading zeros are allowed.

    Raises
    ------
    NodeError
        Where it is not hex or has more than ``bits`` bits. ``what`` names it in the message.
    """
    number = int(_digits(value, what) or "0", 16)
    if number >> bits:
        raise NodeError(f"the node answered a {what} of more than {bits} bits")
    return number


def data(value: object, what: str, size: int | None = None) -> bytes:
    """Read bytes, exactly ``size`` of them where it is given.

    Raises
    ------
    NodeError
        Where it is not hex, has an odd number of digits or another size.
    """
    digits = _digits(value, what)
    if len(digits) % 2 or (size is not None and len(digits) != 2 * size):
        wanted = "whole bytes" if size is None else f"{size} bytes"
        raise NodeError(f"the node answered a {what} of {len(digits)} hex digits, {wanted} expected")
    return bytes.fromhex(digits)


def address(value: object, what: str) -> str:
    """Read an address and return it checksummed (EIP-55).

    Raises
    ------
    NodeError
        Where it is not 20 bytes of hex.
    """
    return to_checksum_address(data(value, what, 20))


def mapping(value: object, what: str) -> Mapping[str, Any]:
    """Return a JSON object as it is.

    Raises
    ------
    NodeError
        Where it is something else.
    """
    if not isinstance(value, Mapping):
        raise NodeError(f"the node answered no {what} but {_shown(value)}")
    return value


def sequence(value: object, what: str) -> Sequence[Any]:
    """Return a JSON array as it is.

    Raises
    ------
    NodeError
        Where it is something else.
    """
    if not isinstance(value, list):
        raise NodeError(f"the node answered no list of {what} but {_shown(value)}")
    return value


def account_proof(value: object, of: str, slots: Sequence[bytes]) -> UntrustedProof:
    """Read the result of ``eth_getProof`` for the account ``of`` and ``slots`` (32 bytes each), in their order.

    Source: EIP-1186.

    Raises
    ------
    NodeError
        Where something is missing, malformed, or about another slot.
    """
    proof = mapping(value, "account proof")
    told = sequence(proof.get("storageProof"), "storage proofs")
    storage_root = data(proof.get("storageHash"), "storage hash", 32)
    if not told and storage_root == EMPTY_ROOT:
        # So answers @ethereumjs/client of an account that is not there; that there is no storage is verified as ever.
        told = [{"key": f"0x{slot.hex()}", "value": "0x0", "proof": []} for slot in slots]
    if len(told) != len(slots):
        raise NodeError(f"the node proved {len(told)} slots, asked for {len(slots)}")
    return UntrustedProof(
        address=of,
        storage_root=storage_root,
        code_hash=data(proof.get("codeHash"), "code hash", 32),
        account_nodes=_nodes(proof.get("accountProof"), "account proof"),
        storage=tuple(_storage_proof(one, slot) for one, slot in zip(told, slots, strict=True)),
    )


def transaction(value: object) -> Transaction:
    """Read the result of ``eth_getTransactionByHash``.

    Raises
    ------
    NodeError
        Where something is missing or malformed.
    """
    told = mapping(value, "transaction")
    to, number = told.get("to"), told.get("blockNumber")
    # Of one in a block, nodes tell what it paid as its gasPrice: what it offers stands in maxFeePerGas.
    most, tip = told.get("maxFeePerGas"), told.get("maxPriorityFeePerGas")
    most = told.get("gasPrice") if most is None else most
    return Transaction(
        tx_hash=data(told.get("hash"), "transaction hash", 32),
        sender=address(told.get("from"), "sender"),
        to=None if to is None else address(to, "recipient"),
        data=data(told.get("input"), "transaction input"),
        block_number=None if number is None else quantity(number, "block number", 64),
        value_wei=quantity(told.get("value", "0x0"), "value"),
        gas=quantity(told.get("gas", "0x0"), "gas limit", 64),
        nonce=quantity(told.get("nonce", "0x0"), "nonce", 64),
        max_fee_wei=0 if most is None else quantity(most, "fee"),
        priority_fee_wei=None if tip is None else quantity(tip, "priority fee"),
    )


def receipt(value: object) -> Receipt:
    """Read the result of ``eth_getTransactionReceipt``.

    Raises
    ------
    NodeError
        Where something is missing or malformed; a receipt from before Byzantium has no status and is refused, too.
    """
    told = mapping(value, "receipt")
    created = told.get("contractAddress")
    price, l1_fee = told.get("effectiveGasPrice"), told.get("l1Fee")
    return Receipt(
        tx_hash=data(told.get("transactionHash"), "transaction hash", 32),
        block_number=quantity(told.get("blockNumber"), "block number", 64),
        block_hash=data(told.get("blockHash"), "block hash", 32),
        success=quantity(told.get("status"), "receipt status") == 1,
        gas_used=quantity(told.get("gasUsed"), "gas used", 64),
        contract_address=None if created is None else address(created, "contract address"),
        logs=tuple(log(one) for one in sequence(told.get("logs"), "logs")),
        gas_price_wei=None if price is None else quantity(price, "effective gas price"),
        l1_fee_wei=0 if l1_fee is None else quantity(l1_fee, "L1 fee"),
    )


def log(value: object) -> Log:
    """Read one log of a receipt or of ``eth_getLogs``.

    Raises
    ------
    NodeError
        Where something is missing or malformed.
    """
    told = mapping(value, "log")
    return Log(
        address=address(told.get("address"), "log address"),
        topics=tuple(data(topic, "log topic", 32) for topic in sequence(told.get("topics"), "log topics")),
        data=data(told.get("data"), "log data"),
        block_number=quantity(told.get("blockNumber"), "block number", 64),
        tx_hash=data(told.get("transactionHash"), "transaction hash", 32),
    )


def _storage_proof(value: object, slot: bytes) -> UntrustedStorageProof:
    told = mapping(value, "storage proof")
    # Nodes answer with the key as it was sent, without its zeros, or as a number. It is asked for in order anyway.
    if quantity(told.get("key"), "storage key") != int.from_bytes(slot, "big"):
        raise NodeError(f"the node proved another slot than 0x{slot.hex()}: {_shown(told.get('key'))}")
    nodes = _nodes(told.get("proof"), "storage proof")
    return UntrustedStorageProof(slot=slot, value=quantity(told.get("value"), "storage value"), nodes=nodes)


def _nodes(value: object, what: str) -> tuple[bytes, ...]:
    return tuple(data(node, f"node of a {what}") for node in sequence(value, f"{what} nodes"))


def _digits(value: object, what: str) -> str:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise NodeError(f"the node answered no {what} in hex but {_shown(value)}")
    return value[2:]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
