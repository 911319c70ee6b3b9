"""The text of docs/reference/gas.md, out of gas.json, and the targets and limits below."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import mean, median
from typing import Any

from benchmarks.gas.anchors_page import anchors
from benchmarks.gas.prices import INTRINSIC
from benchmarks.gas.text import Record, mean_of, met, number, paragraph, table

TARGETS = {
    (100, "update1"): 86_000,
    (100, "update10"): 140_000,
    (100, "update100"): 420_000,
    (1_000, "update1"): 97_000,
    (1_000, "update10"): 250_000,
    (1_000, "update100"): 880_000,
    (10_000, "update1"): 109_000,
    (10_000, "update10"): 410_000,
    (10_000, "update100"): 2_140_000,
}
"""Values of the contract and operation -> mean gas of a sync that is aimed at."""

FORK_TARGETS = {1_000: 24_400, 10_000: 23_900}
"""Values of the contract -> gas of the whole fork per value."""

READ_TARGETS = {"cold": 3_200, "warm": 600}
RATIO_TARGET = 1.10
PROTOTYPE_READS = {"cold": 4_178, "warm": 1_678}

_COLD_SLOT, _WARM_SLOT = 2_100, 100
"""Gas of reading a slot for the first time in a transaction, and again (EIP-2929)."""

PARTS = ("intrinsic", "calldata", "anchor", "storage writes", "transition", "hub", "floor")
"""Where the gas of a sync goes, in the order of the page and the plot."""


def page(results: dict[str, Any]) -> str:
    """Return the page for these results."""
    return (
        "\n\n".join(
            [
                "# Gas",
                "<!-- `make bench-gas` makes this from benchmarks/results/gas.json and benchmarks/gas/page.py. -->",
                _introduction(results),
                "![Gas of a sync that rewrites slots, against their number](gas-changes.svg)",
                "## A sync",
                _syncs(results["two_nodes"], targets=True),
                _below_limit(results["two_nodes"]),
                "## A sync with a mainnet-like account proof",
                _nine_nodes(results),
                _syncs(results["nine_nodes"], targets=False),
                "## Where the gas of a sync goes",
                _PARTS_TEXT,
                "![Shares of the gas of a sync](gas-parts.svg)",
                _parts_table(results["two_nodes"]),
                "## What is not reached, and why",
                _not_reached(results),
                "## A fork",
                _forks(results["fork"]),
                _activations(results["activation"]),
                _proxies(results["proxies"]),
                "## A read",
                _reads(results["reads"]),
                _guard(results["reads"], results["guard"]),
                "## An anchor",
                anchors(results["anchors"]),
                "## What was measured, and how",
                _method(results),
            ]
        )
        + "\n"
    )


def groups(records: Iterable[Record]) -> dict[tuple[int, str], list[Record]]:
    """Return the records of each kind of operation, by values of the contract and name."""
    found: dict[tuple[int, str], list[Record]] = {}
    for record in records:
        found.setdefault((size_of(record["workload"]), record["name"]), []).append(record)
    return dict(sorted(found.items(), key=lambda item: (item[0][0], *_order(item[0][1]))))


def size_of(workload: str) -> int:
    """Return the values of the contract of a workload: 100 of ``M100-batches``."""
    return int(workload.partition("-")[0].removeprefix("M"))


def parts(record: Record) -> dict[str, int]:
    """Return where the gas of one sync went; what the floor adds is a part, and refunds are taken off the writes."""
    writes = record["sstore_gas"] - record["refund"]
    found = {
        "intrinsic": INTRINSIC,
        "calldata": record["calldata_gas"],
        "anchor": record["anchor_gas"],
        "storage writes": writes,
        "transition": record["transition_gas"] - record["sstore_gas"],
        "hub": record["execution_gas"] - record["anchor_gas"] - record["transition_gas"],
    }
    return {**found, "floor": record["gas"] - sum(found.values())}


def _order(name: str) -> tuple[int, int]:
    kind = name.rstrip("0123456789")
    return ("update", "insert", "delete", "mixed").index(kind), int(name.removeprefix(kind))


def _label(name: str) -> str:
    kind = name.rstrip("0123456789")
    return f"{kind} {name.removeprefix(kind)}"


# --- sections ---


def _introduction(results: dict[str, Any]) -> str:
    records = results["two_nodes"]
    accepted = sum(record["accepted"] for record in records)
    by_prototype = sum(record["prototype_gas"] is not None for record in records)
    ratios = [mean(record["ratio"] for record in group) for group in groups(records).values()]
    return paragraph(
        f"What SmartSync costs on {results['versions']['anvil']} under the rules of Osaka, beside the prototype of the "
        "paper and beside what no implementation can go below. "
        f"Of the {len(records)} operations {accepted} are accepted; the prototype accepts {by_prototype}. "
        f"The ratio to the limit, by kind of operation, is {min(ratios):.2f} to {max(ratios):.2f}, in the middle "
        f"{median(ratios):.2f}; {RATIO_TARGET:.2f} is aimed at. "
        "All figures are means over the operations of one kind, and of whole transactions: intrinsic gas, calldata, "
        "account proof, bookkeeping, everything."
    )


def _syncs(records: list[Record], *, targets: bool) -> str:
    header = ["values", "operation", "gas", *(["target", "met"] if targets else []), "limit", "ratio"]
    header += ["prototype", "factor"]
    rows = []
    for (size, name), group in groups(records).items():
        gas, limit = mean_of(group, "gas"), mean_of(group, "limit")
        row = [number(size), _label(name), number(gas)]
        if targets:
            row += met(gas, TARGETS.get((size, name)), limit)
        ratio = mean(record["ratio"] for record in group)
        rows.append([*row, number(limit), f"{ratio:.2f}", *_prototype(group)])
    return table(header, rows)


def _prototype(group: list[Record]) -> list[str]:
    """Return the prototype's mean over what it accepts, and how many times ours is in that over the same operations."""
    accepted = [record for record in group if record["prototype_gas"] is not None]
    if not accepted:
        return ["reverts", "–"]
    gas = mean_of(accepted, "prototype_gas")
    share = "" if len(accepted) == len(group) else f" ({100 * len(accepted) // len(group)} % accepted)"
    return [f"{number(gas)}{share}", f"{gas / mean_of(accepted, 'gas'):.1f}"]


