from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.typed_transactions import TypedTransaction
from eth_utils import keccak
from hexbytes import HexBytes

from smartsync.chain import Chain
from smartsync.errors import (
    Cancelled,
    FeeTooHigh,
    InsufficientFunds,
    NodeError,
    NonceTaken,
    PoolFull,
    TransactionError,
    TransactionPending,
    TransactionReverted,
    TransactionTooLarge,
)
from smartsync.fees import Fees
from smartsync.rpc import Rpc
from smartsync.submit import Sender, create, fits_pools
from smartsync.submit.cancelling import Cancelling
from smartsync.submit.journal import Memory, Signed
from smartsync.submit.signing import sign
from smartsync.types import TX_BYTES_CAP, TX_GAS_CAP
from tests.http_node import HttpNode, Refusal, Reply, serving

ACCOUNT = Account.from_key("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
TO = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
NOT_ACTIVE = Refusal(3, "execution reverted", f"0x{keccak(text='NotActive()')[:4].hex()}")


class Target(HttpNode):
    """A chain that takes a transaction and has it in a block after some looks."""

    status = "0x1"
    price: str | None = None
    l1_fee: str | None = None
    created: str | None = None
    looks = 2
    gas_used = "0x5208"

    def take(self) -> None:
        self.sent: list[bytes] = []
        self.results |= {
            "eth_chainId": "0x7a69",
            "eth_estimateGas": hex(100_000),
            "eth_getBlockByNumber": {"number": "0x9", "gasLimit": hex(30_000_000), "baseFeePerGas": "0x64"},
            "eth_feeHistory": {"baseFeePerGas": ["0x64"], "reward": []},
            "eth_maxPriorityFeePerGas": "0x3",
            "eth_getBalance": hex(10**18),
            "eth_getTransactionCount": "0x5",
            "eth_sendRawTransaction": self.send,
            "eth_getTransactionReceipt": self.receipt,
            "eth_getTransactionByHash": None,
        }

    def send(self, params: list[Any]) -> str:
        self.sent.append(bytes.fromhex(params[0][2:]))
        return f"0x{keccak(self.sent[-1]).hex()}"

    def receipt(self, params: list[Any]) -> Any:
        self.looks -= 1
        if self.looks > 0 or not self.sent:
            return None
        return {
            "transactionHash": params[0],
            "blockNumber": "0xa",
            "blockHash": "0x" + "33" * 32,
            "status": self.status,
            "gasUsed": self.gas_used,
            "effectiveGasPrice": self.price,
            "l1Fee": self.l1_fee,
            "contractAddress": self.created,
            "logs": [],
        }

    def told(self) -> dict[str, Any]:
        """Return the fields of the transaction that was sent last."""
        return TypedTransaction.from_bytes(HexBytes(self.sent[-1])).as_dict()

    def known(self) -> dict[str, Any]:
        told = {"hash": "0x" + "11" * 32, "from": ACCOUNT.address, "to": TO, "input": "0x", "blockNumber": None}
        self.results["eth_getTransactionByHash"] = told
        return told


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    monkeypatch.setattr("smartsync.rpc._BACKOFF_S", 0.001)
    with serving() as node:
        node.__class__ = Target
        assert isinstance(node, Target)
        node.take()
        yield node


@pytest.fixture
async def sender(node: Target) -> AsyncIterator[Sender]:
    async with Rpc(node.url, retries=1) as rpc:
        yield Sender(Chain(rpc, "target"), ACCOUNT, timeout_s=0.5, poll_s=0.01)


async def test_send_transaction_is_signed_and_followed(node: Target, sender: Sender) -> None:
    receipt = await sender.send(TO, b"\xab\xcd", what="sync")
    assert receipt.tx_hash == keccak(node.sent[0])
    assert (receipt.block_number, receipt.gas_used, receipt.calldata_bytes, receipt.success) == (10, 21000, 2, True)
    told = node.told()
    assert (told["chainId"], told["nonce"], told["gas"], told["value"]) == (31337, 5, 120_000, 0)
    assert (told["maxFeePerGas"], told["maxPriorityFeePerGas"]) == (203, 3)
    assert (told["to"].hex(), told["data"].hex()) == (TO[2:].lower(), "abcd")
    assert Account.recover_transaction(node.sent[0]) == ACCOUNT.address == sender.address
    assert [params[1] for params in node.params("eth_getTransactionCount")] == ["pending"]


async def test_send_tells_what_was_paid(node: Target, sender: Sender) -> None:
    node.price, node.l1_fee = hex(203), hex(11)
    receipt = await sender.send(TO, b"", what="sync")
    assert (receipt.gas_price_wei, receipt.cost_wei) == (203, 21_000 * 203 + 11)


@pytest.mark.parametrize(
    "lie", [{"price": hex(204)}, {"price": "0x1", "gas_used": hex(120_001)}, {"price": "0x1", "l1_fee": hex(10**30)}]
)
async def test_send_receipt_of_more_than_was_offered_is_not_believed(
    node: Target, sender: Sender, lie: dict[str, str]
) -> None:
    for name, value in lie.items():
        setattr(node, name, value)
    receipt = await sender.send(TO, b"", what="sync")
    assert receipt.cost_wei is None and receipt.l1_fee_wei == 0
    assert receipt.gas_used <= 120_000, "no transaction uses more than its limit"


async def test_send_creation_has_no_recipient(node: Target, sender: Sender) -> None:
    await sender.send(None, b"\x60", what="deploy")
    assert node.told()["to"] == b""
    assert "to" not in node.params("eth_estimateGas")[0][0]


async def test_send_chain_before_london_is_a_legacy_transaction(node: Target, sender: Sender) -> None:
    node.results |= {
        "eth_feeHistory": Refusal(-32601, "no"),
        "eth_getBlockByNumber": {"gasLimit": hex(30_000_000)},
        "eth_gasPrice": "0x77",
    }
    await sender.send(TO, b"", what="sync")
    assert node.sent[0][0] >= 0xC0
    assert Account.recover_transaction(node.sent[0]) == ACCOUNT.address


async def test_send_two_at_once_take_turns(node: Target, sender: Sender) -> None:
    node.results["eth_getTransactionCount"] = lambda params: hex(5 + len(node.sent))
    await asyncio.gather(*(sender.send(TO, bytes([i]), what=str(i)) for i in range(4)))
    nonces = [TypedTransaction.from_bytes(HexBytes(raw)).as_dict()["nonce"] for raw in node.sent]
    assert nonces == [5, 6, 7, 8]


async def test_send_that_would_revert_sends_nothing(node: Target, sender: Sender) -> None:
    node.results["eth_estimateGas"] = NOT_ACTIVE
    with pytest.raises(TransactionReverted, match="NotActive") as caught:
        await sender.send(TO, b"", what="sync")
    assert (caught.value.name, node.sent) == ("NotActive", [])


@pytest.mark.parametrize(
    ("estimate", "gas"), [(TX_GAS_CAP, TX_GAS_CAP), (TX_GAS_CAP - 1, TX_GAS_CAP), (10_000_000, 12_000_000)]
)
async def test_send_margin_ends_at_the_cap(node: Target, sender: Sender, estimate: int, gas: int) -> None:
    node.results["eth_estimateGas"] = hex(estimate)
    await sender.send(TO, b"", what="sync")
    assert node.told()["gas"] == gas
    assert node.params("eth_estimateGas")[0][0]["gas"] == hex(TX_GAS_CAP)


async def test_send_more_gas_than_the_cap_sends_nothing(node: Target, sender: Sender) -> None:
    node.results["eth_estimateGas"] = hex(TX_GAS_CAP + 1)
    with pytest.raises(TransactionTooLarge) as caught:
        await sender.send(TO, b"", what="sync")
    assert (caught.value.gas, caught.value.cap, node.sent) == (TX_GAS_CAP + 1, TX_GAS_CAP, [])
    assert (
        str(caught.value) == f"sync needs {TX_GAS_CAP + 1} gas, more than the {TX_GAS_CAP} that one transaction may use"
    )


async def test_send_out_of_gas_at_the_cap_names_what_and_no_need(node: Target, sender: Sender) -> None:
    node.results["eth_estimateGas"] = Refusal(-32000, f"gas required exceeds allowance ({TX_GAS_CAP})")
    with pytest.raises(TransactionTooLarge) as caught:
        await sender.send(TO, b"", what="activate")
    assert (caught.value.gas, caught.value.cap, node.sent) == (None, TX_GAS_CAP, [])
    assert str(caught.value) == f"activate needs more than the {TX_GAS_CAP} gas that one transaction may use"
    assert caught.value.as_dict()["gas"] is None


async def test_send_replica_out_of_gas_is_too_large_and_no_revert(node: Target, sender: Sender) -> None:
    # To the node it is a revert like any other: the transaction's first frame has gas left.
    reason = "0x" + keccak(b"OutOfGas()")[:4].hex()
    node.results["eth_estimateGas"] = Refusal(3, "execution reverted", reason)
    with pytest.raises(TransactionTooLarge) as caught:
        await sender.send(TO, b"", what="fill 400 slots")
    assert (caught.value.gas, caught.value.cap, node.sent) == (None, TX_GAS_CAP, [])
    assert caught.value.what == "fill 400 slots"


async def test_estimate_replica_out_of_gas_is_too_large(node: Target, sender: Sender) -> None:
    node.results["eth_estimateGas"] = Refusal(3, "execution reverted", "0x" + keccak(b"OutOfGas()")[:4].hex())
    with pytest.raises(TransactionTooLarge) as caught:
        await sender.estimate(TO, b"")
    assert (caught.value.gas, caught.value.cap) == (None, TX_GAS_CAP)


async def test_settle_waits_for_what_is_under_way(node: Target, sender: Sender) -> None:
    mined = iter(["0x3", "0x4", "0x5"])
    node.results["eth_getTransactionCount"] = lambda params: next(mined) if params[1] == "latest" else "0x5"
    await sender.settle()
    assert next(mined, None) is None


async def test_settle_not_in_time_is_pending(node: Target, sender: Sender) -> None:
    node.results["eth_getTransactionCount"] = lambda params: "0x4" if params[1] == "latest" else "0x5"
    sender._timeout_s = 0.05
    with pytest.raises(TransactionPending, match=f"transactions of {ACCOUNT.address} are in no block") as caught:
        await sender.settle()
    assert caught.value.retryable


def test_fits_pools_leaves_room_for_the_rest_of_the_transaction() -> None:
    raw = ACCOUNT.sign_transaction(
        {"nonce": 2**63, "gas": TX_GAS_CAP, "maxFeePerGas": 2**80, "maxPriorityFeePerGas": 2**80, "to": TO, "value": 0}
        | {"data": b"\x01" * (TX_BYTES_CAP - 512), "chainId": 2**40}
    ).raw_transaction
    assert fits_pools(b"\x01" * (TX_BYTES_CAP - 512)) and len(raw) <= TX_BYTES_CAP
    assert not fits_pools(b"\x01" * (TX_BYTES_CAP - 511))


async def test_send_without_cap_ends_at_the_block(node: Target, sender: Sender) -> None:
    sender.gas_cap = None
    node.results["eth_estimateGas"] = hex(29_000_000)
    await sender.send(TO, b"", what="sync")
    assert node.told()["gas"] == 30_000_000
    node.results["eth_estimateGas"] = hex(30_000_001)
    with pytest.raises(TransactionTooLarge):
        await sender.send(TO, b"", what="sync")


async def test_send_small_block_limit_counts_more_than_the_cap(node: Target, sender: Sender) -> None:
    node.results["eth_getBlockByNumber"] = {"gasLimit": hex(1_000_000)}
    node.results["eth_estimateGas"] = hex(1_000_001)
    with pytest.raises(TransactionTooLarge) as caught:
        await sender.send(TO, b"", what="sync")
    assert caught.value.cap == 1_000_000


async def test_send_unfunded_account_sends_nothing(node: Target, sender: Sender) -> None:
    node.results["eth_getBalance"] = hex(120_000 * 203 - 1)
    with pytest.raises(InsufficientFunds) as caught:
        await sender.send(TO, b"", what="sync")
    assert (caught.value.balance_wei, caught.value.needed_wei) == (120_000 * 203 - 1, 120_000 * 203)
    assert (caught.value.address, node.sent) == (ACCOUNT.address, [])
    assert "sync may cost up to" in caught.value.message


@pytest.mark.parametrize("balance_wei", [0, 1_000_000 * 103 - 1])
async def test_require_funds_account_that_cannot_pay_is_told_what_will_do(
    node: Target, sender: Sender, balance_wei: int
) -> None:
    node.results["eth_getBalance"] = hex(balance_wei)
    with pytest.raises(InsufficientFunds) as caught:
        await sender.require_funds(1_000_000, "the fork")
    # With more than the margin of each transaction's gas, at the price that each offers.
    assert (caught.value.balance_wei, caught.value.needed_wei) == (balance_wei, 1_500_000 * 203)
    assert caught.value.message.startswith(f"account {ACCOUNT.address} has ")
    assert "the fork may cost up to 0.0000000003045 ether" in caught.value.message


async def test_require_funds_of_the_present_price_is_enough(node: Target, sender: Sender) -> None:
    node.results["eth_getBalance"] = hex(1_000_000 * 103)
    await sender.require_funds(1_000_000, "the fork")


async def test_require_funds_where_gas_costs_nothing_needs_none(node: Target, sender: Sender) -> None:
    node.results |= {"eth_getBalance": "0x0", "eth_gasPrice": "0x0", "eth_feeHistory": None}
    node.results["eth_getBlockByNumber"] = {"gasLimit": hex(30_000_000)}
    node.results["eth_feeHistory"] = {}
    await sender.require_funds(1_000_000, "the fork")


@pytest.mark.parametrize(
    ("balance_wei", "needed_wei", "has", "needs", "missing"),
    [
        (0, 10**18, "0", "1", "1"),
        (10**18 - 1, 10**18, "0.9999", "1", "0.000000000000000001"),
        (123_456 * 10**18, 123_457 * 10**18, "123400", "123500", "1"),
        (456_120_000_000_001, 456_129_999_999_999, "0.0004561", "0.0004562", "0.00000001"),
    ],
)
def test_insufficient_funds_says_ether_that_never_looks_like_enough(
    balance_wei: int, needed_wei: int, has: str, needs: str, missing: str
) -> None:
    error = InsufficientFunds("0x00", balance_wei, needed_wei, what="the fork")
    assert error.message == (
        f"account 0x00 has {has} ether on the target chain, and the fork may cost up to {needs} ether"
    )
    assert f"with {missing} ether or more" in error.hint


async def test_send_refused_for_funds_is_insufficient_funds(node: Target, sender: Sender) -> None:
    node.results["eth_sendRawTransaction"] = Refusal(-32000, "insufficient funds for gas * price + value")
    with pytest.raises(InsufficientFunds):
        await sender.send(TO, b"", what="sync")


async def test_send_refused_names_the_reason(node: Target, sender: Sender) -> None:
    node.results["eth_sendRawTransaction"] = Refusal(-32000, "nonce too low: next nonce 7, tx nonce 5")
    with pytest.raises(TransactionError, match=r"sync: the node does not take .*nonce too low") as caught:
        await sender.send(TO, b"", what="sync")
    assert "try again" in caught.value.hint


@pytest.mark.parametrize("text", ["already known", "nonce too low", "transaction already imported"])
async def test_send_refused_but_known_is_followed(node: Target, sender: Sender, text: str) -> None:
    def refuse(params: list[Any]) -> Refusal:
        node.send(params)
        return Refusal(-32000, text)

    node.known()
    node.results["eth_sendRawTransaction"] = refuse
    assert (await sender.send(TO, b"", what="sync")).success


async def test_send_answer_lost_is_sent_again(node: Target, sender: Sender) -> None:
    def lose(request: Any) -> Reply:
        node.answer(request)
        return Reply("", 504)

    node.results["eth_getTransactionCount"] = lambda params: node.replies.append(lose) or "0x5"
    assert (await sender.send(TO, b"", what="sync")).success
    assert len(node.sent) == 2
    assert node.sent[0] == node.sent[1]


async def test_send_unknown_whether_taken_is_pending(node: Target, sender: Sender) -> None:
    def silence(params: list[Any]) -> str:
        node.replies.extend([Reply("", 503)] * 4)
        return "0x5"

    node.results["eth_getTransactionCount"] = silence
    with pytest.raises(TransactionPending, match="did not answer whether it took") as caught:
        await sender.send(TO, b"", what="sync")
    assert caught.value.retryable


async def test_send_never_in_a_block_is_pending(node: Target, sender: Sender) -> None:
    node.looks = 10**9
    with pytest.raises(TransactionPending, match=r"sync: transaction 0x[0-9a-f]{64} is in no block after 0\.5 s"):
        await sender.send(TO, b"", what="sync")


async def test_send_node_fails_while_waiting_is_asked_again(node: Target, sender: Sender) -> None:
    node.looks = 1

    def send(params: list[Any]) -> str:
        node.replies.extend([Reply("", 503)] * 3 + [Reply("garbage")])
        return node.send(params)

    node.results["eth_sendRawTransaction"] = send
    assert (await sender.send(TO, b"", what="sync")).success
    assert not node.replies


async def test_send_reverted_in_its_block_is_run_again_for_the_reason(node: Target, sender: Sender) -> None:
    node.status = "0x0"
    node.results["eth_estimateGas"] = lambda params: NOT_ACTIVE if params[1] == "0x9" else hex(100_000)
    with pytest.raises(TransactionReverted, match="NotActive") as caught:
        await sender.send(TO, b"", what="sync")
    assert caught.value.tx_hash == f"0x{keccak(node.sent[0]).hex()}"
    assert caught.value.name == "NotActive"


async def test_send_reverted_without_a_reason_says_so(node: Target, sender: Sender) -> None:
    node.status = "0x0"
    with pytest.raises(TransactionReverted, match="cannot be told") as caught:
        await sender.send(TO, b"", what="sync")
    assert caught.value.tx_hash and "run the same command again" in caught.value.hint


async def test_send_used_all_its_gas_says_so(node: Target, sender: Sender) -> None:
    node.status, node.gas_used = "0x0", hex(120_000)
    with pytest.raises(TransactionReverted, match="all of its 120000 gas") as caught:
        await sender.send(TO, b"", what="sync")
    assert "estimated too little" in caught.value.hint and "another" in caught.value.hint


async def test_send_hardhat_answers_with_the_revert_of_a_mined_transaction(node: Target, sender: Sender) -> None:
    def send(params: list[Any]) -> Refusal:
        node.send(params)
        return Refusal(-32603, "Error: VM Exception …: reverted", {"txHash": "0x", "data": NOT_ACTIVE.data})

    node.status = "0x0"
    node.known()
    node.results |= {"eth_sendRawTransaction": send}
    node.results["eth_estimateGas"] = lambda params: NOT_ACTIVE if params[1] == "0x9" else hex(100_000)
    with pytest.raises(TransactionReverted, match="NotActive") as caught:
        await sender.send(TO, b"", what="sync")
    assert caught.value.tx_hash == f"0x{keccak(node.sent[0]).hex()}"


async def test_estimate_has_no_margin(sender: Sender) -> None:
    assert await sender.estimate(TO, b"") == 100_000


async def test_create_deploys_an_artifact_and_tells_where(node: Target, sender: Sender) -> None:
    node.created = TO
    address, step = await create(sender, "Hub", [])
    assert (address, step.what, step.gas_used) == (TO, "deploy Hub", 21000)
    assert node.told()["to"] == b""


async def test_create_without_an_address_in_the_receipt_is_the_nodes_fault(node: Target, sender: Sender) -> None:
    with pytest.raises(NodeError, match="tells no address in the receipt of deploy Hub"):
        await create(sender, "Hub", [])


class Kept(Memory):
    """A journal that remembers what it was told, in order."""

    def __init__(self, before: Sequence[Signed] = ()) -> None:
        super().__init__()
        self.told: list[str] = []
        self.before = before

    async def unfinished(self) -> Sequence[Signed]:
        return self.before

    async def write(self, signed: Signed) -> None:
        self.told.append(f"write {signed.nonce}")
        await super().write(signed)

    async def dropped(self, signed: Signed, why: str) -> None:
        self.told.append(f"dropped {signed.nonce}")
        await super().dropped(signed, why)

    async def left(self, signed: Signed) -> None:
        self.told.append(f"left {signed.nonce}")
        await super().left(signed)


@pytest.fixture
async def chain(node: Target) -> AsyncIterator[Chain]:
    async with Rpc(node.url, retries=1) as rpc:
        yield Chain(rpc, "target")


async def test_send_answered_with_nonsense_leaves_no_gap_behind(node: Target, sender: Sender) -> None:
    """A watcher goes on in the same process: a nonce that nobody used would hold up all that it sends later."""

    def silence(params: list[Any]) -> str:
        node.replies.append(Reply("<html>blocked</html>", 403))
        return "0x5"

    node.results["eth_getTransactionCount"] = silence
    with pytest.raises(TransactionPending, match="did not answer whether it took"):
        await sender.send(TO, b"\x01", what="sync")
    assert node.sent == []
    node.results["eth_getTransactionCount"] = "0x5"
    await sender.send(TO, b"\x02", what="sync")
    assert node.told()["nonce"] == 5


async def test_send_refused_for_funds_that_cannot_be_read_leaves_no_gap_behind(node: Target, sender: Sender) -> None:
    def refuse(params: list[Any]) -> Refusal:
        node.results["eth_getBalance"] = Refusal(-32000, "no state")
        return Refusal(-32000, "insufficient funds for gas * price + value")

    node.results["eth_sendRawTransaction"] = refuse
    with pytest.raises(TransactionError, match="insufficient funds"):
        await sender.send(TO, b"\x01", what="sync")
    node.take()
    await sender.send(TO, b"\x02", what="sync")
    assert node.told()["nonce"] == 5


async def test_send_cancelled_while_sent_leaves_no_gap_behind(node: Target, chain: Chain) -> None:
    journal = Kept()
    sender = Sender(chain, ACCOUNT, timeout_s=0.5, poll_s=0.01, journal=journal)
    call = chain.rpc.call

    async def hang(method: str, params: Sequence[Any] = ()) -> Any:
        if method == "eth_sendRawTransaction":
            raise asyncio.CancelledError
        return await call(method, params)

    chain.rpc.call = hang  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await sender.send(TO, b"\x01", what="sync")
    assert journal.told == ["write 5", "left 5"]
    assert not await journal.taken()


async def test_send_whose_nonce_is_taken_is_dropped_and_not_left(node: Target, chain: Chain) -> None:
    journal = Kept()
    node.looks = 10**9
    sender = Sender(chain, ACCOUNT, timeout_s=5.0, poll_s=0.01, stuck_s=0.02, journal=journal)
    node.results["eth_getTransactionCount"] = lambda params: "0x6" if params[1] == "latest" else "0x5"
    with pytest.raises(NonceTaken):
        await sender.send(TO, b"", what="sync")
    assert journal.told == ["write 5", "dropped 5"]


async def test_finish_of_another_account_is_not_outbid_with_this_ones_key(node: Target, chain: Chain) -> None:
    """Where the key was changed in between: it would be a transaction of the new account, at a nonce of the old one."""
    other = Account.create()
    of_other = Signed("sync", other.address, 70, TO, b"\x01", 50_000, ())
    of_other = sign(other, 31337, of_other, Fees(10, 1))
    node.looks = 10**9
    journal = Kept([of_other])
    sender = Sender(chain, ACCOUNT, timeout_s=0.3, poll_s=0.01, stuck_s=0.02, journal=journal)
    with pytest.raises(TransactionPending):
        await sender.finish()
    assert journal.told == []
    assert set(node.sent) == {of_other.newest.raw}


@pytest.mark.parametrize(("taken", "strange"), [((), 2), ((5,), 1), ((6, 9), 1)])
async def test_send_while_something_waits_that_the_journal_does_not_know_sends_nothing(
    node: Target, chain: Chain, taken: Sequence[int], strange: int
) -> None:
    """As where the database was lost: what waits may be the same step, which two would both pay for."""
    journal = Kept()
    journal.has_all = True
    journal._nonces.update(taken)
    node.results["eth_getTransactionCount"] = lambda params: "0x5" if params[1] == "latest" else "0x7"
    sender = Sender(chain, ACCOUNT, timeout_s=0.5, poll_s=0.01, journal=journal)
    with pytest.raises(TransactionPending, match=f"{strange} are not in the journal"):
        await sender.send(TO, b"", what="sync")
    assert node.sent == [] and journal.told == []


@pytest.mark.parametrize(("taken", "latest", "nonce"), [((5, 6), 5, 7), ((), 7, 7), ((), 8, 7), ((5, 6, 7, 9), 5, 8)])
async def test_send_while_all_that_waits_is_in_the_journal_goes_on(
    node: Target, chain: Chain, taken: Sequence[int], latest: int, nonce: int
) -> None:
    journal = Kept()
    journal.has_all = True
    journal._nonces.update(taken)
    node.results["eth_getTransactionCount"] = lambda params: hex(latest) if params[1] == "latest" else "0x7"
    await Sender(chain, ACCOUNT, timeout_s=0.5, poll_s=0.01, journal=journal).send(TO, b"", what="sync")
    assert node.told()["nonce"] == nonce


def cannot_be_sent(node: Target, reason: str) -> Signed:
    """Return what offers all that is asked for, and that the node refuses: its block has no room for so much gas."""
    node.looks = 1

    def refuse_large(params: list[Any]) -> Any:
        gas = TypedTransaction.from_bytes(HexBytes(params[0])).as_dict()["gas"]
        return node.send(params) if gas < 30_000_000 else Refusal(-32000, reason)

    node.results["eth_sendRawTransaction"] = refuse_large
    unsigned = Signed("sync", ACCOUNT.address, 5, TO, b"\x01", 30_000_001, ())
    return sign(ACCOUNT, 31337, unsigned, Fees(203, 3))


async def always(_: Signed) -> bool:
    return True


async def never(_: Signed) -> bool:
    return False


async def test_finish_of_what_can_never_be_sent_gives_its_nonce_to_those_behind_it(node: Target, chain: Chain) -> None:
    """It was written down, and its process killed before it was sent: then the block's gas limit fell."""
    journal = Kept([cannot_be_sent(node, "exceeds block gas limit")])
    cancelling = Cancelling(10**12, always)
    sender = Sender(
        chain, ACCOUNT, timeout_s=2.0, poll_s=0.01, stuck_s=0.05, fee_cap_wei=0, journal=journal, cancelling=cancelling
    )
    with pytest.raises(Cancelled):
        await sender.finish()
    told = node.told()
    assert (told["nonce"], told["value"], told["data"]) == (5, 0, b"")
    assert told["to"].hex() == ACCOUNT.address[2:].lower()
    assert told["gas"] < 30_000_000, "else it would be refused just so"
    assert (told["maxFeePerGas"], told["maxPriorityFeePerGas"]) == (229, 4), "no more than takes the place"
    assert len(node.sent) == 1 and journal.told == ["write 5"]


@pytest.mark.parametrize(
    ("is_due", "cap_wei", "reason"),
    [
        (never, 10**12, "exceeds block gas limit"),
        (always, 204, "exceeds block gas limit"),
        (always, 10**12, "txpool is full"),
    ],
)
async def test_finish_of_what_is_refused_is_not_cancelled_where(
    node: Target, chain: Chain, is_due: Any, cap_wei: int, reason: str
) -> None:
    journal = Kept([cannot_be_sent(node, reason)])
    cancelling = Cancelling(cap_wei, is_due)
    sender = Sender(
        chain, ACCOUNT, timeout_s=0.4, poll_s=0.01, stuck_s=0.05, fee_cap_wei=0, journal=journal, cancelling=cancelling
    )
    with pytest.raises(TransactionPending):
        await sender.finish()
    assert node.sent == [] and journal.told == []


async def test_send_not_in_a_block_is_told_by_the_version_that_was_sent_last(node: Target, chain: Chain) -> None:
    node.looks = 10**9
    sender = Sender(chain, ACCOUNT, timeout_s=0.4, poll_s=0.01, stuck_s=0.02, journal=Kept())
    call = chain.rpc.call

    async def slow(method: str, params: Sequence[Any] = ()) -> Any:
        answer = await call(method, params)
        if method == "eth_sendRawTransaction" and len(node.sent) > 1:
            await asyncio.sleep(10)  # its answer does not come in time: that it was taken is not known
        return answer

    chain.rpc.call = slow  # type: ignore[method-assign]
    node.results["eth_maxPriorityFeePerGas"] = lambda params: hex(3 + 100 * len(node.sent))
    with pytest.raises(TransactionPending) as caught:
        await sender.send(TO, b"", what="sync")
    assert len(node.sent) == 2
    assert f"0x{keccak(node.sent[-1]).hex()}" in caught.value.message


async def test_send_stuck_without_money_to_outbid_stays_as_it_was(node: Target, chain: Chain) -> None:
    node.looks = 10**9
    journal = Kept()
    sender = Sender(chain, ACCOUNT, timeout_s=0.4, poll_s=0.01, stuck_s=0.02, journal=journal)
    node.results["eth_getBalance"] = hex(120_000 * 203)
    node.results["eth_maxPriorityFeePerGas"] = lambda params: hex(3 + 100 * len(node.sent))
    with pytest.raises(TransactionPending):
        await sender.send(TO, b"", what="sync")
    assert journal.told == ["write 5", "left 5"]
    assert len(node.sent) > 1 and len(set(node.sent)) == 1


async def test_send_behind_one_that_still_waits_sends_nothing_more(node: Target, sender: Sender) -> None:
    """A watcher looks again and again: what it sends behind one that waits does the same once more, and is paid for."""
    node.looks = 10**9
    with pytest.raises(TransactionPending):
        await sender.send(TO, b"\x01", what="sync to block 7")
    node.known()
    node.results["eth_getTransactionCount"] = lambda params: "0x5" if params[1] == "latest" else "0x6"
    with pytest.raises(TransactionPending, match="sync to block 7"):
        await sender.send(TO, b"\x02", what="sync to block 8")
    assert len(node.sent) == 1
    node.looks = 2
    await sender.send(TO, b"\x03", what="sync to block 9")
    assert len(node.sent) == 2 and node.told()["nonce"] == 6


async def test_send_behind_one_that_waits_no_more_takes_its_nonce(node: Target, sender: Sender) -> None:
    node.looks = 10**9
    with pytest.raises(TransactionPending):
        await sender.send(TO, b"\x01", what="sync to block 7")
    node.looks = 2
    await sender.send(TO, b"\x02", what="sync to block 8")
    assert len(node.sent) == 2 and node.told()["nonce"] == 5


async def test_send_behind_one_whose_nonce_was_taken_goes_on(node: Target, sender: Sender) -> None:
    node.looks = 10**9
    with pytest.raises(TransactionPending):
        await sender.send(TO, b"\x01", what="sync to block 7")
    node.known()
    sender._following = replace(sender._following, stuck_s=0.02)
    node.results["eth_getTransactionCount"] = "0x6"
    sending = asyncio.create_task(sender.send(TO, b"\x02", what="sync to block 8"))
    while len(node.sent) < 2:
        assert not sending.done()
        await asyncio.sleep(0.01)
    node.looks = 1
    assert (await sending).success and node.told()["nonce"] == 6


async def test_send_behind_one_of_which_the_node_does_not_tell_sends_nothing(node: Target, sender: Sender) -> None:
    node.looks = 10**9
    with pytest.raises(TransactionPending):
        await sender.send(TO, b"\x01", what="sync to block 7")
    node.results["eth_getTransactionByHash"] = Refusal(-32000, "busy")
    for _ in range(2):
        with pytest.raises(NodeError, match="busy"):
            await sender.send(TO, b"\x02", what="sync to block 8")
    assert len(node.sent) == 1


@pytest.mark.parametrize(("cap_wei", "offered"), [(10**9, (203, 3)), (203, (203, 3)), (150, (150, 3)), (103, (103, 3))])
async def test_send_offers_no_more_than_may_be_paid(node: Target, cap_wei: int, offered: tuple[int, int]) -> None:
    async with Rpc(node.url, retries=1) as rpc:
        await Sender(Chain(rpc, "target"), ACCOUNT, fee_cap_wei=cap_wei).send(TO, b"", what="sync")
    assert (node.told()["maxFeePerGas"], node.told()["maxPriorityFeePerGas"]) == offered


@pytest.mark.parametrize("asks", ["priority", "base", "gas price"])
async def test_send_node_that_asks_for_all_that_there_is_is_refused(node: Target, asks: str) -> None:
    """What the chain asks is its node's word: a lie must not cost more than the user said."""
    if asks == "priority":
        node.results["eth_maxPriorityFeePerGas"] = hex(10**15)
    elif asks == "base":
        node.results["eth_feeHistory"] = {"baseFeePerGas": [hex(10**15)], "reward": []}
    else:
        node.results |= {
            "eth_feeHistory": {},
            "eth_getBlockByNumber": {"number": "0x9", "gasLimit": hex(30_000_000)},
            "eth_gasPrice": hex(10**15),
        }
    async with Rpc(node.url, retries=1) as rpc:
        sender = Sender(Chain(rpc, "target"), ACCOUNT, fee_cap_wei=10**12)
        told = r"asks for 1000000(\.\d+)? gwei per gas.*and 1000 may be paid"
        with pytest.raises(FeeTooHigh, match=told):
            await sender.require_funds(10**7, "the sync")
        with pytest.raises(FeeTooHigh, match=told):
            await sender.send(TO, b"", what="sync")
    assert not node.sent


@pytest.mark.parametrize(
    "text",
    [
        "txpool is full",
        "transaction underpriced: tip needed 2, tip permitted 1",
        "FeeTooLowToCompete",
        "max fee per gas less than block base fee: address 0x7, maxFeePerGas: 1, baseFee: 9",
        "Transaction pool full",
    ],
)
async def test_send_to_a_full_pool_is_named_and_leaves_no_gap(node: Target, sender: Sender, text: str) -> None:
    node.results["eth_sendRawTransaction"] = Refusal(-32000, text)
    with pytest.raises(PoolFull, match="takes no transaction at this price now") as caught:
        await sender.send(TO, b"", what="sync")
    assert text in caught.value.message and caught.value.retryable
    node.results["eth_sendRawTransaction"] = node.send
    await sender.send(TO, b"", what="sync")
    assert node.told()["nonce"] == 5


async def test_send_refused_as_a_replacement_is_not_a_full_pool(node: Target, sender: Sender) -> None:
    """That is said of a nonce which another one has: whose, is to be looked at."""
    node.results["eth_sendRawTransaction"] = Refusal(-32000, "replacement transaction underpriced")
    with pytest.raises(TransactionError) as caught:
        await sender.send(TO, b"", what="sync")
    assert not isinstance(caught.value, PoolFull)
