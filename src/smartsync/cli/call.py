"""``smartsync call``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from smartsync.addresses import ZERO_ADDRESS
from smartsync.cli import render
from smartsync.cli.command import command
from smartsync.cli.options import ReplicaArgument
from smartsync.cli.session import Session
from smartsync.config import parse_address
from smartsync.contracts import parse_signature
from smartsync.document import to_json
from smartsync.errors import ReplicaError
from smartsync.results import CallComparison, CallOutcome
from smartsync.results.telling import hexadecimal

_Signature = Annotated[
    str, typer.Argument(metavar="SIGNATURE", help="As in 'balanceOf(address)(uint256)': name, arguments, results.")
]
_Arguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ARGUMENT",
        help="Numbers as 42 or 0x2a, bytes as 0x…, arrays and tuples as JSON. Write -- before negative numbers.",
        show_default=False,
    ),
]
_From = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="ADDRESS", help="Who calls, for views that ask (msg.sender). Default: address zero."
    ),
]


@command("hub", needs=("source_url", "target_url", "hub"))
def call(
    session: Session,
    replica: ReplicaArgument,
    signature: _Signature,
    arguments: _Arguments = None,
    sender: _From = None,
) -> None:
    """Call a view function on source and replica, side by side; exit code 6 if the answers differ.

    The source is asked at the block that the replica mirrors. Views that read the block's time or number, or a balance,
    may well differ: those are the chain's, not the contract's.
    """
    address = parse_address(replica, "REPLICA")
    # Said in any case: what a node takes where nothing is said differs from node to node.
    who = parse_address(sender or ZERO_ADDRESS, "the option --from")
    given = arguments or []
    function = parse_signature(signature)
    function.encode(given)
    compared = session.connected(lambda client, _: client.call(address, signature, given, sender=who))
    document = {"agree": compared.agree, "signature": signature, "arguments": given}
    document |= {"block_number": compared.block_number}
    document |= {"source": to_json(compared.source), "replica": to_json(compared.replica)}
    session.output.show(document, lambda console: _draw(console, compared, function.outputs))
    if not compared.agree:
        raise typer.Exit(ReplicaError.exit_code)


def _draw(console: Console, compared: CallComparison, outputs: tuple[str, ...]) -> None:
    source, replica = _cells(compared.source), _cells(compared.replica)
    height = max(len(source), len(replica), 1)
    names = outputs if compared.source.ok and compared.replica.ok else ()
    rows = [
        (
            names[row] if row < len(names) else "answer",
            *(cells[row] if row < len(cells) else "" for cells in (source, replica)),
        )
        for row in range(height)
    ]
    render.table(console, ("result", f"source at block {compared.block_number}", "replica"), rows)
    console.print()
    render.heading(console, "The answers agree." if compared.agree else "The answers DIFFER.")


def _cells(outcome: CallOutcome) -> list[str]:
    """Return one text a result."""
    if not outcome.ok:
        return [f"reverts: {outcome.error}" if outcome.reverted else outcome.error]
    if outcome.raw and not outcome.values:
        return [f"{hexadecimal(outcome.raw)} (no result types are given, as in name(bytes32)(address))"]
    return [_text(value) for value in outcome.values] or ["(nothing)"]


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return hexadecimal(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(map(_text, value)) + "]"
    return str(value)