def _below_limit(records: list[Record]) -> str:
    unreachable = [
        (size, name, target, mean_of(group, "limit"), group[0])
        for (size, name), group in groups(records).items()
        if (target := TARGETS.get((size, name))) is not None and target < mean_of(group, "limit")
    ]
    return "\n\n".join(
        paragraph(
            f"**The target for {_label(name)} of {number(size)} values cannot be reached by any transaction on the "
            f"EVM.** It is {number(target)}; but {first['changes']} slots that are touched for the first time cost "
            f"{first['changes']} · 5,000 = {number(first['sstore_gas'])} gas to rewrite, the transaction itself "
            f"{number(INTRINSIC)}, and the slots and values have to be in its calldata. The limit is "
            f"{number(limit)}; what can be judged is the ratio to it."
        )
        for size, name, target, limit, first in unreachable
    )


def _nine_nodes(results: dict[str, Any]) -> str:
    proofs = results["account_proof"]
    small, large = proofs["two_nodes"], proofs["nine_nodes"]
    pairs = zip(groups(results["two_nodes"]).values(), groups(results["nine_nodes"]).values(), strict=True)
    extra = sorted(mean_of(nine, "gas") - mean_of(two, "gas") for two, nine in pairs)
    return paragraph(
        f"An account proof of {large['nodes']} nodes instead of {small['nodes']}: {number(extra[0])} to "
        f"{number(extra[-1])} gas more. The nodes have {number(large['node_bytes'])} bytes instead of "
        f"{number(small['node_bytes'])}; what the hub takes of them ([the account "
        f"proof](witness.md#the-account-proof)) has {number(large['bytes'])} instead of {number(small['bytes'])}. "
        "Limit and prototype are those of the table above: the limit counts no account proof, and the prototype was "
        "measured with the small one."
    )


_PARTS_TEXT = """\
*intrinsic*: 21,000. *calldata*: 4 gas a zero byte, 16 another one. *anchor*: the calls of the anchor. *storage writes*:
what the protocol charges for reading and rewriting the changed slots, refunds taken off. *transition*: the rest of what
the replica's frame takes, reading the witness and hashing both tries. *hub*: account proof, bookkeeping and the rest.
*floor*: what EIP-7623 adds where the calldata alone would cost more than all this; then only bytes count."""


def _parts_table(records: list[Record]) -> str:
    rows = []
    for (size, name), group in groups(records).items():
        if (size, name) in TARGETS:
            means = [mean(column) for column in zip(*(parts(record).values() for record in group), strict=True)]
            rows.append([number(size), _label(name), *map(number, means), number(mean_of(group, "calldata_bytes"))])
    return table(["values", "operation", *PARTS, "calldata bytes"], rows)


