"""``smartsync analyze``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from smartsync.analysis import Analysis, ChangeReport, CodeReport, CostReport, Finding, StorageReport, read_abi
from smartsync.analysis import analyze as examine
from smartsync.chain import Chain
from smartsync.cli import render
from smartsync.cli.command import command
from smartsync.cli.progress import shown_progress
from smartsync.cli.session import Session
from smartsync.config import Settings, parse_address, parse_block, parse_gas_price
from smartsync.document import to_json
from smartsync.errors import NodeError, WrongChain
from smartsync.failover import connect
from smartsync.results import Progress

_Source = Annotated[str, typer.Argument(metavar="SOURCE", help="Address of the contract, on the source chain.")]
_Abi = Annotated[
    Path | None,
    typer.Option("--abi", metavar="FILE", help="JSON ABI, or an artifact with one: names functions and their kind."),
]
_Block = Annotated[
    str | None, typer.Option("--block", metavar="NUMBER", help="Source block to look at. Default: the newest.")
]
_GasPrices = Annotated[
    list[str] | None,
    typer.Option(
        "--gas-price",
        metavar="GWEI",
        help="Gas price to compute costs at; repeatable. Default: the target's present one.",
    ),
]

_GWEI = 10**9
_DAY_S = 86_400
_ORIGINS = {
    "storage": "an address from storage",
    "argument": "an address from the arguments",
    "caller": "the caller's address",
    "itself": "its own address",
    "unknown": "an address that is not known beforehand",
}


@command(needs=("source_url",))
def analyze(
    session: Session, source: _Source, abi: _Abi = None, block: _Block = None, gas_price: _GasPrices = None
) -> None:
    """Tell before a fork what will work, what will not, and what it takes. Sends nothing.

    Looks at the contract's code, storage and past: proxies, opcodes whose answer is the target's and the functions that
    come to them, opcodes that the target lacks, size, costs. Exit code 3 if it cannot be replicated as it is.

    The url of the source is enough; then nothing is said about the target.
    """
    address = parse_address(source, "SOURCE")
    number = None if block is None else parse_block(block)
    prices = [parse_gas_price(price) for price in gas_price or []]
    functions = [] if abi is None else read_abi(abi)

    with shown_progress(session.output.notes) as on_progress:
        found = asyncio.run(_examine(session.settings, address, number, functions, prices, on_progress))
    session.output.show(_document(found), lambda console: _draw(console, found))
    if not found.replicable:
        raise typer.Exit(NodeError.exit_code)


async def _examine(
    settings: Settings,
    address: str,
    block: int | None,
    abi: Sequence[Mapping[str, Any]],
    prices_wei: Sequence[int],
    on_progress: Progress,
) -> Analysis:
    async with AsyncExitStack() as stack:

        async def chain(urls: Sequence[str], role: Literal["source", "target"], expected: int | None) -> Chain:
            nodes = connect(urls, role, timeout_s=settings.timeout_s, chain_id=expected)
            stack.push_async_callback(nodes.aclose)
            found = Chain(nodes, role)
            if expected is not None and (actual := await found.chain_id()) != expected:
                raise WrongChain(role, found.rpc.host, expected, actual)
            return found

        settings.require("source_url")
        source = await chain(settings.source_url, "source", settings.source_chain_id)
        target = None
        if settings.target_url:
            target = await chain(settings.target_url, "target", settings.target_chain_id)
        return await examine(
            source, target, address, block=block, abi=abi, gas_prices_wei=prices_wei, on_progress=on_progress
        )


def _document(found: Analysis) -> dict[str, object]:
    codes = [_fields(code) | {"exact_views": list(code.exact_views)} for code in found.codes]
    return {"ok": found.replicable} | _fields(found) | {"codes": codes}


def _fields(value: object) -> dict[str, object]:
    told = to_json(value)
    return told if isinstance(told, dict) else {}


def _draw(console: Console, found: Analysis) -> None:
    render.heading(console, found.verdict)
    there = "no target url, so nothing about the target"
    if found.target_chain_id is not None:
        there = f"target chain {found.target_chain_id}"
    render.note(console, f"source chain {found.source_chain_id}, block {found.block_number}; {there}")
    console.print()
    render.checks(console, found.checks, failed="no")
    for code in found.codes:
        # A replica that goes with its implementation does not run the proxy's own code.
        if code.role != "contract" or found.proxy is None or found.proxy.refusal:
            _draw_code(console, code)
    if any(function.inferred for code in found.codes for function in code.functions):
        console.print()
        render.note(console, "functions without a name go by their selector: --abi FILE names them")
    if found.storage is not None:
        _draw_storage(console, found.storage, found.changes)
    if found.costs is not None:
        _draw_costs(console, found.costs)


def _draw_code(console: Console, code: CodeReport) -> None:
    read = [finding for finding in code.findings if finding.views or not finding.certain]
    if read:
        console.print()
        render.heading(console, f"What a reader of the replica gets otherwise, by the {code.role} {code.address}")
        for finding in read:
            where = ", ".join(finding.views) if finding.certain else "unknown: it may be any function"
            render.card(console, f" {_asked(finding)}", [("gets", finding.gets), ("in", where)])
    if code.exact_views:
        console.print()
        render.card(console, "Answered as on the source", [("views", ", ".join(code.exact_views))])
    # Their arguments are left out: that much is not to be known of them.
    written = [
        (_asked(finding), ", ".join(name.partition("(")[0] for name in finding.writers))
        for finding in code.findings
        if finding.writers
    ]
    if written:
        console.print()
        render.card(console, "Likewise in functions that write: on a replica all they do is undone", written)


def _asked(finding: Finding) -> str:
    about = finding.address or _ORIGINS.get(finding.origin or "", "")
    return f"{finding.opcode}{f' {_about(finding)} {about}' if about else ''}"


def _about(finding: Finding) -> str:
    return "to" if finding.opcode.endswith("CALL") or finding.opcode == "CALLCODE" else "of"


def _draw_storage(console: Console, storage: StorageReport, changes: ChangeReport | None) -> None:
    console.print()
    slots = f"{'' if storage.exact else 'about '}{storage.slots:,}"
    rows: list[tuple[str, object]] = [
        ("slots", slots),
        ("depth of the trie", f"{storage.depth:g} {_nodes(storage.depth)} in the mean" if storage.depth else None),
        (
            "account proof",
            f"{storage.account_nodes} {_nodes(storage.account_nodes)}, {storage.account_bytes:,} bytes of calldata",
        ),
        ("changes", None if changes is None else _told(changes)),
    ]
    render.card(console, "Storage", rows)


def _nodes(number: float) -> str:
    return "node" if number == 1 else "nodes"


def _told(changes: ChangeReport) -> str:
    if changes.method == "unknown":
        return f"unknown: {changes.why}"
    duration = f" ({_duration(changes.seconds)})" if changes.seconds else ""
    span = f"in blocks {changes.from_block} to {changes.to_block}{duration}"
    last = "" if changes.last_block is None else f"; the last in block {changes.last_block}"
    if changes.method == "logs":
        blocks = "block" if changes.changes == 1 else "blocks"
        return f"events in {changes.changes} {blocks} {span}{last} (the node serves no proofs of older blocks)"
    looks = f"{span}, of which {changes.looks} were looked at"
    return f"at least {changes.changes} {looks}{last}" if changes.changes else f"none seen {looks}"


def _duration(seconds: int) -> str:
    for unit, length in (("days", _DAY_S), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds} s"


def _draw_costs(console: Console, costs: CostReport) -> None:
    console.print()
    prices = [f"at {price / _GWEI:g} gwei" for price in costs.prices_wei]
    rows = [(row.what, f"{row.gas:,}", *map(costs.coins, row.fees_wei)) for row in costs.rows]
    render.heading(console, "Cost on the target" + (", in its coin" if prices else ", in gas"))
    render.table(console, ("transactions", "gas", *prices), rows, right=("gas", *prices))
    notes = ["computed from measured gas (docs/reference/gas.md), of a replica with a quorum anchor"]
    if costs.beyond:
        notes.append("the storage is larger than any measured one, so its figures are continued from smaller ones")
    if costs.priced_by == "target":
        notes.append("the gas price is the target node's present one")
    notes.append("rollups charge for data besides")
    render.note(console, "; ".join(notes))
