"""``smartsync attest``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from smartsync.cli import render
from smartsync.cli.anchor.given import chosen_block
from smartsync.cli.command import command
from smartsync.cli.session import Session
from smartsync.results import AcceptedBlock
from smartsync.results.telling import hexadecimal

_Block = Annotated[
    str | None,
    typer.Option("--block", metavar="BLOCK", help="Source block: a number, finalized, or safe. Default: the newest."),
]


@command("anchor", "keystore", "attestor_keystores", needs=("source_url", "target_url", "anchor"))
def attest(session: Session, block: _Block = None) -> None:
    """Sign a source block with each attestor's key and submit it to the quorum anchor.

    Sign only what is final on the source chain: two hashes for one height remove a signer, and freeze the anchor
    where a quorum signed them. It is signed as final where the source's node calls it finalized, else as safe.
    """
    chosen = chosen_block(block)
    anchor = session.settings.require("anchor")
    account = session.account()
    attestors = session.attestors(account)
    result = session.connected(lambda client, _: client.attest(anchor, attestors, block=chosen), account=account)
    session.output.show(result, lambda console: _draw(console, result))


def _draw(console: Console, result: AcceptedBlock) -> None:
    render.card(
        console,
        f"Source block {result.block_number} is accepted" + ("" if result.steps else " already"),
        [("block hash", hexadecimal(result.block_hash)), ("level", result.level)],
    )
    render.transactions(console, result.steps)
