"""One job at one replica, or at one anchor: what is due is done, and written down."""

from __future__ import annotations

import json
import logging
from contextlib import aclosing
from dataclasses import dataclass, field

from smartsync.discovery.hints import NO_HINTS, Hints, read_hints
from smartsync.discovery.slots_file import read_slots
from smartsync.document import to_json
from smartsync.errors import AnchorMismatch, GasSpent, SmartSyncError
from smartsync.relayer.metrics import Metrics
from smartsync.relayer.pairs import Pair
from smartsync.relayer.policy import Due
from smartsync.relayer.replicas import Replica
from smartsync.relayer.seen import spent_lately
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.looks import spendings_of
from smartsync.relayer.state.store import Happening, Store
from smartsync.results import Step, SyncResult
from smartsync.results.steps import cost_of
from smartsync.results.telling import WORDS, Told, sentence
from smartsync.sync.care import care_by
from smartsync.sync.minding import Minding
from smartsync.sync.news import News

logger = logging.getLogger(__name__)

_WITHOUT_SIGNERS = (
    "name its attestors' urls as signers in [pairs.%s]; or say update_anchors = false there, where others have blocks "
    "accepted"
)


@dataclass(slots=True)
class Tending:
    """The jobs of one pair. ``dry`` ones are told and not done."""

    pair: Pair
    database: Database
    store: Store
    dry: bool = False
    metrics: Metrics = field(default_factory=Metrics)
    _news: dict[str, News] = field(default_factory=dict)

    async def sync(
        self, replica: Replica, due: Due, now_s: float, estimated_gas: int, fee_wei: int | None = None
    ) -> SyncResult | None:
        """Bring a replica to the newest accepted block; ``None`` where it is not to be done.

        Parameters
        ----------
        estimated_gas, fee_wei
            What it is expected to use, and what a unit of that costs now.

        Raises
        ------
        SmartSyncError
            Of any kind. What was sent stands, and is followed by whoever is next.
        """
        if self.dry:
            logger.info("%s: would sync: %s", replica.name, due.why)
            return None
        sender = await self.pair.sender(
            self.database, replica.address, fee_cap_wei=due.max_fee_wei, gas_left=due.gas_left
        )
        slots = None if replica.slots is None else read_slots(replica.slots)
        result = await self.pair.client(sender).sync(replica.address, slots=slots, hints=_hints(replica))
        self.metrics.synced(self.pair.name, result)
        if result.steps:
            await self._tell(result, now_s, replica=replica, estimated=(estimated_gas, fee_wei))
        return result

    async def mind(self, anchor: str, now_s: float) -> bool:
        """Have an anchor accept the source's newest block, and revoke what the source has dropped, as far as can be.

        Returns
        -------
        bool
            Whether anything about it is another now.

        Raises
        ------
        SmartSyncError
            It cannot be looked at.
        """
        pair = self.pair
        if self.dry or not (pair.updates_anchors or pair.signers is not None):
            return False
        sender = await pair.sender(self.database, anchor, gas_left=await self._gas_left_for(anchor, now_s))
        client = pair.client(sender)
        care = care_by(client, sender, signers=pair.signers, update=pair.updates_anchors)
        if care.check is not None:
            try:
                await care.check(anchor)
            except AnchorMismatch as error:
                if self._of(anchor).is_new(error):
                    logger.warning("%s (%s)", error.message, _WITHOUT_SIGNERS % pair.name)
                return False
        minding = Minding(pair.source, pair.target, anchor, care, self._of(anchor))
        is_moved = False
        latest = (await pair.source.header("latest")).number
        for events in (minding.straighten(latest), minding.advance(), minding.report()):
            async with aclosing(events) as told:
                async for event in told:
                    if isinstance(event, GasSpent) and not self._of(anchor).is_new(GasSpent):
                        continue  # each look has another block
                    if isinstance(event, SmartSyncError):
                        logger.warning("anchor %s: will try again: %s", anchor, event.in_full)
                    else:
                        is_moved = True
                        await self._tell(event, now_s, anchor=anchor)
        self._of(anchor).end_look()
        return is_moved

    async def _gas_left_for(self, anchor: str, now_s: float) -> int | None:
        """Return the gas that may still be used for an anchor today.

        An anchor can be any contract: one that takes much, and never accepts anything, would be paid for at each look.
        """
        pair = self.pair
        if pair.max_anchor_gas_a_day is None:
            return None
        target_s = float((await pair.target.header("latest")).timestamp)
        subject = pair.subject(anchor)
        spent = await spendings_of(self.database, [subject], now_s, target_s)
        return max(0, pair.max_anchor_gas_a_day - spent_lately(spent[subject], now_s))

    def _of(self, anchor: str) -> News:
        return self._news.setdefault(anchor, News())

    async def _tell(
        self,
        event: Told,
        now_s: float,
        *,
        replica: Replica | None = None,
        anchor: str | None = None,
        estimated: tuple[int, int | None] | None = None,
    ) -> None:
        steps: tuple[Step, ...] = getattr(event, "steps", ())
        told = sentence(event)
        fields = {"kind": WORDS[type(event)], "gas": sum(step.gas_used for step in steps), "cost_wei": cost_of(steps)}
        fields["transactions"] = [step.tx_hash for step in steps]
        logger.info("%s: %s", replica.name if replica else f"anchor {anchor}", told, extra=fields)
        gas, fee_wei = (None, None) if estimated is None else estimated
        await self.store.tell(
            Happening(
                pair=self.pair.name,
                replica=None if replica is None else replica.address,
                anchor=anchor,
                at_s=now_s,
                kind=WORDS[type(event)],
                told=told,
                document=json.dumps(to_json(event)),
                from_block=event.from_block if isinstance(event, SyncResult) else None,
                to_block=event.to_block if isinstance(event, SyncResult) else None,
                changes=len(event.changes) if isinstance(event, SyncResult) else None,
                estimated_gas=gas,
                estimated_cost_wei=None if gas is None or fee_wei is None else gas * fee_wei,
                gas_used=sum(step.gas_used for step in steps) if steps else None,
                cost_wei=cost_of(steps),
            )
        )


def _hints(replica: Replica) -> Hints:
    if replica.layout is None and replica.keys is None:
        return NO_HINTS
    return read_hints(replica.layout, replica.contract, replica.keys)
