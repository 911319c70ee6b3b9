"""What is known of a replica at one moment: what both chains have shown of it, and what it has cost lately. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

DAY_S = 86_400.0
"""Seconds of a day's gas: any so many in a row, not those of a calendar's day."""


@dataclass(frozen=True, slots=True)
class Change:
    """The oldest change that the policy watches for and the replica does not have.

    ``block`` is a source block by which it was there, ``since_s`` when that was.
    """

    block: int
    since_s: float


Standing: TypeAlias = Literal["canonical", "orphaned", "revoked"]
"""What became of the recorded block: the source has it; has dropped it; and the anchor has revoked it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at both chains has shown of a replica. All times are seconds since 1970, of one clock.

    Take the blocks' own times, and the target's newest block's for now: then a machine's clock that jumps does not
    matter.

    Parameters
    ----------
    recorded_block
        Source block that the replica mirrors, at ``recorded_s`` by the source's clock.
    standing
        What became of that block.
    accepted_block
        The newest source block that the anchor accepts and the source still has; ``None`` where there is none.
    accepted_level
        How firmly: ``safe`` or ``final``.
    source_head
        The source's newest block.
    differs
        Whether the source's storage is another one now than the replica's.
    change
        ``None`` where nothing that the policy watches for has changed.
    gas
        What a sync now is expected to use: `smartsync.analysis.cost.estimate_sync`, or the node's own word.
    fullness
        How much of the limits of one transaction that takes, 1.0 all of it: `fullness`.
    takes_s
        Seconds from a decision until the sync is in a block, as it usually is.
    demanded
        Whether somebody asked for a sync.
    stalled_s
        How old the source's newest block is, where that is longer than it should be; else 0.
    """

    recorded_block: int
    recorded_s: float
    accepted_block: int | None
    source_head: int
    gas: int
    accepted_level: str = "safe"
    standing: Standing = "canonical"
    differs: bool = False
    change: Change | None = None
    fullness: float = 0.0
    takes_s: float = 0.0
    demanded: bool = False
    stalled_s: float = 0.0

    @property
    def reachable(self) -> bool:
        """Whether the hub takes the accepted block: it is newer, or the recorded one is revoked (``Hub.sync``)."""
        if self.accepted_block is None:
            return False
        return self.standing == "revoked" or self.accepted_block > self.recorded_block


@dataclass(frozen=True, slots=True)
class Spending:
    """Gas that a replica's transactions used, at the time of the block that they are in.

    One that is not in a block yet counts with its gas limit.
    """

    at_s: float
    gas: int


def fullness(gas: int, calldata_bytes: int, gas_cap: int, bytes_cap: int) -> float:
    """Return how much of one transaction's limits a sync takes: of gas or of bytes, whichever is nearer.

    Parameters
    ----------
    gas_cap
        Gas of one transaction: `smartsync.types.TX_GAS_CAP`, or the target's block gas limit where that is lower.
    bytes_cap
        `smartsync.types.TX_BYTES_CAP`.
    """
    return max(gas / gas_cap, calldata_bytes / bytes_cap)


def spent_lately(spent: Sequence[Spending], now_s: float) -> int:
    """Return the gas of the last 24 hours. What is later than now counts: of two clocks the one that costs less."""
    return sum(one.gas for one in spent if one.at_s + DAY_S > now_s)
