"""A look at replicas: what is remembered of them, what the chains show, what follows, and that written down."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from smartsync.errors import SmartSyncError
from smartsync.relayer.pairs import Pair
from smartsync.relayer.policy import Due, Wait, decide
from smartsync.relayer.replicas import Replica
from smartsync.relayer.scanning import Known, NodeFault, Sight, look
from smartsync.relayer.state.database import Database
from smartsync.relayer.state.looks import Remembered, remembered, spendings_of, write
from smartsync.relayer.state.store import Status
from smartsync.relayer.states import FINE
from smartsync.relayer.statuses import Failed, Looked, after_look, sample

logger = logging.getLogger(__name__)

_WANTED = ("anchor-behind", "orphaned")


@dataclass(frozen=True, slots=True)
class Look:
    """What a look has found, by the replicas' addresses, and what was remembered of them before."""

    before: Remembered
    found: Mapping[str, Looked | Failed]

    @property
    def due(self) -> list[str]:
        """The replicas to sync."""
        return [
            address for address, one in self.found.items() if isinstance(one, Looked) and isinstance(one.decision, Due)
        ]

    @property
    def wanted(self) -> list[str]:
        """The anchors of which a newer block is wanted and may be paid for."""
        return sorted(
            {
                one.sight.record.key.anchor
                for one in self.found.values()
                if isinstance(one, Looked) and isinstance(one.decision, Wait) and one.decision.state in _WANTED
            }
        )


@dataclass(frozen=True, slots=True)
class Looking:
    """Looks at replicas of one pair."""

    pair: Pair
    database: Database

    async def look(self, replicas: Sequence[Replica]) -> Look:
        """Look at replicas. Whatever fails is what is found, of those that it is about.

        Raises
        ------
        StateUnavailable
            What is remembered of them is not to be had.
        """
        before = await remembered(self.database, self.pair.name, [one.address for one in replicas])
        known = {one.address: _known(before, one.address) for one in replicas}
        try:
            sights = await look(self.pair, replicas, known)
        except NodeFault as fault:
            return Look(before, {one.address: Failed(fault.error, fault.role) for one in replicas})
        found: dict[str, Looked | Failed] = {}
        bounded = {one.address: self.pair.subject(one.address) for one in replicas if one.policy.max_gas_a_day}
        clock = next(((one.now_s, one.target_s) for one in sights.values() if isinstance(one, Sight)), (0.0, 0.0))
        spent = await spendings_of(self.database, list(bounded.values()), *clock)
        for replica in replicas:
            sight = sights[replica.address]
            if isinstance(sight, SmartSyncError):
                found[replica.address] = Failed(sight)
                continue
            used = spent.get(bounded.get(replica.address, ""), [])
            decision = decide(replica.policy, sight.seen, used, sight.fee_wei, sight.now_s)
            found[replica.address] = Looked(sight, decision)
        return Look(before, found)

    async def remember(self, replicas: Sequence[Replica], seen: Look, held: Collection[str] = ()) -> None:
        """Write down what a look has found, and tell what is news.

        Parameters
        ----------
        held
            Of which replicas a sync that is due waits for its time already.

        Raises
        ------
        StateUnavailable
            It cannot be written down.
        """
        statuses, samples = [], {}
        for replica in replicas:
            address, found, now_s = replica.address, seen.found[replica.address], seen.before.now_s
            before = seen.before.statuses.get(address)
            status = after_look(replica, before, found, now_s, is_held=address in held)
            tell(before, status)
            statuses.append(status)
            if isinstance(found, Looked):
                samples[address] = sample(found.sight, now_s)
        await write(self.database, statuses, samples)


def tell(before: Status | None, status: Status) -> None:
    """Tell how a replica stands, where that is news."""
    if before is None or before.state != status.state:
        log = logger.info if status.state in FINE else logger.warning
        fields = {"pair": status.pair, "replica": status.address, "state": status.state, "failures": status.failures}
        log("%s: %s: %s", status.name, status.state, status.reason, extra=fields)


def _known(before: Remembered, address: str) -> Known:
    status = before.statuses.get(address)
    known = Known() if status is None else Known(status.changed_s, demanded=status.is_demanded)
    return replace(known, gas=before.gas[address]) if address in before.gas else known
