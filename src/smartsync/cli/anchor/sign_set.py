"""``smartsync anchor sign-set``."""

from __future__ import annotations

from rich.console import Console

from smartsync.cli import render
from smartsync.cli.anchor.given import SignerOption, ThresholdOption, addresses
from smartsync.cli.command import command
from smartsync.cli.session import Session
from smartsync.results import SetSignature
from smartsync.results.telling import hexadecimal


@command("anchor", "keystore", "attestor_keystores", needs=("source_url", "target_url", "anchor"), pays=False)
def sign_set(session: Session, signer: SignerOption, threshold: ThresholdOption) -> None:
    """Sign a new set of signers for a quorum anchor with the keys that are here, and print the signatures.

    For signers at several places: each runs this with the same signers and threshold, and whoever has the signatures of
    enough of them gives them to smartsync anchor rotate --signature. Nothing is sent.
    """
    signers = addresses(signer, "--signer")
    anchor = session.settings.require("anchor")
    accounts = session.attestors()
    signed = session.connected(lambda client, _: client.sign_set(anchor, signers, threshold, accounts))
    session.output.show({"signatures": signed}, lambda console: _draw(console, signed))


def _draw(console: Console, signed: list[SetSignature]) -> None:
    for item in signed:
        render.card(
            console,
            f"{item.signer} signs signer set {item.set_epoch}: {item.threshold} of {len(item.signers)}",
            [
                *(("signer", address) for address in item.signers),
                ("signature", hexadecimal(item.signature)),
            ],
        )
