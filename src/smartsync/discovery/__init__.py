"""Which slots may matter? Strategies that are tried in turn; nothing that they say is trusted.

One file a strategy. ``completeness`` checks what they found against a block's storage root, and names what is missing
by trie-key prefix; so a strategy may be cheap and wrong, and the next one adds to what is known.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from smartsync.chain import Chain
from smartsync.discovery import low_slots, prestate, storage_range
from smartsync.discovery.candidates import Candidates
from smartsync.errors import NodeError, NodeUnreachable
from smartsync.results import Progress

Strategy: TypeAlias = Callable[[Chain, str, int | None, int, Progress | None], Awaitable[Candidates]]

SHORT_RANGE = 256
"""Blocks up to which tracing them all is cheaper than reading a whole contract. Nodes that are no archives keep 128."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What one strategy found.

    ``slots`` are 32 bytes each. ``failures`` tells, by strategy, why those before it could not be used, and what the
    strategies could not see. ``unnamed`` as in `Candidates`.
    """

    slots: set[bytes]
    strategy: str
    failures: dict[str, str] = field(default_factory=dict)
    unnamed: tuple[bytes, ...] = ()


async def strategies(
    chain: Chain,
    address: str,
    from_block: int | None,
    to_block: int,
    on_progress: Progress | None = None,
    *,
    walk: Strategy | None = None,
) -> AsyncIterator[Discovery]:
    """Yield what each strategy finds, the likeliest to be enough first; those that the node does not serve are skipped.

    The caller collects, checks for completeness, and stops when it has enough.

    Parameters
    ----------
    address
        Of the contract, checksummed.
    from_block
        Number of the block whose slots are known already; None for all slots that there are.
    to_block
        Number of the block whose slots are wanted.
    walk
        The proof walk, where there is a replica to walk from: it needs the fewest answers that any node gives.

    Raises
    ------
    NoCode
        There is no contract at ``to_block`` (tracing notices).
    SourceReorganised
        The chain changed while it was traced.
    NodeUnreachable
        The node does not answer at the moment.
    """
    failures: dict[str, str] = {}
    for name, strategy in _in_order(from_block, to_block, walk):
        try:
            found = await strategy(chain, address, from_block, to_block, on_progress)
        except NodeUnreachable:
            raise  # it says nothing about the strategy, and passes
        except NodeError as error:
            failures[name] = error.message
            continue
        if found.gaps:
            failures[name] = "; ".join(found.gaps)
        yield Discovery(found.slots, name, dict(failures), found.unnamed)


def _in_order(from_block: int | None, to_block: int, walk: Strategy | None) -> list[tuple[str, Strategy]]:
    traced: tuple[str, Strategy] = ("prestate diff", prestate.candidates)
    whole: tuple[str, Strategy] = ("storage range", storage_range.candidates)
    guessed: tuple[str, Strategy] = ("low slots", low_slots.candidates)
    short = from_block is not None and abs(to_block - from_block) <= SHORT_RANGE
    walked: list[tuple[str, Strategy]] = [("proof walk", walk)] if walk else []
    return [traced, *walked, whole, guessed] if short else [*walked, whole, traced, guessed]
