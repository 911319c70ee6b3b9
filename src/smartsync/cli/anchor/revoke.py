"""``smartsync anchor revoke``."""

from __future__ import annotations

from rich.console import Console

from smartsync.anchors.quorum import LocalSigners, Signers
from smartsync.cli import render
from smartsync.cli.anchor.given import FromOption, remote_signers
from smartsync.cli.command import command
from smartsync.cli.session import Session
from smartsync.results import Revoked
from smartsync.results.telling import hexadecimal


@command("anchor", "keystore", "attestor_keystores", needs=("source_url", "target_url", "anchor"))
def revoke(session: Session, source: FromOption = None) -> None:
    """Have a quorum anchor revoke the blocks that the source has dropped.

    Its signers have to sign that: by their attestors, from which --from fetches it, or with keys that are here.
    """
    remote = remote_signers(session, source)
    anchor = session.settings.require("anchor")
    account = session.account()
    signers: Signers = LocalSigners(session.attestors(account)) if remote is None else remote
    result = session.connected(lambda client, _: client.revoke(anchor, signers), account=account)
    session.output.show(result, lambda console: _draw(console, result))


def _draw(console: Console, result: Revoked) -> None:
    stands = any(result.head_hash)
    render.card(
        console,
        f"Everything above source block {result.head_number} is revoked" if stands else "Every block is revoked",
        [
            ("stands", hexadecimal(result.head_hash) if stands else "no block"),
            ("dropped", f"{result.dropped} block{'' if result.dropped == 1 else 's'}"),
        ],
    )
    render.transactions(console, result.steps)
