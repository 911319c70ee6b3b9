"""Every way in which nodes were seen to deviate, or could in order to deceive, each in front of a real node.

From the table of nodes and the faults found in the wild that SmartSync was designed by, as far as they are about what a
node answers. Each says what becomes of an operation with this node alone: the exact result, or an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import rlp as independent
from eth_utils import keccak

from smartsync.errors import (
    AnchorMismatch,
    BlockUnavailable,
    InvalidHeader,
    InvalidProof,
    MethodMissing,
    NodeError,
    NodeUnreachable,
    RateLimited,
    RpcError,
    SmartSyncError,
    SourceReorganised,
    WrongChain,
)
from tests import lying_proxy
from tests.http_node import Refusal, Reply
from tests.lying_proxy import Lie, LyingProxy

Bend = Callable[[LyingProxy], None]
OTHER = "0x0000000000000000000000000000000000000001"
RANGE, TRACES = "debug_storageRangeAt", {"debug_traceBlockByNumber", "debug_traceTransaction"}
NONE = "0x" + "00" * 32
EMPTY_STORAGE = f"0x{keccak(independent.encode(b'')).hex()}"
SLOW_S = 2.5


@dataclass(frozen=True)
class Deviation:
    """How a node deviates, and with which error an operation ends that has no other node; None: it is exact.

    ``text`` is part of the error's message or hint. ``hangs`` where it is about time.
    """

    bend: Bend
    alone: type[SmartSyncError] | None = None
    text: str = ""
    hangs: bool = False


def lie(method: str, told: Lie) -> Bend:
    return lambda proxy: proxy.lies.update({method: told})


def refusing(method: str, code: int, text: str, where: Callable[[list[Any]], bool] = lambda params: True) -> Bend:
    return lie(method, lambda params, result: Refusal(code, text) if where(params) else result)


def always(reply: Reply) -> Bend:
    """Have every request answered so."""

    def bend(proxy: LyingProxy) -> None:
        def answer(request: Any) -> Reply:
            proxy.replies.append(answer)
            return reply

        proxy.replies.append(answer)

    return bend


def times(count: int, reply: Reply) -> Bend:
    return lambda proxy: proxy.replies.extend([reply] * count)


# --- proofs ---


def of_account(change: Callable[[list[str]], list[str]]) -> Bend:
    return lie("eth_getProof", lambda params, proof: {**proof, "accountProof": change(proof["accountProof"])})


def of_slots(change: Callable[[list[str]], list[str]]) -> Bend:
    return lie(
        "eth_getProof",
        lambda params, proof: {
            **proof,
            "storageProof": [{**one, "proof": change(one["proof"])} for one in proof["storageProof"]],
        },
    )


def long_form(nodes: list[str]) -> list[str]:
    """Write the last node's first short string with a length byte that it does not need."""
    items = independent.decode(bytes.fromhex(nodes[-1][2:]))
    body = b"".join(
        b"\xb8" + bytes([len(item)]) + item if place == 0 and isinstance(item, bytes) else independent.encode(item)
        for place, item in enumerate(items)
    )
    head = b"\xf8" + bytes([len(body)]) if len(body) < 256 else b"\xf9" + len(body).to_bytes(2, "big")
    return [*nodes[:-1], f"0x{(head + body).hex()}"]


def embedded(nodes: list[str]) -> list[str]:
    """Put the last node into the one before it, in the place of its hash."""
    if len(nodes) < 2:
        return nodes
    last, before = (bytes.fromhex(node[2:]) for node in (nodes[-1], nodes[-2]))
    items = [independent.decode(last) if item == keccak(last) else item for item in independent.decode(before)]
    return [*nodes[:-2], f"0x{independent.encode(items).hex()}"]


def hashed(nodes: list[str]) -> list[str]:
    """Give the last node's hash in its place."""
    return [*nodes[:-1], f"0x{keccak(bytes.fromhex(nodes[-1][2:])).hex()}"]


def forged_leaf(nodes: list[str]) -> list[str]:
    """Give the leaf another value, as it would be encoded."""
    items = independent.decode(bytes.fromhex(nodes[-1][2:]))
    return [*nodes[:-1], f"0x{independent.encode([*items[:-1], independent.encode(0xBAD)]).hex()}"]


def of_another_account(proxy: LyingProxy) -> None:
    proxy.lies["eth_getProof"] = lambda params, proof: proxy.ask("eth_getProof", [OTHER, *params[1:]])


