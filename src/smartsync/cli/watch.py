"""``smartsync watch``."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

import typer

from smartsync.cli.anchor.given import FromOption, remote_signers
from smartsync.cli.command import command
from smartsync.cli.ending import terminated_like_interrupted
from smartsync.cli.logged import logged
from smartsync.cli.options import ContractOption, KeysOption, LayoutOption, ReplicaArgument, SlotsOption
from smartsync.cli.output import timed
from smartsync.cli.session import Session, chosen_hints, chosen_slots
from smartsync.config import parse_address
from smartsync.document import to_json
from smartsync.errors import ConfigError, SmartSyncError
from smartsync.results import Progress, Recovered, SyncResult
from smartsync.results.telling import WORDS, sentence
from smartsync.sync import SmartSync
from smartsync.sync.watching import Event

_Interval = Annotated[
    float, typer.Option("--interval", metavar="SECONDS", min=0.05, help="How often to look at the chains.")
]
_EveryBlocks = Annotated[
    int, typer.Option("--every-blocks", metavar="N", min=1, help="Sync when so many source blocks have passed.")
]
_Attest = Annotated[
    bool,
    typer.Option(
        "--attest",
        help="With keys of the anchor's signers: attest to the source's newest block first, and revoke what the source "
        "has dropped. What was signed is remembered only as long as this runs.",
    ),
]
_Update = Annotated[
    bool,
    typer.Option(
        "--update",
        help="Have the source's newest block accepted first, by an anchor that needs no signatures; of one that takes "
        "blocks by its signers' word only it is refused, unless --attest or --from gives signatures.",
    ),
]


@command("hub", "keystore", "attestor_keystores", needs=("source_url", "target_url", "hub"), lines=True)
def watch(
    session: Session,
    replica: ReplicaArgument,
    interval: _Interval = 12.0,
    every_blocks: _EveryBlocks = 1,
    attest: _Attest = False,
    source: FromOption = None,
    update: _Update = False,
    slots: SlotsOption = None,
    layout: LayoutOption = None,
    contract: ContractOption = None,
    keys: KeysOption = None,
) -> None:
    """Keep a replica in sync until Ctrl-C.

    Where the source drops the block that the replica mirrors, it recovers to a canonical one as soon as the anchor has
    revoked the other; with --attest, or with --from, it revokes that itself. With --from it also reports signers who
    signed two hashes of one block. What may pass by itself (a node that does not answer, a block not accepted yet, an
    anchor that stopped) is told once and tried again. Ctrl-C and SIGTERM end it with exit code 0. Each event is one
    line, with its time.
    """
    address = parse_address(replica, "REPLICA")
    chosen, hints = chosen_slots(slots), chosen_hints(layout, contract, keys, slots)
    if attest and source:
        raise ConfigError("--attest and --from are two ways to have blocks signed", hint="take one of them")
    signers = remote_signers(session, source)
    account = session.account()
    attestors = session.attestors(account) if attest else []
    last = _Last()

    async def follow(client: SmartSync, _: Progress) -> None:
        events = client.watch(
            address,
            interval_s=interval,
            every_blocks=every_blocks,
            attestors=attestors,
            signers=signers,
            update=update,
            slots=chosen,
            hints=hints,
        )
        async for event in events:
            last.count(event)
            _tell(session, event)

    session.output.note(timed(f"watching {address} every {interval:g} s; Ctrl-C ends it"))
    with terminated_like_interrupted(), suppress(KeyboardInterrupt), logged(session.output):
        session.connected(follow, account=account)
    stopped = {
        "event": "stopped",
        "replica": address,
        "syncs": last.syncs,
        "recoveries": last.recoveries,
        "block_number": last.block_number,
    }
    session.output.show(stopped, lambda console: console.print(timed(last.words()), soft_wrap=True))


class _Last:
    """How far the watch has come."""

    def __init__(self) -> None:
        self.syncs = self.recoveries = 0
        self.block_number: int | None = None

    def count(self, event: Event) -> None:
        if isinstance(event, SyncResult | Recovered):
            self.block_number = event.to_block
            self.syncs += bool(event.steps)
            self.recoveries += isinstance(event, Recovered)

    def words(self) -> str:
        of_these = f", {self.recoveries} of them from an orphaned block" if self.recoveries else ""
        where = "" if self.block_number is None else f", the replica stands at source block {self.block_number}"
        return f"stopped after {self.syncs} sync{'' if self.syncs == 1 else 's'}{of_these}{where}"


def _tell(session: Session, event: Event) -> None:
    match event:
        case SmartSyncError():
            document = {"event": "retry", **event.as_dict()}
            hint = "; ".join(event.hint.splitlines())
            told = f"will try again: {event.message}" + (f" (hint: {hint})" if hint else "")
            session.output.show(document, lambda _: session.output.note(timed(told)))
        case _:
            document = {"event": WORDS[type(event)], "result": to_json(event)}
            session.output.show(document, lambda console: console.print(timed(sentence(event)), soft_wrap=True))
