"""``smartsync anchor rotate``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from smartsync.cli import render
from smartsync.cli.anchor.given import SignerOption, ThresholdOption, addresses, hex_bytes
from smartsync.cli.command import command
from smartsync.cli.session import Session
from smartsync.results import SignerChange
from smartsync.results.telling import hexadecimal, utc

_Signature = Annotated[
    list[str] | None,
    typer.Option(
        "--signature",
        metavar="HEX",
        help="What smartsync anchor sign-set printed for a signer whose key is not here; repeatable.",
    ),
]


@command("anchor", "keystore", "attestor_keystores", needs=("source_url", "target_url", "anchor"))
def rotate(session: Session, signer: SignerOption, threshold: ThresholdOption, signature: _Signature = None) -> None:
    """Give a quorum anchor other signers: schedule them, and after the anchor's delay put them in force.

    Run it twice with the same options. The first time a quorum of the present signers has to sign, with the attestors'
    keys of the settings or elsewhere (--signature). After the delay anybody can run it, and only this puts the new
    signers in force; before that it fails with exit code 8, and says how long it still takes.
    """
    signers = addresses(signer, "--signer")
    signatures = [hex_bytes(text, "the option --signature", 65) for text in signature or []]
    anchor = session.settings.require("anchor")
    account = session.account()
    accounts = session.attestors(account)
    result = session.connected(
        lambda client, _: client.rotate(anchor, signers, threshold, accounts=accounts, signatures=signatures),
        account=account,
    )
    session.output.show(result, lambda console: draw_change(console, result, "smartsync anchor rotate"))


def draw_change(console: Console, result: SignerChange, again: str) -> None:
    """Write what became of other signers; ``again`` is the command that puts them in force."""
    what = f"{'Signer' if result.head is None else 'The recovery with signer'} set {result.set_epoch}"
    if result.effective_at is None:
        title = f"{what} is in force" + ("" if result.steps else " already")
    else:
        title = f"{what} is scheduled, and not in force yet"
    render.card(
        console,
        title,
        [
            ("quorum", f"{result.threshold} of {len(result.signers)}"),
            *(("signer", address) for address in result.signers),
            ("last block that stands", None if result.head is None else _head(result.head)),
            ("instead of the recovery to", None if result.replaced_head is None else _head(result.replaced_head)),
            ("not before", None if result.effective_at is None else utc(result.effective_at)),
            ("then run", None if result.effective_at is None else f"{again}, with the same options"),
        ],
    )
    render.transactions(console, result.steps)


def _head(block_hash: bytes) -> str:
    if not any(block_hash):
        return "none: every block is revoked"
    return f"{hexadecimal(block_hash)}, which is final then"
