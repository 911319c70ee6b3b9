"""``smartsync anchor deploy``, a command for each kind of anchor."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from smartsync.anchors.deploying import (
    BftCharter,
    BlockhashCharter,
    Charter,
    KofNCharter,
    L1BlockCharter,
    QuorumCharter,
    VetoCharter,
)
from smartsync.bft import Protocol
from smartsync.chain import Block
from smartsync.cli import render
from smartsync.cli.anchor.given import WriteConfigOption, addresses, hex_bytes
from smartsync.cli.anchor.show import draw_anchor
from smartsync.cli.command import command
from smartsync.cli.config_file import require_writable
from smartsync.cli.deploy import keep_settings
from smartsync.cli.help import Command, Group
from smartsync.cli.options import AttestingOption, GuardianOption, MajorityOption, MaxDriftOption, SetDelayOption
from smartsync.cli.session import Session
from smartsync.config import parse_address, parse_block
from smartsync.errors import SmartSyncError
from smartsync.results import AnchorReport, DeployedAnchor, Progress
from smartsync.sync import SmartSync

_Checkpoint = Annotated[
    str,
    typer.Option(
        "--checkpoint",
        metavar="BLOCK",
        help="Number or hash of the source block whose validators are trusted as they are: check it at a second node.",
    ),
]
_TrustingPeriod = Annotated[
    int,
    typer.Option(
        "--trusting-period",
        metavar="SECONDS",
        min=1,
        help="How long after a header its validators are trusted. Without an update for longer the anchor expires.",
    ),
]
_Member = Annotated[
    list[str],
    typer.Option("--member", metavar="ADDRESS", help="An anchor of this source; repeatable.", show_default=False),
]
_Threshold = Annotated[int, typer.Option("--threshold", metavar="K", min=1, help="How many must accept a block.")]
_Primary = Annotated[
    str, typer.Option("--primary", metavar="ADDRESS", help="The anchor whose blocks are taken.", show_default=False)
]
_Watcher = Annotated[
    list[str],
    typer.Option("--watcher", metavar="ADDRESS", help="An anchor that can stop it; repeatable.", show_default=False),
]
_VetoDelay = Annotated[
    int,
    typer.Option("--delay", metavar="SECONDS", min=1, help="How long a block waits for a veto; more than --max-drift."),
]

deploy = typer.Typer(
    cls=Group,
    help="Deploy an anchor for the source chain; docs/how-to/choose-an-anchor.md says which.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@deploy.command("quorum", cls=Command)
@command("keystore", "attestor_keystores")
def quorum(
    session: Session,
    signer: AttestingOption = None,
    threshold: MajorityOption = None,
    max_drift: MaxDriftOption = 900,
    delay: SetDelayOption = 2 * 86_400,
    guardian: GuardianOption = None,
    write_config: WriteConfigOption = False,
) -> None:
    """For any chain: trusts that fewer than a threshold of the named signers are dishonest."""
    signers = addresses(signer or [], "--signer")
    names = None if guardian is None else parse_address(guardian, "the option --guardian")
    if not signers:
        signers = [account.address for account in session.attestors()]
    needed = len(signers) // 2 + 1 if threshold is None else threshold
    _deploy(session, QuorumCharter(signers, needed, max_drift, delay, names), write=write_config)


@deploy.command("blockhash", cls=Command)
@command("keystore")
def blockhash(session: Session, write_config: WriteConfigOption = False) -> None:
    """For a replica on the source's own chain: trusts nothing but that chain."""
    _deploy(session, BlockhashCharter(), write=write_config)


@deploy.command("op-l1block", cls=Command)
@command("keystore")
def op_l1block(session: Session, write_config: WriteConfigOption = False) -> None:
    """For an OP-stack rollup that mirrors its L1: trusts nothing but the rollup."""
    _deploy(session, L1BlockCharter(), write=write_config)


