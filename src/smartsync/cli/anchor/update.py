"""``smartsync anchor update``."""

from __future__ import annotations

from dataclasses import asdict

from rich.console import Console

from smartsync.cli import render
from smartsync.cli.anchor.given import BlockOption, FromOption, chosen_block, remote_signers
from smartsync.cli.command import command
from smartsync.cli.session import Session
from smartsync.results import AnchorUpdate
from smartsync.results.telling import hexadecimal, utc

_UNLESS = "unless a watcher contradicts it (smartsync anchor report --number) before"


@command("anchor", "keystore", needs=("source_url", "target_url", "anchor"))
def update(session: Session, block: BlockOption = None, source: FromOption = None) -> None:
    """Have the anchor accept a source block. Anybody can: the anchor checks the proof.

    What the proof is depends on the anchor's kind: headers, the chain's own block hashes, what its members accept, or
    the signatures of a quorum, which --from fetches from its attestors. With keys of the signers use smartsync attest.

    A signer who is seen to have signed two hashes of one block is told, with the evidence for smartsync anchor report.
    """
    chosen = chosen_block(block)
    signers = remote_signers(session, source)
    anchor = session.settings.require("anchor")
    account = session.account()
    result = session.connected(
        lambda client, _: client.update_anchor(anchor, signers=signers, block=chosen, tell=session.output.note),
        account=account,
    )
    noticed = signers.equivocations if signers else []
    for error in noticed:
        session.output.note(error.in_full)
    document = {
        **asdict(result),
        "equivocations": [{"signer": one.signer, "number": one.number, "evidence": one.evidence} for one in noticed],
    }
    session.output.show(document, lambda console: _draw(console, result))


def _draw(console: Console, result: AnchorUpdate) -> None:
    done = "waits for a veto" if result.level == "pending" else "is accepted"
    render.card(
        console,
        f"Source block {result.block_number} {done}" + ("" if result.steps else " already"),
        [
            ("block hash", hexadecimal(result.block_hash)),
            ("level", result.level),
            ("accepted from", None if result.usable_from is None else f"{utc(result.usable_from)}, {_UNLESS}"),
        ],
    )
    render.transactions(console, result.steps)