def _not_reached(results: dict[str, Any]) -> str:
    found = groups(results["two_nodes"])
    aims = [(target, mean_of(found[key], "gas"), mean_of(found[key], "limit")) for key, target in TARGETS.items()]
    reached = sum(gas <= target for target, gas, _ in aims)
    impossible = sum(target < limit for target, _, limit in aims)
    near = [
        f"{_label(name)} of {number(size)}"
        for (size, name), group in found.items()
        if mean(record["ratio"] for record in group) <= RATIO_TARGET
    ]
    shares = {key: [parts(record) for record in group] for key, group in found.items()}
    fixed = [sum(part[name] for name in ("intrinsic", "anchor", "hub")) for part in shares[100, "update1"]]
    work = [mean(part["transition"] for part in shares[size, "update100"]) / 100 for size in (100, 1_000, 10_000)]
    dearer = [number(size_of(name)) for name, fork in results["fork"].items() if fork["prototype_gas"] < fork["total"]]
    fork = f" Of {' and '.join(dearer)} values the prototype's fork takes less gas than ours." if dearer else ""
    items = [
        f"**In short**: targets of a sync that are met: {reached} of {len(aims)}; below the limit: {impossible}. A "
        f"ratio of {RATIO_TARGET:.2f} or less have {len(near)} of {len(found)} kinds of operation ({', '.join(near)}): "
        "there bytes decide, and there are hardly any to spare.",
        f"**A small sync** pays for what the limit does not count: {number(mean(fixed))} gas before its first slot. "
        "That is the transaction itself, the anchor's word on two blocks, the account proof, and two words that change "
        "in the hub.",
        f"**A large sync** pays for hashing: update 100 takes {number(min(work))} to {number(max(work))} gas a slot "
        "in the engine, beside the 5,000 of the write. Each branch on the way to a changed slot is built and hashed "
        "twice, as it was and as it is.",
        f"**A fork** pays 22,100 for the first write of each value; calldata and hashing are the rest.{fork}",
        "**A second read** in one transaction is the farthest from its target; see [below](#a-read).",
        "**How much fits**: all writes of a sync land in one transaction. Under the cap of 16,777,216 gas that is "
        "about 2,600 changed slots or 700 new ones ([known limits](../../SECURITY.md#known-limits)). What does not fit "
        "one transaction with its proof is proven in parts before; no such sync is in these tables.",
    ]
    return "\n".join(paragraph(item, bullet=True) for item in items)


def _forks(forks: dict[str, Record]) -> str:
    rows = []
    for name, fork in forks.items():
        size = size_of(name)
        before = fork["prototype_gas"]
        rows.append(
            [
                number(size),
                number(fork["creation"]),
                f"{number(fork['fill'])} in {fork['fills']}",
                number(fork["activation"]),
                number(fork["total"]),
                number(fork["per_value"]),
                *met(fork["per_value"], FORK_TARGETS.get(size), None),
                number(before),
                f"{before / fork['total']:.1f}",
            ]
        )
    header = ["values", "creation", "fills", "activation", "in all", "per value", "target", "met"]
    text = paragraph(
        "Creation of the replica, all its slots in transactions of the size that the package makes, activation with "
        "the code's copy. Hub and anchor, deployed once for all replicas, are not in it; nor is the prototype's relay."
    )
    return f"{text}\n\n{table([*header, 'prototype', 'factor'], rows)}"


def _reads(reads: dict[str, Any]) -> str:
    rows = []
    for when, read in reads.items():
        values = [number(read[key]) for key in ("replica", "direct", "overhead")]
        judged = met(read["overhead"], READ_TARGETS[when], None)
        rows.append([when, *values, *judged, number(PROTOTYPE_READS[when])])
    header = ["the callee is", "through the replica", "directly", "overhead", "target", "met", "prototype's overhead"]
    text = paragraph(
        "A contract reads one value of the mapping with a STATICCALL: from the replica, and from the logic copy "
        "directly. *Cold* is the first such call in a transaction, *warm* the second one. Measured on chain, from the "
        "GAS instruction before the call to the one after it (`contracts/test/harness/ReadMeter.sol`)."
    )
    again = paragraph(
        "**Warm is not warm here.** Every read is undone, also a static one, and what is undone is cold again "
        "([decision 10](../decisions/0010-every-read-is-undone.md) says why that stays so). So the second read pays "
        f"{number(_COLD_SLOT)} gas for the slot, not {number(_WARM_SLOT)}. Of its overhead "
        f"{number(_COLD_SLOT - _WARM_SLOT)} are that, and the frames "
        f"{number(reads['warm']['overhead'] - _COLD_SLOT + _WARM_SLOT)}. A second read of several slots pays "
        f"{number(_COLD_SLOT - _WARM_SLOT)} more for each of them."
    )
    return f"{text}\n\n{table(header, rows)}\n\n{again}"


