"""How each make of node is started. See the package for what they have in common."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

from smartsync.testing.accounts import ACCOUNT_COUNT, BALANCE_ETHER, MNEMONIC
from smartsync.testing.node import Node, free_port, running
from smartsync.testing.programs import anvil_program, geth_program, npm_program, tools_root

_BALANCE_WEI = BALANCE_ETHER * 10**18


@contextlib.contextmanager
def hardhat_node(
    *, chain_id: int = 31337, hardfork: str = "osaka", automine: bool = True, block_gas_limit: int = 60_000_000
) -> Iterator[Node]:
    """Run hardhat (EDR). Its tries are canonical, and it serves proofs of all its blocks.

    Parameters
    ----------
    chain_id
        Of the new chain.
    hardfork
        "osaka" (enforces the transaction cap of EIP-7825), "prague", "cancun", "shanghai" … down to "frontier".
    automine
        Whether each transaction gets its block at once; if not, call ``evm_mine``.
    block_gas_limit
        Gas per block.
    """
    network = {
        "chainId": chain_id,
        "hardfork": hardfork,
        "blockGasLimit": block_gas_limit,
        "initialDate": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "mining": {"auto": automine, "interval": 0},
        "accounts": {"mnemonic": MNEMONIC, "count": ACCOUNT_COUNT, "accountsBalance": str(_BALANCE_WEI)},
        "loggingEnabled": False,
    }

    def command(port: int, folder: Path) -> list[str]:
        config = folder / "hardhat.config.cjs"
        # A version of solc must be named; nothing is compiled.
        settings = {"solidity": "0.8.28", "networks": {"hardhat": network}}
        config.write_text(f"module.exports = {json.dumps(settings)};\n", encoding="utf-8")
        options = f"node --hostname 127.0.0.1 --port {port}"
        return [npm_program("hardhat"), "--config", str(config), *options.split()]

    # hardhat refuses to run in a folder from which node would not find this very hardhat.
    with running("hardhat", chain_id, command, cwd=tools_root()) as node:
        yield node


@contextlib.contextmanager
def ganache_node(
    *, chain_id: int = 1337, hardfork: str = "shanghai", block_gas_limit: int = 60_000_000
) -> Iterator[Node]:
    """Run ganache: canonical tries, and ``debug_storageRangeAt`` with preimages.

    Parameters
    ----------
    chain_id
        Of the new chain.
    hardfork
        "shanghai" (the newest that it has), "merge", "london" … down to "byzantium".
    block_gas_limit
        Gas per block, and per ``eth_call``.
    """

    def command(port: int, folder: Path) -> list[str]:
        options = (
            f"--server.host 127.0.0.1 --server.port {port} --logging.quiet "
            f"--chain.chainId {chain_id} --chain.networkId {chain_id} --chain.hardfork {hardfork} "
            f"--miner.blockGasLimit {block_gas_limit:#x} --miner.callGasLimit {block_gas_limit:#x} "
            f"--wallet.totalAccounts {ACCOUNT_COUNT} --wallet.defaultBalance {BALANCE_ETHER} --wallet.mnemonic"
        )
        return [npm_program("ganache"), *options.split(), MNEMONIC]

    with running("ganache", chain_id, command) as node:
        yield node


@contextlib.contextmanager
def anvil_node(
    *, chain_id: int = 31338, hardfork: str = "osaka", tx_gas_limit: bool = True, genesis_time_s: int | None = None
) -> Iterator[Node]:
    """Run anvil: a good target, but its storage tries keep zeros, of slots that were deleted or only touched.

    Parameters
    ----------
    chain_id
        Of the new chain.
    hardfork
        "osaka", "prague", "cancun" …
    tx_gas_limit
        Whether the transaction cap of EIP-7825 is enforced (from Osaka on).
    genesis_time_s
        Time of block 0, seconds; now where ``None``.
    """

    def command(port: int, folder: Path) -> list[str]:
        options = (
            f"--host 127.0.0.1 --port {port} --chain-id {chain_id} --hardfork {hardfork} "
            f"--accounts {ACCOUNT_COUNT} --balance {BALANCE_ETHER}"
        )
        cap = ["--enable-tx-gas-limit"] if tx_gas_limit else []
        if genesis_time_s is not None:
            options += f" --timestamp {genesis_time_s}"
        return [anvil_program(), *options.split(), *cap, "--mnemonic", MNEMONIC, "--cache-path", str(folder / "cache")]

    with running("anvil", chain_id, command) as node:
        yield node


@contextlib.contextmanager
def geth_node(*, archive: bool = False, block_gas_limit: int = 60_000_000) -> Iterator[Node]:
    """Run geth as a development chain: chain id 1337, Osaka, a block for each transaction.

    Its blocks are a second apart or more, so many transactions in a row set its clock ahead.

    Parameters
    ----------
    archive
        Whether the state of all blocks is served, instead of the last 128.
    block_gas_limit
        Gas per block.

    Raises
    ------
    ToolMissing
        There is no geth on the PATH or in ``.tools/bin``.
    """

    def command(port: int, folder: Path) -> list[str]:
        options = (
            f"--dev --dev.gaslimit {block_gas_limit} --gcmode {'archive' if archive else 'full'} --rpc.txfeecap 0 "
            f"--http --http.addr 127.0.0.1 --http.port {port} --http.api eth,debug,net,web3 "
            f"--authrpc.port {free_port()} --port 0 --nat none --nodiscover --ipcdisable"
        )
        return [geth_program(), *options.split(), "--datadir", str(folder / "chain")]

    with running("geth", 1337, command) as node:
        _fund_from_developer_account(node)
        yield node


def _fund_from_developer_account(node: Node) -> None:
    """Give every account its ether: geth makes one rich account of its own, and holds its key.

    All in one transaction, whose creation code is a row of transfers: one each would set the clock ten seconds ahead.
    """
    transfers = b"".join(
        # CALL(gas, account, wei, no input, no output), POP
        bytes.fromhex("5f5f5f5f7f")
        + _BALANCE_WEI.to_bytes(32)
        + b"\x73"
        + bytes.fromhex(account.address[2:] + "5af150")
        for account in node.accounts
    )
    transaction = {
        "from": node.request("eth_accounts")[0],
        "value": hex(_BALANCE_WEI * len(node.accounts)),
        "data": "0x" + transfers.hex(),
        "gas": hex(3_000_000),
    }
    node.request("eth_sendTransaction", [transaction])
    last = node.accounts[-1].address
    node.wait_until(
        lambda: int(node.request("eth_getBalance", [last, "latest"]), 16) == _BALANCE_WEI,
        "its accounts were funded",
        timeout_s=20,
    )
