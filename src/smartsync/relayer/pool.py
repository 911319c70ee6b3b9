"""What of an account waits in a node's pool: signed, sent, and in no block yet.

Few nodes tell (geth, reth and anvil do, hosted ones hardly): ``txpool_contentFrom``, ``txpool_content``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smartsync import answers
from smartsync.answers import Transaction
from smartsync.chain import Chain
from smartsync.errors import NodeError

_KINDS = ("pending", "queued")


async def waiting(chain: Chain, address: str) -> list[Transaction] | None:
    """Return an account's transactions that wait, by nonce; ``None`` where the node does not tell.

    What it tells of others is left out, whatever it was asked for.
    """
    for ask in (_content_from, _content):
        try:
            told = [one for one in await ask(chain, address) if one.sender == address]
            return sorted(told, key=lambda one: one.nonce)
        except NodeError:
            continue
    return None


async def _content_from(chain: Chain, address: str) -> list[Transaction]:
    told = answers.mapping(await chain.rpc.call("txpool_contentFrom", [address]), "pool")
    return [answers.transaction(one) for kind in _KINDS for one in _values(told.get(kind))]


async def _content(chain: Chain, address: str) -> list[Transaction]:
    told = answers.mapping(await chain.rpc.call("txpool_content"), "pool")
    return [
        answers.transaction(one)
        for kind in _KINDS
        for sender, by_nonce in answers.mapping(told.get(kind), "pool").items()
        if str(sender).lower() == address.lower()
        for one in _values(by_nonce)
    ]


def _values(value: Any) -> list[Any]:
    return [] if value is None else list(answers.mapping(value, "pool").values()) if isinstance(value, Mapping) else []
