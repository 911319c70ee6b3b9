"""``smartsync watch``."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated

import typer

from smartsync.cli.command import command
from smartsync.cli.options import ReplicaArgument, SlotsOption
from smartsync.cli.render import counted
from smartsync.cli.session import Session, chosen_slots
from smartsync.config import parse_address
from smartsync.document import to_json
from smartsync.errors import SmartSyncError
from smartsync.results import Progress, SyncResult
from smartsync.sync import SmartSync

_Interval = Annotated[
    float, typer.Option("--interval", metavar="SECONDS", min=0.05, help="How often to look at the chains.")
]
_EveryBlocks = Annotated[
    int, typer.Option("--every-blocks", metavar="N", min=1, help="Sync when so many source blocks have passed.")
]
_Attest = Annotated[
    bool,
    typer.Option(
        "--attest", help="Attest to the source's newest block first. Only for sources whose blocks are final."
    ),
]


@command("hub", "keystore", "attestor_keystores", needs=("source_url", "target_url", "hub"), lines=True)
def watch(
    session: Session,
    replica: ReplicaArgument,
    interval: _Interval = 12.0,
    every_blocks: _EveryBlocks = 1,
    attest: _Attest = False,
    slots: SlotsOption = None,
) -> None:
    """Keep a replica in sync until Ctrl-C.

    What may pass by itself (a node that does not answer, a block not accepted yet) is told and tried again. Ctrl-C and
    SIGTERM end it with exit code 0. With --json each event is one line: sync, retry, stopped or failed.
    """
    address = parse_address(replica, "REPLICA")
    chosen = chosen_slots(slots)
    account = session.account()
    attestors = session.attestors(account) if attest else []
    last = _Last()

    async def follow(client: SmartSync, _: Progress) -> None:
        events = client.watch(
            address, interval_s=interval, every_blocks=every_blocks, attestors=attestors, slots=chosen
        )
        async for event in events:
            last.count(event)
            _tell(session, event)

    session.output.note(f"watching {address} every {interval:g} s; Ctrl-C ends it")
    with _terminated_like_interrupted(), suppress(KeyboardInterrupt):
        session.connected(follow, account=account)
    stopped = {"event": "stopped", "replica": address, "syncs": last.syncs, "block_number": last.block_number}
    session.output.show(stopped, lambda console: console.print(last.words()))


class _Last:
    """How far the watch has come."""

    def __init__(self) -> None:
        self.syncs = 0
        self.block_number: int | None = None

    def count(self, event: SyncResult | SmartSyncError) -> None:
        if isinstance(event, SyncResult):
            self.block_number = event.to_block
            self.syncs += bool(event.steps)

    def words(self) -> str:
        where = "" if self.block_number is None else f", the replica stands at source block {self.block_number}"
        return f"stopped after {self.syncs} sync{'' if self.syncs == 1 else 's'}{where}"


def _tell(session: Session, event: SyncResult | SmartSyncError) -> None:
    if isinstance(event, SmartSyncError):
        retry = {"event": "retry", **event.as_dict()}
        session.output.show(retry, lambda _: session.output.note(f"will try again: {event.message}"))
        return
    document = {"event": "sync", "result": to_json(event)}
    gas = sum(step.gas_used for step in event.steps)
    line = f"block {event.from_block} -> {event.to_block}  slots {counted(event.changes)}  gas {gas}"
    hashes = "  ".join(step.tx_hash for step in event.steps)
    session.output.show(document, lambda console: console.print(f"{line}  {hashes}", soft_wrap=True))


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM, which service managers send, end the watch as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
