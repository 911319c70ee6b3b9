"""Real nodes on loopback for tests and the demo: hardhat, ganache, anvil, geth.

Each launcher is a synchronous context manager that gives a running :class:`Node`::

    with hardhat_node(chain_id=31337) as node:
        async with Rpc(node.url) as rpc:
            ...

A node listens on a free port of 127.0.0.1, keeps its files in a temporary folder, and has the accounts of
:func:`dev_accounts` funded with 10,000 ether each. It is gone after the block, whatever happened in it; also when this
process is killed. hardhat, ganache and anvil come from ``node_modules`` (``make setup``), geth from the PATH or from
``.tools/bin`` (``make geth``). None of this is needed to use SmartSync.
"""

from __future__ import annotations

from smartsync.testing.accounts import BALANCE_ETHER, MNEMONIC, dev_accounts
from smartsync.testing.launchers import anvil_node, ganache_node, geth_node, hardhat_node
from smartsync.testing.node import Node, NodeNotStarted
from smartsync.testing.programs import ToolMissing, find_geth, tools_root

__all__ = [
    "BALANCE_ETHER",
    "MNEMONIC",
    "Node",
    "NodeNotStarted",
    "ToolMissing",
    "anvil_node",
    "dev_accounts",
    "find_geth",
    "ganache_node",
    "geth_node",
    "hardhat_node",
    "tools_root",
]
