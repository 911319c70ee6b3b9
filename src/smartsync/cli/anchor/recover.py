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
        help="Hash of the last block that is to stand: all above are revoked, final ones too. Zero where none is.",
        show_default=False,
    ),
]


@command("anchor", "keystore", needs=("source_url", "target_url", "anchor"))
def recover(session: Session, signer: SignerOption, threshold: ThresholdOption, head: _Head) -> None:
    """As its guardian, bring a frozen quorum anchor back: schedules it, and once the delay is over puts it in force.

    The second time anybody can run it.
    """
    signers = addresses(signer, "--signer")
    stands = hex_bytes(head, "the option --head", 32)
    anchor = session.settings.require("anchor")
    account = session.account()
    result = session.connected(
        lambda client, _: client.recover_anchor(anchor, signers, threshold, stands), account=account
    )
    session.output.show(result, lambda console: draw_change(console, result, "smartsync anchor recover"))
