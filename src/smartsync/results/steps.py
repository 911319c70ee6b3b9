"""Work on its way: what has been sent, and how far it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
"""Told ``(phase, done, total)`` while long work goes on; ``total`` is 0 where it is not known.

What stands in parentheses at the end of a phase says what is counted, and what else there is to tell: it may change
while the phase goes on, as in ``walk (found of what changed, 3 still to look into)``.
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction on the target chain: ``calldata_bytes`` its length, ``gas_used`` as in the receipt.

    ``cost_wei`` is what was paid for it, in wei of the target's coin; ``None`` where the receipt does not tell.
    """

    what: str
    tx_hash: str
    gas_used: int
    calldata_bytes: int
    cost_wei: int | None = None


def cost_of(steps: Sequence[Step]) -> int | None:
    """Return what transactions cost together, in wei; ``None`` where there are none, or it is not known of one."""
    costs = [step.cost_wei for step in steps]
    return sum(cost for cost in costs if cost is not None) if costs and None not in costs else None