def of_another_block(proxy: LyingProxy) -> None:
    def older(params: list[Any], proof: Any) -> Any:
        return proxy.ask("eth_getProof", [*params[:2], hex(int(params[2], 16) - 1)])

    proxy.lies["eth_getProof"] = older


def swapped_keys(params: list[Any], proof: Any) -> Any:
    told = proof["storageProof"]
    return {**proof, "storageProof": told[::-1]}


def swapped_nodes(params: list[Any], proof: Any) -> Any:
    told = proof["storageProof"]
    turned = [{**one, "proof": other["proof"]} for one, other in zip(told, reversed(told), strict=True)]
    return {**proof, "storageProof": turned}


def not_all(params: list[Any], proof: Any) -> Any:
    return {**proof, "storageProof": proof["storageProof"][:-1]} if params[1] else proof


def no_storage(params: list[Any], proof: Any) -> Any:
    """Answer of an account as @ethereumjs/client does where there is none."""
    return {**proof, "storageHash": EMPTY_STORAGE, "storageProof": []}


PROOFS = {
    "account proof cut off": Deviation(of_account(lambda nodes: nodes[:-1]), InvalidProof, "does not prove"),
    "account proof empty": Deviation(of_account(lambda nodes: []), InvalidProof, "does not prove"),
    "account proof with a surplus node": Deviation(of_account(lambda nodes: [*nodes, nodes[-1]]), InvalidProof),
    "account proof with a byte behind": Deviation(
        of_account(lambda nodes: [*nodes[:-1], nodes[-1] + "00"]), InvalidProof
    ),
    "account proof not canonical": Deviation(of_account(long_form), InvalidProof),
    "account proof forged": Deviation(of_account(forged_leaf), InvalidProof),
    "account proof embedded": Deviation(of_account(embedded), InvalidProof),
    "account proof of hashes": Deviation(of_account(hashed), InvalidProof),
    "proof of another account": Deviation(of_another_account, InvalidProof),
    "proof of another block": Deviation(of_another_block, InvalidProof),
    "storage proof cut off": Deviation(of_slots(lambda nodes: nodes[:-1]), InvalidProof, "is not complete"),
    "storage proof empty": Deviation(of_slots(lambda nodes: []), InvalidProof, "is not complete"),
    "storage proof forged": Deviation(of_slots(forged_leaf), InvalidProof, "is not complete"),
    "storage proof not canonical": Deviation(of_slots(long_form), InvalidProof),
    "storage proof embedded": Deviation(of_slots(embedded), InvalidProof),
    "storage proof of hashes": Deviation(of_slots(hashed), InvalidProof),
    "storage proof with surplus nodes": Deviation(of_slots(lambda nodes: [*nodes, "0xc0", nodes[0]])),
    "storage proofs in each other's place": Deviation(lie("eth_getProof", swapped_nodes)),
    "claims beside the proofs": Deviation(lie("eth_getProof", lying_proxy.bent_claims)),
    "keys in each other's place": Deviation(lie("eth_getProof", swapped_keys), NodeError, "proved another slot"),
    "not all slots proven": Deviation(lie("eth_getProof", not_all), NodeError, "asked for"),
    "no slots proven": Deviation(
        lie("eth_getProof", lambda params, proof: {**proof, "storageProof": []}), NodeError, "asked for"
    ),
    "no slots proven, of a storage told empty": Deviation(lie("eth_getProof", no_storage), InvalidProof),
    "no proof": Deviation(lie("eth_getProof", lambda params, proof: None), NodeError, "no account proof"),
    "nodes that are no hex": Deviation(of_slots(lambda nodes: ["zz"]), NodeError, "in hex"),
}

# --- headers ---


