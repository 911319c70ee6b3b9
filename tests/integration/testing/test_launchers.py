import os
import signal
import subprocess
import sys
import time

import pytest

from smartsync.errors import NodeError
from smartsync.testing import BALANCE_ETHER, Node, NodeNotStarted, anvil_node, ganache_node, hardhat_node

MAKES = ("hardhat", "ganache", "anvil", "geth")


@pytest.fixture(params=MAKES)
def node(request: pytest.FixtureRequest) -> Node:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Node)
    return found


def group_is_gone(leader: int, within_s: float = 10.0) -> bool:
    """Say whether no process of the group is left; the last ones may take a moment to be collected."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            os.killpg(leader, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_node_chain_id_is_served(node: Node) -> None:
    assert int(node.request("eth_chainId"), 16) == node.chain_id


def test_node_accounts_are_funded(node: Node) -> None:
    # Not the first accounts: other tests spend from them.
    for account in node.accounts[-2:]:
        balance = int(node.request("eth_getBalance", [account.address, "latest"]), 16)
        assert balance > BALANCE_ETHER * 10**18 // 2


def test_node_proof_is_served(node: Node) -> None:
    proof = node.request("eth_getProof", [node.accounts[0].address, ["0x" + "00" * 32], "latest"])
    assert proof["accountProof"]


def test_node_unknown_method_raises(node: Node) -> None:
    with pytest.raises(NodeError, match="smartsync_nothing"):
        node.request("smartsync_nothing")


@pytest.mark.parametrize("make", ["hardhat", "anvil", "geth"])
def test_node_osaka_refuses_gas_above_the_cap(make: str, request: pytest.FixtureRequest) -> None:
    node: Node = request.getfixturevalue(make)
    sender = node.accounts[8]
    transaction = {
        "to": sender.address,
        "gas": 16_777_217,
        "nonce": int(node.request("eth_getTransactionCount", [sender.address, "latest"]), 16),
        "chainId": node.chain_id,
        "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 10**9,
        "value": 0,
    }
    signed = sender.sign_transaction(transaction)
    with pytest.raises(NodeError, match=r"(?i)\bgas\b"):
        node.request("eth_sendRawTransaction", ["0x" + signed.raw_transaction.hex()])


def test_hardhat_node_no_automine_waits_for_evm_mine() -> None:
    with hardhat_node(automine=False, hardfork="prague", chain_id=4711) as node:
        transfer = {"from": node.accounts[0].address, "to": node.accounts[1].address, "value": "0x1"}
        transaction = node.request("eth_sendTransaction", [transfer])
        assert node.request("eth_getTransactionReceipt", [transaction]) is None
        node.request("evm_mine")
        assert node.request("eth_getTransactionReceipt", [transaction])["status"] == "0x1"


def test_anvil_node_genesis_time_makes_the_same_genesis_block() -> None:
    def genesis() -> dict[str, str]:
        with anvil_node(genesis_time_s=1_800_000_000) as node:
            block: dict[str, str] = node.request("eth_getBlockByNumber", ["0x0", False])
            return block

    first, again = genesis(), genesis()
    assert int(first["timestamp"], 16) == 1_800_000_000
    assert first["hash"] == again["hash"]


def test_anvil_node_left_by_an_exception_is_gone() -> None:
    with pytest.raises(ZeroDivisionError), anvil_node() as node:
        raise ZeroDivisionError
    assert group_is_gone(node.process.pid)
    assert not node.log_path.parent.exists()


def test_ganache_node_unknown_hardfork_shows_what_it_printed() -> None:
    with pytest.raises(NodeNotStarted, match=r"chain\.hardfork"), ganache_node(hardfork="osaka"):
        pass


def test_hardhat_node_parent_killed_leaves_no_process() -> None:
    script = (
        "import time\nfrom smartsync.testing import hardhat_node\n"
        "with hardhat_node() as node:\n    print(node.process.pid, flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        leader = int(parent.stdout.readline())
        assert not group_is_gone(leader, within_s=0.1)
        parent.send_signal(signal.SIGKILL)
    assert group_is_gone(leader)
