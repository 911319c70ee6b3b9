"""``smartsync attestor``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from aiohttp import web
from eth_account.signers.local import LocalAccount
from rich.console import Console

from smartsync import __version__
from smartsync.anchors.asking import TOKEN
from smartsync.attestor.following import Follow, parse_follow
from smartsync.attestor.record import Record
from smartsync.attestor.server import DEFAULT_LISTEN, TOKEN_ADVICE, Server
from smartsync.attestor.service import Attestor, Look
from smartsync.chain import Chain
from smartsync.cli import render
from smartsync.cli.anchor.given import hex_bytes
from smartsync.cli.command import command
from smartsync.cli.ending import terminated_like_interrupted
from smartsync.cli.logged import logged
from smartsync.cli.output import timed
from smartsync.cli.session import Session
from smartsync.errors import ConfigError
from smartsync.listening import Listen, parse_listen, require_token
from smartsync.results.telling import hexadecimal
from smartsync.rpc import Rpc
from smartsync.serving import bind
from smartsync.sync import SmartSync

_SECOND_SOURCES = "SMARTSYNC_SECOND_SOURCES"
_TAKEN = "another attestor may run there already: end it, or take another port (0 is any that is free)"

_Follow = Annotated[
    str,
    typer.Option(
        "--follow",
        metavar="finalized|DEPTH",
        help="Which blocks to sign: those that all nodes call finalized, as final; or those with at least DEPTH blocks "
        "above them, as safe, which the signers can revoke. All attestors of an anchor have to use the same.",
    ),
]
_SecondSource = Annotated[
    list[str] | None,
    typer.Option(
        "--second-source",
        metavar="URL",
        envvar=_SECOND_SOURCES,
        show_envvar=False,
        help="One more node of the source chain, best of another client and another operator; repeatable. Nothing is "
        f"signed unless all nodes have the same block.  [{_SECOND_SOURCES}, separated by spaces]",
    ),
]
_Record = Annotated[
    Path,
    typer.Option(
        "--record",
        metavar="FILE",
        help="File that holds what this key has signed, so that it never signs two hashes of one height. Keep it: a "
        "key that has signed must never run with a new file, a restored one, or two.",
    ),
]
_Listen = Annotated[
    str,
    typer.Option(
        "--listen",
        metavar="HOST:PORT",
        help="Where to serve the signatures. For other machines take an address that is not loopback; they then have "
        f"to show the token that is in the environment variable {TOKEN}.",
    ),
]
_Interval = Annotated[
    float,
    typer.Option(
        "--interval", metavar="SECONDS", min=0.05, help="How often to look at the chains where no relayer asks."
    ),
]
_Resume = Annotated[
    str | None,
    typer.Option(
        "--resume",
        metavar="HASH",
        help="Sign again after the source has dropped a finalized block: HASH is what it has now at the height of that "
        "block. Or where it waits for a finalized block that was a node's lie and never comes: HASH is the block that "
        "all nodes call finalized now. Only once you know, not from your own nodes, that this is the right chain.",
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


@command("anchor", "keystore", needs=("source_url", "target_url", "anchor"), lines=True, pays=False)
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

    The key (--keystore, SMARTSYNC_PRIVATE_KEY) has to be one of the anchor's signers. It needs no funds: relayers fetch
    the signatures (smartsync anchor update --from URL) and send the transactions. They need not be trusted.

    Where the source drops a finalized block, it stops signing until it is started with --resume.

    Ctrl-C and SIGTERM end it with exit code 0. Each event is one line with its time; with --json these are serving,
    state, ended and failed.
    """
    where = parse_listen(listen, "--listen", DEFAULT_LISTEN)
    # They have to agree, and none stands in for another: what one of them alone says is not signed.
    urls = [*session.settings.source_url, *(second_source or [])]
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
        token=require_token(where, session.environ, TOKEN, TOKEN_ADVICE),
        interval_s=interval,
        resume=None if resume is None else hex_bytes(resume, "the option --resume", 32),
        account=session.account(),
    )
    with (
        terminated_like_interrupted(),
        suppress(KeyboardInterrupt),
        Record(record) as opened,
        logged(session.output),
    ):
        alone = replace(session, settings=session.settings.model_copy(update={"source_url": tuple(urls[:1])}))
        alone.connected(lambda client, _: _serve(session, client, plan, opened))
    session.output.show({"event": "ended"}, lambda console: console.print(timed("ended")))


async def _serve(session: Session, client: SmartSync, plan: _Plan, record: Record) -> None:
    async with AsyncExitStack() as stack:
        nodes = [client.source]
        for rpc in plan.more_nodes:
            nodes.append(Chain(await stack.enter_async_context(rpc), "source"))
        service = await Attestor.open(
            client.target, plan.anchor, plan.account, nodes=nodes, follow=plan.follow, record=record
        )
        if not record.holds(service.target_chain_id, service.anchor, service.signer):
            session.output.note(
                f"the record {record.path} holds no signature of {service.signer} for this anchor: right only if this "
                "key has never signed for it"
            )
        if plan.resume is not None:
            session.output.note(timed(f"--resume: {await service.following.resume(plan.resume)}"))
        server = Server(service, token=plan.token, version=__version__)
        runner = web.AppRunner(server.application(), access_log=None, handle_signals=False, shutdown_timeout=2.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        url = await bind(runner, plan.listen, what="--listen", taken=_TAKEN)
        _tell_serving(session, service, plan, url)
        await _look_on(session, server, plan.interval_s)


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
        render.card(console, timed(f"serving at {url}; Ctrl-C ends it"), rows)

    session.output.show(document, draw)


def _tell_state(session: Session, look: Look) -> None:
    document = {"event": "state", **asdict(look)}
    what = f"{look.reason} (hint: {look.hint})" if look.hint else look.reason
    if look.block_hash is not None:
        what = f"block {look.number} {hexadecimal(look.block_hash)} can be attested"
    session.output.show(document, lambda console: render.heading(console, timed(f"{look.state}: {what}")))
