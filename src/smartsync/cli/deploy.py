"""``smartsync deploy``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from smartsync.anchors.kinds import KINDS
from smartsync.cli import render
from smartsync.cli.command import command
from smartsync.cli.config_file import require_writable, setting_lines, write_settings
from smartsync.cli.options import AttestingOption, GuardianOption, MajorityOption, MaxDriftOption, SetDelayOption
from smartsync.cli.session import Session
from smartsync.config import parse_address
from smartsync.deploy import Deployed
from smartsync.document import to_json
from smartsync.errors import ConfigError
from smartsync.results import Progress
from smartsync.sync import SmartSync

_AnchorOnly = Annotated[
    bool, typer.Option("--anchor-only", help="Keep the hub of the settings and deploy only an anchor.")
]
_WriteConfig = Annotated[bool, typer.Option("--write-config", help="Write hub and anchor into the configuration file.")]


@command("hub", "keystore", "attestor_keystores")
def deploy(
    session: Session,
    signer: AttestingOption = None,
    threshold: MajorityOption = None,
    max_drift: MaxDriftOption = 900,
    delay: SetDelayOption = 2 * 86_400,
    guardian: GuardianOption = None,
    anchor_only: _AnchorOnly = False,
    write_config: _WriteConfig = False,
) -> None:
    """Deploy hub and a quorum anchor for the source chain; needed once.

    Prints what belongs in the configuration file.
    """
    path = session.config_file
    if write_config:
        require_writable(path)
    signers = [parse_address(item, "the option --signer") for item in signer or []]
    guardian = None if guardian is None else parse_address(guardian, "the option --guardian")
    account = session.account()
    signers = signers or [item.address for item in session.attestors(account)]
    quorum = len(signers) // 2 + 1 if threshold is None else threshold

    async def work(client: SmartSync, on_progress: Progress) -> tuple[Deployed, dict[str, str | int]]:
        chains = {"source_chain_id": await client.source.chain_id(), "target_chain_id": await client.target.chain_id()}
        deployed = await client.deploy(
            signers=signers,
            threshold=quorum,
            max_drift_s=max_drift,
            delay_s=delay,
            guardian=guardian,
            anchor_only=anchor_only,
            on_progress=on_progress,
        )
        return deployed, {"hub": deployed.hub, "anchor": deployed.anchor, **chains}

    deployed, written = session.connected(work, account=account)
    terms = {"max_drift_s": max_drift, "delay_s": delay, "guardian": guardian}
    document = {**_fields(deployed), "signers": signers, "threshold": quorum, **terms, "config": written}
    rows = [
        ("trusts", KINDS["quorum/2"].trusts),
        ("quorum", f"{quorum} of {len(signers)}"),
        *(("signer", address) for address in signers),
        ("max drift", f"{max_drift} s"),
        ("delay", f"{delay} s"),
        ("guardian", guardian or "none"),
    ]
    session.output.show(document, lambda console: _draw(console, deployed, rows))
    keep_settings(session, written, write=write_config)


def keep_settings(session: Session, written: dict[str, str | int], *, write: bool) -> None:
    """Write the settings to the configuration file, or say what to write there. What was deployed is shown by now."""
    path, note = session.config_file, session.output.note
    if write:
        try:
            write_settings(path, written)
        except (ConfigError, OSError) as error:
            note(f"error: {path} was not written: {error}")
        else:
            note(f"written to {path}: {', '.join(written)}")
            return
    note(f"\nPut this into {path}" + (":" if write else " (--write-config does it for you):") + "\n")
    note(setting_lines(written))
    if write:
        raise typer.Exit(ConfigError.exit_code)


def _fields(deployed: Deployed) -> dict[str, object]:
    found = to_json(deployed)
    return found if isinstance(found, dict) else {}


def _draw(console: Console, deployed: Deployed, terms: list[tuple[str, str]]) -> None:
    rows = [("hub", deployed.hub), ("anchor", deployed.anchor), *terms]
    render.card(console, "Deployed on the target chain", rows)
    render.transactions(console, deployed.steps)
