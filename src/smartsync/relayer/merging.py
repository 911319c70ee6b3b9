"""What a replica's policy is: its own, and its pair's where it says nothing; and what of one contradicts itself. Pure.

When to sync is one thing, which a replica takes from its pair or says anew (``when``, ``every_blocks``, ``slots``,
``events``). Limits are others, each for itself, so that no replica loses the pair's by saying something else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from smartsync.relayer.policy import Policy
from smartsync.relayer.tables import PolicyTable


def contradictions(table: PolicyTable) -> Iterator[str]:
    """Yield what of a policy does not go together, and what to do."""
    watched = bool(table.slots or table.events)
    which = "slots" if table.slots else "events"
    if table.when == "every-block":
        if table.every_blocks is not None:
            yield 'when = "every-block" and every_blocks: one of the two is enough; give one of them'
        if watched:
            yield f'when = "every-block" and {which}: each block is a reason; say when = "on-change"'
    if table.when == "on-demand":
        others = [name for name in ("every_blocks", "slots", "events", "max_lag_s") if getattr(table, name)]
        if others:
            yield f'when = "on-demand" and {", ".join(others)}: only a request is a reason; leave out one or the other'
    if table.max_lag_s and (table.every_blocks or 1) > 1 and table.when is None and not watched:
        yield (
            f"every_blocks = {table.every_blocks} and max_lag_s: one says in blocks how much to gather, the other "
            'in seconds; leave one out, or say when = "on-change" if max_lag_s is for changes'
        )


def merged(pair: PolicyTable, own: PolicyTable) -> Policy:
    """Return a replica's policy; both tables are free of contradictions.

    Where the replica says when, and ``max_lag_s`` of the pair does not go with that, it does not count.
    """
    when = own if own.has_trigger else pair
    on_change = when.when == "on-change" or bool(when.slots or when.events)
    every = 1 if when.when == "every-block" or not when.has_trigger else when.every_blocks
    lag_s = own.max_lag_s if own.max_lag_s is not None else pair.max_lag_s
    may_gather = on_change or every == 1
    return Policy(
        every_blocks=every,
        on_change=on_change,
        slots=frozenset(when.slots),
        events=frozenset(event.filter() for event in when.events),
        max_lag_s=(lag_s or 0.0) if may_gather else 0.0,
        max_gas_a_day=_limit(own.max_gas_a_day, pair.max_gas_a_day),
        max_fee_wei=_limit(own.max_fee_gwei, pair.max_fee_gwei),
    )


def _limit(own: int | Literal["none"] | None, pair: int | Literal["none"] | None) -> int | None:
    chosen = pair if own is None else own
    return None if chosen == "none" else chosen
