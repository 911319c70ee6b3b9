"""``smartsync explain``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, TypeVar

import typer

from smartsync.chain import Chain
from smartsync.cli.command import command
from smartsync.cli.explanation import draw
from smartsync.cli.options import ContractOption, KeysOption, LayoutOption
from smartsync.cli.session import Session, chosen_hints
from smartsync.config import Settings
from smartsync.discovery.hints import Hints
from smartsync.errors import ConfigError, NodeError, TransactionError, UnknownTransaction, WrongChain
from smartsync.explaining import Explanation
from smartsync.explaining import explain as examine
from smartsync.explaining import svg as picture
from smartsync.failover import connect

_Transaction = Annotated[str, typer.Argument(metavar="TX", help="Hash of a transaction on the target chain.")]
_Svg = Annotated[
    Path | None, typer.Option("--svg", metavar="FILE", help="Draw it into this file too, as a picture (SVG).")
]
_Call = Annotated[
    int,
    typer.Option(
        "--call",
        metavar="NUMBER",
        min=1,
        help="Which of its calls of a hub, where another contract made several.",
    ),
]

T = TypeVar("T")
Role: TypeAlias = Literal["source", "target"]

_HASH = re.compile(r"(?:0[xX])?([0-9a-fA-F]{64})", re.A)


@command("hub", needs=("target_url",))
def explain(
    session: Session,
    transaction: _Transaction,
    svg: _Svg = None,
    call: _Call = 1,
    layout: LayoutOption = None,
    contract: ContractOption = None,
    keys: KeysOption = None,
) -> None:
    """Draw the witness of a transaction that moved a replica: what was written, what was left closed, both roots.

    Takes a hub's sync, fill, prepare or commit. Both roots are recomputed from its calldata and compared with what the
    hub recorded. Exit code 7 if the transaction failed; then it says why.

    The url of the target is enough. A storage layout (--layout, with --keys for mappings) names the slots.
    """
    tx_hash = parse_tx_hash(transaction)
    hints = chosen_hints(layout, contract, keys, None)
    found = asyncio.run(_explained(session.settings, tx_hash, call, hints))
    if svg is not None:
        _write(svg, picture(found))
    session.output.show(found.document(), lambda console: draw(console, found, session.settings.hub))
    if svg is not None:
        session.output.note(f"the picture is in {svg}")
    if not found.ok:
        raise typer.Exit(TransactionError.exit_code)


def parse_tx_hash(text: str) -> bytes:
    """Return a transaction's 32-byte hash. Raises ``ConfigError``."""
    found = _HASH.fullmatch(text.strip())
    if found is None:
        shown = text if len(text) <= 80 else f"{text[:77]}..."
        raise ConfigError(
            f"TX: {shown!r} is not the hash of a transaction",
            hint="give 0x and 64 hex digits, as sync, fork and watch print it of each transaction",
        )
    return bytes.fromhex(found[1])


async def _explained(settings: Settings, tx_hash: bytes, call: int, hints: Hints) -> Explanation:
    try:
        return await _on(settings, "target", lambda chain: examine(chain, tx_hash, call=call, hints=hints))
    except UnknownTransaction as error:
        if settings.source_url and await _is_known_to_source(settings, tx_hash):
            error.hint = "the source node knows it: but what moves a replica is a transaction of the target chain"
        raise


async def _is_known_to_source(settings: Settings, tx_hash: bytes) -> bool:
    try:
        return await _on(settings, "source", lambda chain: chain.transaction(tx_hash)) is not None
    except (NodeError, WrongChain):
        return False


async def _on(settings: Settings, role: Role, work: Callable[[Chain], Awaitable[T]]) -> T:
    """Do something with one of the chains alone, after checking that it is the one that is configured."""
    urls, expected = (
        (settings.source_url, settings.source_chain_id)
        if role == "source"
        else (settings.target_url, settings.target_chain_id)
    )
    nodes = connect(urls, role, timeout_s=settings.timeout_s, chain_id=expected)
    try:
        chain = Chain(nodes, role)
        if expected is not None and (actual := await chain.chain_id()) != expected:
            raise WrongChain(role, chain.rpc.host, expected, actual)
        return await work(chain)
    finally:
        await nodes.aclose()


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"the picture cannot be written to {path}: {error.strerror}") from error
