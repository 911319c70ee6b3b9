"""A proxy before a node that can be out of order in the ways in which services are: away, slow, refusing, behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.http_node import Refusal, Reply, serving
from tests.lying_proxy import LyingProxy

_NEWEST = ("latest", "pending", "safe", "finalized")
_BY_HASH = ("eth_getBlockByHash", "eth_getTransactionByHash", "eth_getTransactionReceipt")
_BY_NUMBER = ("eth_getBlockByNumber", "eth_getBlockReceipts")


class FaultyProxy(LyingProxy):
    """``outage`` answers in the node's place; ``head`` is the last block that it knows of, where it is behind."""

    outage: Callable[[Any], Reply] | None = None
    head: int | None = None

    def respond(self, request: Any) -> Reply:
        return super().respond(request) if self.outage is None else self.outage(request)

    def answer(self, request: Any) -> Any:
        if self.head is None or isinstance(request, list):
            return super().answer(request)
        shown = {"jsonrpc": "2.0", "id": request["id"]}
        if request["method"] == "eth_blockNumber":
            return {**shown, "result": hex(self.head)}
        params = [hex(self.head) if param in _NEWEST else param for param in request["params"]]
        if any(_is_above(param, self.head) for param in params):
            if request["method"] in _BY_NUMBER:
                return {**shown, "result": None}
            refusal = Refusal(-32000, "header not found")
            return {**shown, "error": {"code": refusal.code, "message": refusal.message}}
        told = super().answer({**request, "params": params})
        if request["method"] in _BY_HASH and isinstance(told.get("result"), dict):
            number = told["result"].get("number") or told["result"].get("blockNumber")
            if number is not None and int(number, 16) > self.head:
                return {**shown, "result": None}
        return told


@contextmanager
def faulty(upstream: str) -> Iterator[FaultyProxy]:
    """Give a proxy in front of the node at this url; nothing is wrong with it until it is told so."""
    with serving(lambda url: FaultyProxy(url, upstream)) as proxy:
        yield proxy


def _is_above(param: object, head: int) -> bool:
    # A block's number: shorter than an address, a hash or data.
    return isinstance(param, str) and param.startswith("0x") and 2 < len(param) < 20 and int(param, 16) > head
