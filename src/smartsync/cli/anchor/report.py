"""``smartsync anchor report``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from smartsync.cli import render
from smartsync.cli.anchor.given import file_text, hex_bytes, json_document
from smartsync.cli.command import command
from smartsync.cli.session import Session
from smartsync.config import parse_block
from smartsync.errors import ConfigError
from smartsync.results import MisbehaviourReport
from smartsync.results.telling import hexadecimal
from smartsync.sync import SmartSync

_Attestation = Annotated[
    list[Path] | None,
    typer.Option(
        "--attestation",
        metavar="FILE",
        help="Of a quorum anchor: the JSON of an attestation as an attestor served it. Given twice, for two hashes of "
        "one block by one signer.",
    ),
]
_Header = Annotated[
    Path | None,
    typer.Option(
        "--header",
        metavar="FILE",
        help="Of a QBFT or IBFT 2.0 anchor: a sealed header that contradicts an accepted one, its RLP in hex.",
    ),
]
_Number = Annotated[
    str | None,
    typer.Option(
        "--number",
        metavar="NUMBER",
        help="Of an anchor made of anchors: the number of the block for which its members hold two hashes.",
    ),
]
_Evidence = Annotated[
    str | None,
    typer.Option(
        "--evidence",
        metavar="HEX",
        help="Of any anchor: evidence in the encoding of its contract, as smartsync anchor update --from prints it.",
    ),
]

_Reporting = Callable[[SmartSync], Awaitable[MisbehaviourReport]]


@command("anchor", "keystore", needs=("source_url", "target_url", "anchor"))
def report(
    session: Session,
    attestation: _Attestation = None,
    header: _Header = None,
    number: _Number = None,
    evidence: _Evidence = None,
) -> None:
    """Show an anchor evidence of misbehaviour: it removes the signer, sets the block aside, or freezes.

    Give one kind of evidence. What shows no misbehaviour is refused, and nothing is sent. Any account may report.
    """
    anchor = session.settings.require("anchor")
    work = _reporting(anchor, attestation or [], header, number, evidence)
    result = session.connected(lambda client, _: work(client), account=session.account())
    session.output.show(result, lambda console: _draw(console, result))


def _reporting(
    anchor: str, attestations: list[Path], header: Path | None, number: str | None, evidence: str | None
) -> _Reporting:
    given = [bool(attestations), header is not None, number is not None, evidence is not None]
    if sum(given) != 1:
        raise ConfigError(
            "one kind of evidence is needed",
            hint="give --attestation FILE twice, or --header FILE, or --number NUMBER, or --evidence HEX",
        )
    if attestations:
        if len(attestations) != 2:
            raise ConfigError("two attestations are needed", hint="give --attestation FILE twice")
        one, other = (json_document(path, "the option --attestation") for path in attestations)
        return lambda client: client.report_double_signing(anchor, one, other)
    if header is not None:
        raw = hex_bytes(file_text(header, "the option --header"), f"the file {header}")
        return lambda client: client.report_fork(anchor, raw)
    if number is not None:
        block = parse_block(number, "the option --number")
        return lambda client: client.report_contradiction(anchor, block)
    told = hex_bytes(evidence or "", "the option --evidence")
    return lambda client: client.report_misbehaviour(anchor, told)


def _draw(console: Console, result: MisbehaviourReport) -> None:
    needed = f"{len(result.signers)} signers, of whom {result.threshold} have to agree"
    render.card(
        console,
        "The misbehaviour is on chain",
        [
            ("anchor is", result.anchor_status),
            *_vetoed(result),
            ("removed signer", result.removed),
            ("left", None if result.threshold is None else needed),
            *(("signer", signer) for signer in result.signers),
        ],
    )
    if result.anchor_status == "frozen":
        console.print(_frozen(result), soft_wrap=True)
    render.transactions(console, result.steps)


def _vetoed(result: MisbehaviourReport) -> list[tuple[str, object]]:
    if (block := result.vetoed) is None:
        return []
    return [
        ("set aside", f"block {block.number} ({hexadecimal(block.block_hash)})"),
        ("by watcher", block.watcher),
        ("which has", hexadecimal(block.watchers_hash)),
    ]


def _frozen(result: MisbehaviourReport) -> str:
    """Return what it means that the anchor is frozen, and what can be done."""
    if result.guardian is not None:
        way_out = f"Its guardian {result.guardian} can name new signers: smartsync anchor recover."
    else:
        way_out = "It stays so for good: deploy another anchor (smartsync anchor deploy), and fork again."
    return f"Frozen, it accepts no block any more, and its replicas stay at the state that they have. {way_out}"