@deploy.command("qbft", cls=Command)
@command("keystore")
def qbft(
    session: Session,
    checkpoint: _Checkpoint = "latest",
    trusting_period: _TrustingPeriod = 14 * 86_400,
    max_drift: MaxDriftOption = 900,
    write_config: WriteConfigOption = False,
) -> None:
    """For a Besu chain that runs QBFT: trusts that fewer than a third of its validators are faulty."""
    _deploy(session, _bft("qbft", checkpoint, trusting_period, max_drift), write=write_config)


@deploy.command("ibft2", cls=Command)
@command("keystore")
def ibft2(
    session: Session,
    checkpoint: _Checkpoint = "latest",
    trusting_period: _TrustingPeriod = 14 * 86_400,
    max_drift: MaxDriftOption = 900,
    write_config: WriteConfigOption = False,
) -> None:
    """For a Besu chain that runs IBFT 2.0: trusts that fewer than a third of its validators are faulty."""
    _deploy(session, _bft("ibft2", checkpoint, trusting_period, max_drift), write=write_config)


@deploy.command("k-of-n", cls=Command)
@command("keystore")
def k_of_n(session: Session, member: _Member, threshold: _Threshold, write_config: WriteConfigOption = False) -> None:
    """Made of other anchors: accepts what enough of them accept, and freezes where two contradict each other."""
    _deploy(session, KofNCharter(addresses(member, "--member"), threshold), write=write_config)


@deploy.command("veto", cls=Command)
@command("keystore")
def veto(
    session: Session,
    primary: _Primary,
    watcher: _Watcher,
    delay: _VetoDelay,
    max_drift: MaxDriftOption = 900,
    write_config: WriteConfigOption = False,
) -> None:
    """Made of other anchors: accepts what one of them accepts, after a delay in which any other can stop it."""
    decides = parse_address(primary, "the option --primary")
    charter = VetoCharter(decides, addresses(watcher, "--watcher"), delay, max_drift)
    _deploy(session, charter, write=write_config)


def _bft(protocol: Protocol, checkpoint: str, trusting_period_s: int, max_drift_s: int) -> BftCharter:
    block: Block = checkpoint
    if len(checkpoint) == 66:
        block = hex_bytes(checkpoint, "the option --checkpoint", 32)
    elif checkpoint != "latest":
        block = parse_block(checkpoint, "the option --checkpoint")
    return BftCharter(protocol, block, trusting_period_s, max_drift_s)


def _deploy(session: Session, charter: Charter, *, write: bool) -> None:
    if write:
        require_writable(session.config_file)
    account = session.account()

    async def work(client: SmartSync, _: Progress) -> tuple[DeployedAnchor, AnchorReport | None, dict[str, str | int]]:
        chains = {"source_chain_id": await client.source.chain_id(), "target_chain_id": await client.target.chain_id()}
        deployed = await client.deploy_anchor(charter)
        return deployed, await _described(session, client, deployed.anchor), {"anchor": deployed.anchor, **chains}

    deployed, report, written = session.connected(work, account=account)
    document = {
        "contract": deployed.contract,
        "anchor": deployed.anchor,
        "report": report,
        "steps": deployed.steps,
        "config": written,
    }
    session.output.show(document, lambda console: _draw(console, deployed, report))
    keep_settings(session, written, write=write)


async def _described(session: Session, client: SmartSync, anchor: str) -> AnchorReport | None:
    """Return what was deployed, as the chain has it. It stands, also where a node does not tell."""
    try:
        return await client.describe_anchor(anchor)
    except SmartSyncError as error:
        session.output.note(f"the anchor stands, and its terms cannot be read now: {error.message}")
        return None


def _draw(console: Console, deployed: DeployedAnchor, report: AnchorReport | None) -> None:
    render.card(console, "Deployed on the target chain", [(deployed.contract, deployed.anchor)])
    if report is not None:
        console.print()
        draw_anchor(console, report)
    render.transactions(console, deployed.steps)
