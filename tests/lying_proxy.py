"""A real node with somebody in between: answers pass through bent, as a broken or hostile node would give them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

from smartsync import rlp
from smartsync.header import header_from_rpc
from smartsync.keccak import keccak256
from tests.http_node import HttpNode, Refusal, Reply, serving

Lie = Callable[[list[Any], Any], Any]
"""From the parameters and the true result to what is told: another result, or a `Refusal`."""

_STATE_ROOT = 3


class LyingProxy(HttpNode):
    """``lies`` bend answers by method; ``missing`` methods are not there; with ``away`` there is no node at all.

    With ``forgetful`` the answer to a batch lacks its last call. ``results`` and ``replies`` work as in `HttpNode`.
    """

    def __init__(self, url: str, upstream: str) -> None:
        super().__init__(url)
        self.upstream = upstream
        self.lies: dict[str, Lie] = {}
        self.missing: set[str] = set()
        self.away = self.forgetful = False

    def respond(self, request: Any) -> Reply:
        if self.away:
            return Reply(status=503)
        return super().respond(request)

    def answer(self, request: Any) -> Any:
        if isinstance(request, list):
            answers = [self.answer(call) for call in request]
            return answers[:-1] if self.forgetful else answers
        if request["method"] in self.missing or request["method"] in self.results:
            return super().answer(request)
        told = self._forward(request)
        lie = self.lies.get(request["method"])
        if lie is None or "error" in told:
            return told
        bent = lie(request["params"], told["result"])
        if isinstance(bent, Refusal):
            del told["result"]
            return {**told, "error": {"code": bent.code, "message": bent.message}}
        return {**told, "result": bent}

    def ask(self, method: str, params: list[Any]) -> Any:
        """Return what the real node answers to another question."""
        return self._forward({"jsonrpc": "2.0", "id": 0, "method": method, "params": params})["result"]

    def _forward(self, request: Any) -> Any:
        post = Request(self.upstream, json.dumps(request).encode(), {"Content-Type": "application/json"})  # noqa: S310
        with urlopen(post, timeout=60) as response:  # noqa: S310
            return json.load(response)


@contextmanager
def lying(upstream: str) -> Iterator[LyingProxy]:
    """Give a proxy in front of the node at this url; it tells the truth until it is told otherwise."""
    with serving(lambda url: LyingProxy(url, upstream)) as proxy:
        yield proxy


# --- lies ---


def flipped(data: str) -> str:
    """Return hex with its last bit turned."""
    return data[:-1] + f"{int(data[-1], 16) ^ 1:x}"


def bent_account_proof(params: list[Any], proof: Any) -> Any:
    *first, last = proof["accountProof"]
    return {**proof, "accountProof": [*first, flipped(last)]}


def bent_storage_proofs(params: list[Any], proof: Any) -> Any:
    return {**proof, "storageProof": [_with_last_bent(one) for one in proof["storageProof"]]}


def _with_last_bent(proof: Any) -> Any:
    *first, last = proof["proof"]
    return {**proof, "proof": [*first, flipped(last)]}


def cut_storage_proofs(params: list[Any], proof: Any) -> Any:
    """Leave out the last node: what it would show looks absent to a careless reader."""
    return {**proof, "storageProof": [{**one, "proof": one["proof"][:-1]} for one in proof["storageProof"]]}


def bent_claims(params: list[Any], proof: Any) -> Any:
    """Turn everything in a proof that proves nothing: values and hashes beside the nodes."""
    storage = [{**one, "value": "0xbad"} for one in proof["storageProof"]]
    return {**proof, "storageHash": "0x" + "12" * 32, "codeHash": "0x" + "34" * 32, "storageProof": storage}


def bent_state_root(params: list[Any], block: Any) -> Any:
    return {**block, "stateRoot": flipped(block["stateRoot"])}


def forged_header(params: list[Any], block: Any) -> Any:
    """Return a block that hangs together, its hash included, and has another state root."""
    fields = list(header_from_rpc(block).fields)
    fields[_STATE_ROOT] = bytes([*fields[_STATE_ROOT][:-1], fields[_STATE_ROOT][-1] ^ 1])
    return {**block, "stateRoot": "0x" + fields[_STATE_ROOT].hex(), "hash": "0x" + keccak256(rlp.encode(fields)).hex()}


def pruned(params: list[Any], result: Any) -> Refusal:
    """Answer as geth does for a state that it dropped."""
    return Refusal(-32000, f"missing trie node {'ab' * 32} (path ) state 0x{'cd' * 32} is not available")
