"""The section of the page about anchors."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.gas.prices import INTRINSIC
from benchmarks.gas.text import Record, met, number, paragraph, table

TARGETS = {
    (kind, f"{count} validators"): target
    for kind in ("qbft", "ibft2")
    for count, target in ((4, 140_000), (21, 210_000))
}
"""Anchor and case -> gas of an update that is aimed at."""

TRIALS = {("quorum", "3 of 5"): 137_708, ("quorum", "7 of 10"): 164_456, ("quorum", "13 of 19"): 204_554}
"""Anchor and case -> gas of an update with an unoptimised trial contract; with which header is not recorded."""

_FRESH_WORD = 22_100
_RECORD_WORDS = 3  # state root; number, times, level and epoch; the block that stands at the number


def anchors(records: Sequence[Record]) -> str:
    """Return the section without its heading."""
    return "\n\n".join(
        [
            _INTRODUCTION,
            _updates(records),
            _what_decides(records),
            "### Its other calls",
            _others(records),
            _ancestors(records),
            "### What a sync pays for its word",
            _steps(records),
            "### Its deployment",
            _deployments(records),
        ]
    )


_INTRODUCTION = f"""\
{
    paragraph(
        "What an update takes, so that a source block is accepted: once for all replicas, whoever sends it. Whole "
        "transactions, the record of the block included, on an anchor that has accepted blocks before; a *checkpoint* "
        "is the first block of a BFT anchor."
    )
}

{
    paragraph(
        "The header is most of the calldata. *quorum*, *op-l1block*, *k-of-n* and *veto* got one with 21 fields and a "
        "bloom full of logs, like mainnet's; *blockhash* the node's own, of empty blocks, whose bloom of zeros takes "
        "3,072 gas less; *qbft* and *ibft2* one with the 15 fields and the empty bloom of a real Besu network at rest. "
        "*A full block* is the other end: 21 fields and a full bloom. The predeploy of *op-l1block* is a stand-in: a "
        "rollup's own is behind a proxy, which is not in the figures. Of *k-of-n* and *veto* the members' own updates "
        "(3 of 5 each, all of them had accepted the block) are not in it."
    )
}"""


def _updates(records: Sequence[Record]) -> str:
    rows = []
    for record in _of(records, "update"):
        key = record["kind"], record["case"]
        trial = number(TRIALS[key]) if key in TRIALS else ""
        rows.append([*_cells(record), *met(record["gas"], TARGETS.get(key), None), trial])
    return table(["kind", "of", "calldata bytes", "gas", "target", "met", "trial contract"], rows)


def _what_decides(records: Sequence[Record]) -> str:
    gas = {(record["kind"], record["case"]): record["gas"] for record in _of(records, "update")}
    judged = [gas[key] <= target for key, target in TARGETS.items()]
    per_signature = (gas["quorum", "13 of 19"] - gas["quorum", "3 of 5"]) / 10
    per_seal = (gas["qbft", "21 validators"] - gas["qbft", "4 validators"]) / (14 - 3)
    changed = gas["qbft", "4 validators, one of them new"] - gas["qbft", "4 validators"]
    return paragraph(
        f"**What decides it**: {number(_RECORD_WORDS * _FRESH_WORD)} gas are the {_RECORD_WORDS} fresh words of the "
        f"record and {number(INTRINSIC)} the transaction, whatever the anchor trusts. Then come the header's bytes, "
        f"and what each signature takes: {number(per_signature)} gas in a quorum (65 bytes, the recovery, and the cold "
        f"word that says whether it is a signer's), {number(per_seal)} with QBFT, whose validators are in the header: "
        f"seal, address and all. One new validator takes {number(changed)} more: the known list comes along, and two "
        "words change. A composite anchor asks its members, account by account and word by word; a veto also lists "
        f"the block. Targets of an update that are met: {sum(judged)} of {len(judged)}. The trial contract was not "
        "optimised, its record had about four words, and which header it was given is not known: its figures show the "
        "order of magnitude, and no more."
    )


def _others(records: Sequence[Record]) -> str:
    names = ("keep", "revoke", "scheduleSet", "changeSet", "reportMisbehaviour")
    rows = [
        [record["kind"], f"`{name}`", record["case"], number(record["calldata_bytes"]), number(record["gas"])]
        for name in names
        for record in _of(records, name)
    ]
    text = paragraph(
        "A new set of signers has as many as the one before, one of them new. What `revoke` takes does not depend on "
        "how many blocks it revokes. Evidence removes the signer of a quorum anchor; it freezes the others, but for "
        "a veto that sets a block aside."
    )
    return f"{text}\n\n{table(['kind', 'call', 'of', 'calldata bytes', 'gas'], rows)}"


def _ancestors(records: Sequence[Record]) -> str:
    ten, hundred = _of(records, "extendAncestors")
    each = (hundred["gas"] - ten["gas"]) / 90
    return paragraph(
        f"**`extendAncestors`** of a quorum anchor takes {number(ten['gas'])} gas for 10 ancestors and "
        f"{number(hundred['gas'])} for 100, with the accepted block's own header: {number(each)} for each one more. "
        f"That is its record, its log and its header ({number(hundred['calldata_bytes'])} bytes of calldata for 100), "
        "and no signature."
    )


def _steps(records: Sequence[Record]) -> str:
    steps = _of(records, "step")
    plain = steps[0]["gas"]
    rows = []
    for record in steps:
        more = "" if record is steps[0] else number(record["gas"] - plain)
        rows.append([record["kind"], record["case"], number(record["gas"]), more])
    text = paragraph(
        "A sync asks its anchor once, with `step(from, to)`: for its status, and what both blocks are now. All that "
        "this touches is cold; measured on chain like [a read](#a-read). The [tables of a sync](#a-sync) have the "
        "quorum anchor's in them; a replica of another anchor pays so much more for each sync. With each revocation "
        "between a block's acceptance and now there is one word more to read."
    )
    return f"{text}\n\n{table(['kind', 'of', 'gas', 'more than a quorum'], rows)}"


def _deployments(records: Sequence[Record]) -> str:
    rows = [_cells(record) for record in _of(records, "deployment")]
    return table(["kind", "of", "calldata bytes", "gas"], rows)


def _of(records: Sequence[Record], call: str) -> list[Record]:
    return [record for record in records if record["call"] == call]


def _cells(record: Record) -> list[str]:
    return [record["kind"], record["case"], number(record["calldata_bytes"]), number(record["gas"])]
