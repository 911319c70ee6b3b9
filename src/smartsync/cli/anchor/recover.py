"""``smartsync anchor recover``."""

from __future__ import annotations

from typing import Annotated

import typer

from smartsync.cli.anchor.given import SignerOption, ThresholdOption, addresses, hex_bytes
from smartsync.cli.anchor.rotate import draw_change
from smartsync.cli.command import command
from smartsync.cli.session import Session

_Head = Annotated[
    str,
    typer.Option(
        "--head",
        metavar="HASH",
        help="Hash of the last block that is to stand. It becomes FINAL: no revocation undoes it any more. All above "
        "it are revoked, final ones too; zeros revoke all.",
        show_default=False,
    ),
]


@command("anchor", "keystore", needs=("source_url", "target_url", "anchor"))
def recover(session: Session, signer: SignerOption, threshold: ThresholdOption, head: _Head) -> None:
    """As its guardian, bring a frozen quorum anchor back: schedule it, and after the anchor's delay put it in force.

    Run it twice with the same options. The first time the guardian has to pay. After the delay anybody can run it, and
    only this makes the anchor active; before that it fails with exit code 8, and says how long it still takes.
    """
    signers = addresses(signer, "--signer")
    stands = hex_bytes(head, "the option --head", 32)
    anchor = session.settings.require("anchor")
    account = session.account()
    result = session.connected(
        lambda client, _: client.recover_anchor(anchor, signers, threshold, stands), account=account
    )
    session.output.show(result, lambda console: draw_change(console, result, "smartsync anchor recover"))