def header(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Bend:
    return lie("eth_getBlockByNumber", lambda params, block: change(block) if block else block)


def without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda block: {key: value for key, value in block.items() if key != name}


def exchanged(block: dict[str, Any]) -> dict[str, Any]:
    return {**block, "stateRoot": block["receiptsRoot"], "receiptsRoot": block["stateRoot"]}


def first_root_wrong(params: list[Any], block: Any) -> Any:
    return lying_proxy.bent_state_root(params, block) if block and block["number"] == "0x0" else block


def block_before(proxy: LyingProxy) -> None:
    def older(params: list[Any], block: Any) -> Any:
        number = int(block["number"], 16)
        return proxy.ask("eth_getBlockByNumber", [hex(number - 1), False]) if number else block

    proxy.lies["eth_getBlockByNumber"] = older


def own_making(which: Callable[[int], bool]) -> Bend:
    """Tell blocks that hang together, their hashes included, and are not those of the chain."""
    return lie(
        "eth_getBlockByNumber",
        lambda params, block: (
            lying_proxy.forged_header(params, block) if block and which(int(block["number"], 16)) else block
        ),
    )


HEADERS = {
    "field changed": Deviation(header(lambda block: {**block, "nonce": "0x00000000000000ff"}), InvalidHeader),
    "field added": Deviation(header(lambda block: {**block, "blobGasUsed": "0x0", "size": "0x7"})),
    "field dropped": Deviation(header(without("mixHash")), InvalidHeader),
    "optional field dropped": Deviation(header(without("baseFeePerGas")), InvalidHeader),
    "fields exchanged": Deviation(header(exchanged), InvalidHeader, "hash"),
    "fields in another order": Deviation(header(lambda block: dict(reversed(block.items())))),
    "state root bent": Deviation(lie("eth_getBlockByNumber", lying_proxy.bent_state_root), InvalidHeader, "hash"),
    "block 0 with a wrong root": Deviation(lie("eth_getBlockByNumber", first_root_wrong), InvalidHeader, "hash"),
    "blocks of its own making": Deviation(own_making(lambda number: True), SourceReorganised, "the anchor accepts"),
    "blocks of its own making but for the first": Deviation(
        own_making(lambda number: number > 0), SourceReorganised, "the anchor accepts"
    ),
    "first block of its own making": Deviation(
        own_making(lambda number: number == 0), AnchorMismatch, "another genesis block"
    ),
    "another block than asked for": Deviation(block_before, InvalidHeader, "answered with block"),
    "no block": Deviation(
        lie("eth_getBlockByNumber", lambda params, block: None), BlockUnavailable, "does not know it"
    ),
    "block that is none": Deviation(lie("eth_getBlockByNumber", lambda params, block: []), NodeError, "no block"),
}

# --- which slots there are ---


def pages(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Bend:
    def bend(proxy: LyingProxy) -> None:
        proxy.missing |= TRACES
        proxy.lies[RANGE] = lambda params, page: change(page)

    return bend


def nameless(page: dict[str, Any]) -> dict[str, Any]:
    entries = {key: {**entry, "key": None} for key, entry in (page["storage"] or {}).items()}
    return {**page, "storage": entries}


def with_rlp_values(page: dict[str, Any]) -> dict[str, Any]:
    entries = {
        key: {**entry, "value": f"0x{independent.encode(bytes.fromhex(entry['value'][2:])).hex()}"}
        for key, entry in page["storage"].items()
    }
    return {**page, "storage": entries}


def ending_early(page: dict[str, Any]) -> dict[str, Any]:
    return {"storage": dict(list(page["storage"].items())[:5]), "nextKey": None}


def never_ending(proxy: LyingProxy) -> None:
    """Make up one slot a page, each right behind the one before."""
    proxy.missing |= TRACES

    def page(params: list[Any], told: Any) -> Any:
        key = int(params[3], 16) + 1
        return {"storage": {f"0x{key:064x}": {"key": None, "value": "0x1"}}, "nextKey": f"0x{key + 1:064x}"}

    proxy.lies[RANGE] = page


def skipping(proxy: LyingProxy) -> None:
    """Give pages of seven, and name the key after the next one as the next."""
    proxy.missing |= TRACES

    def page(params: list[Any], told: Any) -> Any:
        keys = sorted(told["storage"])
        shown = {key: told["storage"][key] for key in keys[:7]}
        return {"storage": shown, "nextKey": keys[8] if len(keys) > 8 else told["nextKey"]}

    proxy.lies[RANGE] = page


def state_after(proxy: LyingProxy) -> None:
    """Tell the state after the block's transaction, where the one before it was asked for."""
    proxy.missing |= TRACES

    def later(params: list[Any], told: Any) -> Any:
        number = int(proxy.ask("eth_getBlockByHash", [params[0], False])["number"], 16)
        after = proxy.ask("eth_getBlockByNumber", [hex(number + 1), False])
        return proxy.ask(RANGE, [after["hash"], *params[1:]]) if after else told

    proxy.lies[RANGE] = later


def ethereumjs(proxy: LyingProxy) -> None:
    """Deviate as @ethereumjs/client 0.10.5 does, which `tests/integration/test_ethereumjs.py` holds this to."""
    proxy.missing |= {"debug_traceBlockByNumber", "trace_replayBlockTransactions", "eth_createAccessList"}
    state_after(proxy)
    later = proxy.lies[RANGE]

    def page(params: list[Any], told: Any) -> Any:
        shown = nameless(with_rlp_values(later(params, told)))
        keys, limit = sorted(shown["storage"]), int(params[4])
        following = keys[limit + 1] if len(keys) > limit + 1 else None
        return {"storage": {key: shown["storage"][key] for key in keys[:limit]}, "nextKey": following}

    proxy.lies[RANGE] = page
    no_tracers(proxy)


def no_tracers(proxy: LyingProxy) -> None:
    """Trace transactions by single steps, and refuse to do it otherwise."""
    text = "custom tracers and tracer configurations are not implemented"
    proxy.lies["debug_traceTransaction"] = lambda params, trace: (
        Refusal(-32602, text) if "tracer" in params[1] else trace
    )


def replaying(told: object) -> Bend:
    """Answer so of every block where state diffs are asked for, and tell slots in no other way."""

    def bend(proxy: LyingProxy) -> None:
        proxy.missing |= {RANGE, *TRACES}
        proxy.results["trace_replayBlockTransactions"] = told

    return bend


def without_traces(bend: Bend) -> Bend:
    """Leave only what tells all slots: then there are so many that their values are compared before they are proven."""

    def both(proxy: LyingProxy) -> None:
        proxy.missing |= TRACES
        bend(proxy)

    return both


def old_values(proxy: LyingProxy) -> None:
    """Tell each value as it was three blocks ago: what changed since looks as it is in the replica."""

    def old(params: list[Any], value: Any) -> Any:
        before = int(params[2], 16) - 3 if params[2].startswith("0x") else 0
        return proxy.ask("eth_getStorageAt", [*params[:2], hex(before)]) if before > 0 else value

    proxy.lies["eth_getStorageAt"] = old


SLOTS = {
    "storage range without preimages": Deviation(pages(nameless)),
    "storage range with RLP values": Deviation(pages(with_rlp_values)),
    "storage range with pages that skip": Deviation(skipping),
    "storage range of the state after": Deviation(state_after),
    "storage range that ends early": Deviation(pages(ending_early)),
    "storage range empty": Deviation(pages(lambda page: {"storage": {}, "nextKey": None})),
    "storage range that does not get on": Deviation(pages(lambda page: {**page, "nextKey": "0x" + "00" * 32})),
    "storage range that never ends": Deviation(never_ending),
    "storage range that is garbage": Deviation(pages(lambda page: {"storage": 7})),
    "storage range and traces of @ethereumjs/client": Deviation(ethereumjs),
    "no tracers": Deviation(no_tracers),
    "state diffs of nothing": Deviation(replaying([])),
    "state diffs of another contract": Deviation(
        replaying([{"stateDiff": {OTHER: {"storage": {NONE: {"+": NONE}}}}}]),
    ),
    "state diffs left out": Deviation(replaying([{"output": "0x", "stateDiff": None}])),
    "state diffs that are garbage": Deviation(replaying([None])),
    "no way to tell slots": Deviation(lambda proxy: proxy.missing.update({RANGE, *TRACES})),
    "traces of nothing": Deviation(
        lambda proxy: proxy.lies.update(debug_traceTransaction=lambda params, trace: {"pre": {}, "post": {}})
    ),
    "traces that are garbage": Deviation(
        lambda proxy: proxy.lies.update(debug_traceTransaction=lambda params, trace: [None])
    ),
    "empty slots as 0x": Deviation(
        lie("eth_getStorageAt", lambda params, value: "0x" if int(value, 16) == 0 else value)
    ),
    "values that are wrong": Deviation(without_traces(lie("eth_getStorageAt", lambda params, value: "0x1234"))),
    "values that are all zero": Deviation(without_traces(lie("eth_getStorageAt", lambda params, value: "0x0"))),
    "values that are old": Deviation(without_traces(old_values)),
    "newest block too low": Deviation(lie("eth_blockNumber", lambda params, number: "0x0")),
    "newest block far ahead": Deviation(lie("eth_blockNumber", lambda params, number: "0xffffff")),
}

# --- limits ---


def short_keys(params: list[Any]) -> bool:
    return any(len(key) != 66 for key in params[1])


def pruned_after(count: int) -> Bend:
    """Serve so many proofs, and then none of this state any more."""

    def bend(proxy: LyingProxy) -> None:
        asked: Counter[str] = Counter()

        def prune(params: list[Any], proof: Any) -> Any:
            asked["proofs"] += 1
            return lying_proxy.pruned(params, proof) if asked["proofs"] > count else proof

        proxy.lies["eth_getProof"] = prune

    return bend


def newest_only(proxy: LyingProxy) -> None:
    newest = proxy.ask("eth_blockNumber", [])
    for method in ("eth_getProof", "eth_getStorageAt", "eth_getCode", "eth_getBalance", "eth_call"):
        proxy.lies[method] = lambda params, result: (
            result if params[-1] in (newest, "latest") else lying_proxy.pruned(params, result)
        )


def too_many(count: int, text: str) -> Bend:
    return refusing("eth_getProof", -32602, text, lambda params: len(params[1]) > count)


def forgetful(proxy: LyingProxy) -> None:
    proxy.forgetful = True
    proxy.missing |= TRACES


def no_batches(proxy: LyingProxy) -> None:
    def answer(request: Any) -> Reply:
        proxy.replies.append(answer)
        return Reply("no batches", 400) if isinstance(request, list) else Reply(proxy.answer(request))

    proxy.missing |= TRACES
    proxy.replies.append(answer)


def cut(proxy: LyingProxy) -> None:
    def answer(request: Any) -> Reply:
        proxy.replies.append(answer)
        reply = Reply(proxy.answer(request))
        return Reply(reply.content[: len(reply.content) // 2])

    proxy.replies.append(answer)


def slow_proofs(proxy: LyingProxy) -> None:
    """Need too long for more than eight slots at once."""

    def answer(request: Any) -> Reply:
        proxy.replies.append(answer)
        many = isinstance(request, dict) and request["method"] == "eth_getProof" and len(request["params"][1]) > 8
        return Reply(b"", delay_s=SLOW_S) if many else Reply(proxy.answer(request))

    proxy.replies.append(answer)


LIMITS = {
    "at most 10 keys": Deviation(too_many(10, "too many storage keys requested (max 10, got more)")),
    "at most 100 keys": Deviation(too_many(100, "too many storage keys requested (max 100, got more)")),
    "at most 1,024 keys": Deviation(too_many(1024, "too many storage keys requested (max 1024, got more)")),
    "answers of some size": Deviation(too_many(3, "response size exceeded")),
    "time for few keys only": Deviation(slow_proofs, hangs=True),
    "keys of 32 bytes only": Deviation(refusing("eth_getProof", -32602, "invalid storage key", short_keys)),
    "no historical proofs": Deviation(newest_only),
    "no proofs": Deviation(lambda proxy: proxy.missing.add("eth_getProof"), MethodMissing, "eth_getProof"),
    "state dropped": Deviation(lie("eth_getProof", lying_proxy.pruned), BlockUnavailable, "missing trie node"),
    "state dropped during the work": Deviation(pruned_after(1), BlockUnavailable, "missing trie node"),
    "proof window": Deviation(
        refusing("eth_getProof", -32000, "distance to target block exceeds maximum proof window"), BlockUnavailable
    ),
    "block refused as a wrong parameter": Deviation(
        refusing("eth_getProof", -32602, "specified block greater than current height"), BlockUnavailable
    ),
    "internal error": Deviation(refusing("eth_getProof", -32603, "internal error"), RpcError, "internal error"),
    "asked too often, sometimes": Deviation(times(2, Reply(status=429, headers={"Retry-After": "0"}))),
    "asked too often, sometimes, no time named": Deviation(times(2, Reply(status=429))),
    "asked too often": Deviation(always(Reply(status=429, headers={"Retry-After": "0"})), NodeUnreachable, "429"),
    "asked too often, no time named": Deviation(always(Reply(status=429)), NodeUnreachable, "429"),
    "no more requests today": Deviation(
        refusing("eth_getProof", -32005, "daily request count exceeded"), RateLimited, "request count"
    ),
    "bad gateway": Deviation(always(Reply("<html>", 502)), NodeUnreachable, "502"),
    "key refused": Deviation(always(Reply("forbidden", 403)), NodeError, "403"),
    "hangs": Deviation(always(Reply(delay_s=SLOW_S)), NodeUnreachable, "no answer within", hangs=True),
    "half answers of batches": Deviation(forgetful),
    "no batches": Deviation(no_batches),
    "answers cut short": Deviation(cut, NodeError, "no JSON"),
    "another chain": Deviation(lie("eth_chainId", lambda params, number: "0x7777"), WrongChain),
}

DEVIATIONS = {**PROOFS, **HEADERS, **SLOTS, **LIMITS}
