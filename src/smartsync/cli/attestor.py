"""``smartsync attestor``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from aiohttp import web
from eth_account.signers.local import LocalAccount
from rich.console import Console

from smartsync import __version__
from smartsync.attestor.following import Follow, parse_follow
from smartsync.attestor.record import Record
from smartsync.attestor.server import DEFAULT_LISTEN, TOKEN, Listen, Server, parse_listen, require_token
from smartsync.attestor.service import Attestor, Look
from smartsync.chain import Chain
from smartsync.cli import render
from smartsync.cli.anchor.given import hex_bytes
from smartsync.cli.command import command
from smartsync.cli.ending import terminated_like_interrupted
from smartsync.cli.session import Session
from smartsync.errors import ConfigError
from smartsync.rpc import Rpc
from smartsync.sync import SmartSync

_SECOND_SOURCES = "SMARTSYNC_SECOND_SOURCES"

_Follow = Annotated[
    str,
    typer.Option(
        "--follow",
        metavar="finalized|DEPTH",
        help="What is signed: blocks that the nodes call finalized, as final; or blocks with at least DEPTH blocks "
        "above them, as safe, which can be revoked. All attestors of an anchor must follow the same way.",
    ),
]
_SecondSource = Annotated[
    list[str] | None,
    typer.Option(
        "--second-source",
        metavar="URL",
        envvar=_SECOND_SOURCES,
        show_envvar=False,
        help="One more node of the source chain, better of another make and host; repeatable. Nothing is signed unless "
        f"all nodes have the same block.  [{_SECOND_SOURCES}, separated by spaces]",
    ),
]
_Record = Annotated[
    Path,
    typer.Option(
        "--record",
        metavar="FILE",
        help="What this key has signed, so that it never signs two hashes for one height. Keep it: never start with an "
        "empty or restored one, and never run one key with two.",
    ),
]
_Listen = Annotated[
    str,
    typer.Option(
        "--listen",
        metavar="HOST:PORT",
        help=f"Where relayers ask. Anything but loopback needs a token in the environment variable {TOKEN}.",
    ),
]
_Interval = Annotated[
    float, typer.Option("--interval", metavar="SECONDS", min=0.05, help="How often to look at the chains unasked.")
]
_Resume = Annotated[
    str | None,
    typer.Option(
        "--resume",
        metavar="HASH",
        help="Sign again after a stop. Only once you know from sources that you trust that the chain rightly has this "
        "block hash at the height where it stopped.",
    ),
]


@dataclass(frozen=True)
class _Plan:
    """What was asked for, read before anything runs."""

    anchor: str
    account: LocalAccount
    follow: Follow
    more_nodes: Sequence[Rpc]
    listen: Listen
    token: str | None
    interval_s: float
    resume: bytes | None


@command("anchor", "keystore", needs=("source_url", "target_url", "anchor"), lines=True)
def attestor(
    session: Session,
    follow: _Follow = "finalized",
    second_source: _SecondSource = None,
    record: _Record = Path("attestor.sqlite"),
    listen: _Listen = DEFAULT_LISTEN,
    interval: _Interval = 12.0,
    resume: _Resume = None,
) -> None:
    """Sign source blocks for a quorum anchor, and serve the signatures to relayers over HTTP, until Ctrl-C.

    The key (--keystore) is one of the anchor's signers. It needs no funds: relayers send the transactions, and need not
    be trusted. Where a finalized block turns out not to be final, it stops signing for good: see --resume.

    Ctrl-C and SIGTERM end it with exit code 0. With --json each event is one line: serving, state, ended or failed.
    """
    where = parse_listen(listen)
    urls = [session.settings.require("source_url"), *(second_source or [])]
    if len(set(urls)) < len(urls):
        raise ConfigError(
            "--second-source: the same url is given twice",
            hint="a second node is of use only where it is another one, better of another make and host",
        )
    plan = _Plan(
        anchor=session.settings.require("anchor"),
        follow=parse_follow(follow),
        more_nodes=[Rpc(url, timeout_s=session.settings.timeout_s) for url in urls[1:]],
        listen=where,
        token=require_token(where, session.environ),
        interval_s=interval,
        resume=None if resume is None else hex_bytes(resume, "the option --resume", 32),
        account=session.account(),
    )
    with terminated_like_interrupted(), suppress(KeyboardInterrupt), Record(record) as opened:
        if opened.is_new:
            session.output.note(f"{record} is a new record: right only if this key has never signed for this anchor")
        session.connected(lambda client, _: _serve(session, client, plan, opened))
    session.output.show({"event": "ended"}, lambda console: console.print("ended"))


async def _serve(session: Session, client: SmartSync, plan: _Plan, record: Record) -> None:
    async with AsyncExitStack() as stack:
        nodes = [client.source]
        for rpc in plan.more_nodes:
            nodes.append(Chain(await stack.enter_async_context(rpc), "source"))
        service = await Attestor.open(
            client.target, plan.anchor, plan.account, nodes=nodes, follow=plan.follow, record=record
        )
        if plan.resume is not None:
            resumed = await service.following.resume(plan.resume)
            session.output.note("resumed" if resumed else "--resume: it had not stopped, nothing was changed")
        server = Server(service, token=plan.token, version=__version__)
        runner = web.AppRunner(server.application(), access_log=None, handle_signals=False, shutdown_timeout=2.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        _tell_serving(session, service, plan, await _bind(runner, plan.listen))
        await _look_on(session, server, plan.interval_s)


async def _bind(runner: web.AppRunner, listen: Listen) -> str:
    """Listen, and return the url at which."""
    site = web.TCPSite(runner, listen.host, listen.port)
    try:
        await site.start()
    except OSError as error:
        raise ConfigError(
            f"--listen: cannot listen on {listen.host} port {listen.port}: {error.strerror}",
            hint="another attestor may run there already; take another port, or an address of this machine",
        ) from error
    host, port = runner.addresses[0][:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def _look_on(session: Session, server: Server, interval_s: float) -> None:
    """Look at the chains also when nobody asks, so that a finalized block that is dropped is noticed; tell changes."""
    told: Look | None = None
    while True:
        look = await server.look()
        if look != told:
            _tell_state(session, look)
        told = look
        await asyncio.sleep(interval_s)


def _tell_serving(session: Session, service: Attestor, plan: _Plan, url: str) -> None:
    hosts = [node.rpc.host for node in service.following.nodes]
    document = {
        "event": "serving",
        "url": url,
        "signer": service.signer,
        "anchor": service.anchor,
        "target_chain_id": service.target_chain_id,
        "source_chain_id": service.following.source[0],
        "follow": plan.follow,
        "nodes": hosts,
        "token": plan.token is not None,
    }
    follow = plan.follow if isinstance(plan.follow, str) else f"{plan.follow} blocks deep"
    rows = [
        ("signer", service.signer),
        ("anchor", f"{service.anchor} on chain {service.target_chain_id}"),
        ("source", f"chain {service.following.source[0]}, by {', '.join(hosts)}"),
        ("follows", follow),
        ("relayers need", f"the token of {TOKEN}" if plan.token else "no token"),
    ]

    def draw(console: Console) -> None:
        render.card(console, f"Attestor at {url}; Ctrl-C ends it", rows)

    session.output.show(document, draw)


def _tell_state(session: Session, look: Look) -> None:
    document = {"event": "state", **asdict(look)}
    what = look.reason if look.block_hash is None else f"block {look.number} {render.hexadecimal(look.block_hash)}"
    session.output.show(document, lambda console: render.heading(console, f"{look.state}: {what}"))
    if look.hint:
        session.output.note(f"hint: {look.hint}")