def _guard(reads: dict[str, Any], guard: dict[str, Any]) -> str:
    rows = [
        [when, *map(number, (guard[when]["guard"], reads[when]["replica"], guard[when]["guard"] - read["replica"]))]
        for when, read in reads.items()
    ]
    header = ["the callee is", "through the guard", "through the replica", "the guard's share"]
    text = paragraph(
        "**With a guard** (`ReaderGuard`, here over a quorum anchor) a view call also asks whether the replica is "
        "recent and final enough. That is the hub's `head`, which asks the anchor in its turn: "
        f"{number(guard['cold']['head'])} gas cold and {number(guard['warm']['head'])} warm. A contract that uses the "
        "library `FreshReplica` itself pays that, too; the rest is the guard's own account and the forwarding. "
        f"Deploying a guard takes {number(guard['deployment'])} gas."
    )
    return f"{text}\n\n{table(header, rows)}"


def _method(results: dict[str, Any]) -> str:
    versions, update = results["versions"], results["anchor_update"]
    proof_bytes = number(results["account_proof"]["two_nodes"]["node_bytes"])
    items = [
        "**operations**: each in one source block and one `sync`, all from the same starting state (`evm_snapshot`, "
        "`evm_revert`). The source is a contract with one mapping at slot 0. *update 10* rewrites 10 values, *insert* "
        "adds, *delete* removes, *mixed* does all three. After each one the hub's recorded root is compared with the "
        "root that was computed off chain.",
        f"**chain**: {versions['anvil']}, `--hardfork {versions['hardfork']} --enable-tx-gas-limit`; contracts by solc "
        f"{versions['solc']}.",
        "**gas**: `gasUsed` of the receipt. It is the larger of the floor and 21,000 + calldata + execution − refund; "
        "execution is taken from the node's trace, and the run fails where the parts do not add up to the receipt.",
        f"**apart**: the attestation of the source block by {update['signatures']} of 5 signers, "
        f"{number(update['gas'])} gas once for all replicas.",
        "**anchors**: on a node of their own, whose clock is set, so that its headers are the same in every run. "
        "Updates and hashes that are kept are means over 3 to 5 blocks (gas.json says over how many); the other calls "
        "are sent once. The run fails where one is refused.",
        "**limit**: the larger of (a) 21,000 + calldata gas of the least bytes that can carry the operation + its "
        "storage writes − their refund, and (b) the EIP-7623 floor of these bytes. The least bytes: 32 for each "
        "changed slot and each opaque reference, and the new values' own. It counts no account proof, no bookkeeping "
        "and no hashing, so 1 is out of reach. The ratio is the mean of the operations' ratios.",
        "**prototype**: disco-project/smart-sync, measured with the same operations under the rules of Prague and an "
        f"account proof of 2 nodes ({proof_bytes} bytes), without its relay. The factor is its gas divided by ours, "
        "over the operations that it accepts.",
        "**the same contracts give the same file**, byte for byte: [how to run it](../../benchmarks/README.md).",
    ]
    return "\n".join(paragraph(item, bullet=True) for item in items)


def _proxies(of_proxies: dict[str, list[Record]]) -> str:
    supplied = paragraph(
        "Of a proxy the implementation is copied, too (`IImplementations.supply`). This is the first copy of a code; "
        "where it stands already, for another anchor or address, its code is not needed again:"
    )
    resolved = paragraph("And its replica's activation deploys a resolver, whatever the size of the proxy's code:")
    return "\n\n".join(
        [
            supplied,
            _by_code(of_proxies["supply"], "copy"),
            resolved,
            _by_code(of_proxies["resolver"], "activation"),
        ]
    )


def _by_code(records: list[Record], what: str) -> str:
    rows = [
        [
            number(record["code_bytes"]),
            number(record["zero_bytes"]),
            number(record["calldata_bytes"]),
            number(record["gas"]),
            number(record["gas"] / record["code_bytes"]),
        ]
        for record in records
    ]
    return table(["bytes of code", "of them zero", "calldata bytes", what, "per byte"], rows)


def _activations(activations: list[Record]) -> str:
    text = paragraph(
        "The code of that source is very small, and an activation grows with it: it is in the calldata, is hashed and "
        "deployed. Replicas without slots, of sources with other code (EIP-170 allows 24,576 bytes):"
    )
    return f"{text}\n\n{_by_code(activations, 'activation')}"
