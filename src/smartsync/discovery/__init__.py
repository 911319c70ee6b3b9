"""Which slots may matter? Strategies that are tried in turn; nothing that they say is trusted.

One file a strategy. ``completeness`` checks what they found against a block's storage root, and names what is missing
by trie-key prefix; so a strategy may be cheap and wrong, and the next one adds to what is known.

The order, and why:

1. For a short range of blocks, what each of them changed (*prestate diff*; *state diff*, which tells the same in other
   words, for nodes of the ``trace`` family that are not geth): a call a block, new slots included.
2. Where there is a replica, the *proof walk*: any node serves what it needs, and its work grows with what changed. It
   finds trie keys, though, and the slots of new ones have to come from elsewhere. For a long range it goes first.
3. *storage range*: all slots that there are, in some calls, where tracing costs one for each block since the
   contract's creation. For a fork it goes first.
4. *prestate diff by transaction* only where the node tells of no whole blocks: the same with many more calls.
5. *naming*: slots that are computed, by the user's layout, by an access list of recent calls, by guessing, and compared
   with the trie keys that the walk found: no node is asked. For a fork the walk goes right before it, as it has to go
   everywhere. Where so much differs that the walk gives up, the trie keys that a storage range told without their slots
   are compared with instead.
6. The same slots, looked at one by one (*storage layout*, *low slots*, *access list*, *guessed keys*): thousands of
   reads, of which most find nothing. Only where no walk could tell which trie keys there are.

Where a chain has several nodes, each strategy is tried with one after the other: another node may serve what the first
does not, or tell what the first left out. A file of slots (``--slots``) stands for all strategies.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from smartsync.chain import Chain
from smartsync.discovery import (
    access_list,
    low_slots,
    preimages,
    prestate,
    state_diff,
    storage_range,
    transactions,
)
from smartsync.discovery.candidates import Candidates
from smartsync.discovery.hints import NO_HINTS, Hints
from smartsync.errors import MethodMissing, NoCode, NodeError, NodeUnreachable, SmartSyncError, SourceReorganised
from smartsync.results import Progress

Find: TypeAlias = Callable[[Chain, str, int | None, int, Progress | None], Awaitable[Candidates]]

SHORT_RANGE = 256
"""Blocks up to which tracing them all is cheaper than reading a whole contract. Nodes that are no archives keep 128."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to find slots: its name, the method that it needs of a node (empty: none), and what it tells.

    ``reads``: whether it computes slots and looks whether they hold anything. Where it is known which trie keys have no
    slot yet, that finds no more than hashing does. ``take``: told which positions others have found that they could not
    name (`Candidates.unnamed`).
    """

    name: str
    find: Find
    method: str
    tells: str
    reads: bool = False
    take: Callable[[Sequence[bytes]], None] | None = None


TRACED = Strategy("prestate diff", prestate.candidates, prestate.METHOD, "what each block changed")
TRACED_SINGLY = Strategy(
    "prestate diff by transaction", transactions.candidates, transactions.METHOD, "what each transaction changed"
)
REPLAYED = Strategy("state diff", state_diff.candidates, state_diff.METHOD, "what each block changed")
WHOLE = Strategy("storage range", storage_range.candidates, storage_range.METHOD, "all slots that there are")
USED = Strategy("access list", access_list.candidates, access_list.METHOD, "what recent calls use", True)
GUESSED = Strategy("low slots", low_slots.candidates, "", "a guess: the slots 0 to 127", True)


@dataclass(frozen=True, slots=True)
class Discovery:
    """What one strategy found.

    ``slots`` are 32 bytes each. ``failures`` tells, by strategy, why those before it could not be used, and what the
    strategies could not see. ``unnamed`` as in `Candidates`, as far as it is proven: what the walk and the naming tell.
    """

    slots: set[bytes]
    strategy: str
    failures: dict[str, str] = field(default_factory=dict)
    unnamed: tuple[bytes, ...] = ()


def in_order(
    from_block: int | None,
    to_block: int,
    hints: Hints = NO_HINTS,
    walk: tuple[Strategy, Strategy] | None = None,
    *,
    is_fork: bool = False,
) -> list[Strategy]:
    """Return the strategies in the order in which they are tried; for parameters see `strategies`."""
    by_block, guesses = [TRACED, REPLAYED], _by_guessing(hints)
    walked, named = ([walk[0]], [walk[1]]) if walk else ([], [])
    if is_fork:
        return [WHOLE, *by_block, TRACED_SINGLY, *walked, *named, *guesses]
    if from_block is not None and abs(to_block - from_block) <= SHORT_RANGE:
        return [*by_block, *walked, TRACED_SINGLY, WHOLE, *named, *guesses]
    return [*walked, WHOLE, *by_block, TRACED_SINGLY, *named, *guesses]


def _by_guessing(hints: Hints) -> list[Strategy]:
    """Return the strategies that compute slots and look whether they hold anything."""
    laid_out = Strategy("storage layout", partial(preimages.by_layout, hints=hints), "", "the slots of a layout", True)
    guessed = Strategy("guessed keys", partial(preimages.by_guessing, hints=hints), "", "common variables", True)
    return [*([laid_out] if hints.layout else []), GUESSED, USED, guessed]


async def strategies(
    chain: Chain,
    address: str,
    from_block: int | None,
    to_block: int,
    hints: Hints = NO_HINTS,
    on_progress: Progress | None = None,
    *,
    walk: tuple[Strategy, Strategy] | None = None,
    is_fork: bool = False,
) -> AsyncIterator[Discovery]:
    """Yield what each strategy finds, the likeliest to be enough first; those that no node serves are skipped.

    The caller collects, checks for completeness, and stops when it has enough.

    Parameters
    ----------
    address
        Of the contract, checksummed.
    from_block
        Number of the block whose slots are known already; None for all slots that there are.
    to_block
        Number of the block whose slots are wanted.
    hints
        What the user knows of the contract.
    walk
        The proof walk, and the naming of what it found: from a replica, or through the whole storage of a fork.
    is_fork
        Whether all slots are wanted: then the walk is through as many.

    Raises
    ------
    NoCode
        There is no contract at ``to_block`` (tracing notices).
    SourceReorganised
        The chain changed while it was traced.
    NodeUnreachable
        No node answers at the moment.
    """
    failures: dict[str, str] = {}
    traced: set[Chain] = set()
    """The nodes that tell what whole blocks changed. Not by their hosts: two urls of one host may be two nodes."""
    away: dict[Chain, NodeUnreachable] = {}
    """Those that did not answer: they are not waited for again."""
    are_trie_keys_known = False
    for strategy in in_order(from_block, to_block, hints, walk, is_fork=is_fork):
        if strategy.reads and are_trie_keys_known:
            continue
        passing: list[SmartSyncError] = []
        # What needs no method that a node may lack, asks all nodes by itself where it has to.
        nodes = chain.each() if strategy.method else [chain]
        for one in nodes:
            if strategy is TRACED_SINGLY and one in traced:
                continue
            name = strategy.name if len(nodes) == 1 else f"{strategy.name} of {one.rpc.host}"
            try:
                if strategy.method and one in away:
                    raise away[one]
                tell = _by(strategy, on_progress)
                if tell:
                    tell("discover", 0, 0)
                found = await strategy.find(one, address, from_block, to_block, tell)
                if tell:
                    tell("discover (slots found)", len(found.slots), 0)
            except (NodeUnreachable, NoCode, SourceReorganised) as error:
                # It says nothing about the strategy. With one node it ends the search, another one may know better.
                passing.append(error)
                if isinstance(error, NodeUnreachable):
                    away[one] = error
                failures[name] = error.message
                if len(passing) == len(nodes):
                    raise passing[0] from None
                continue
            except MethodMissing as error:
                failures[name] = f"{one.rpc.host} does not serve {error.method}"
                continue
            except NodeError as error:
                failures[name] = error.message
                continue
            unnamed = found.unnamed
            if walk and walk[1].take and strategy not in walk:
                # By a node's word alone these matter: good to be compared with, not to be told as what is missing.
                walk[1].take(unnamed)
                unnamed = ()
            # Else a node that tells a few keys, or keys that are none, would keep the rest from being guessed.
            are_trie_keys_known = are_trie_keys_known or (bool(unnamed) and not found.by_word)
            if strategy in (TRACED, REPLAYED):
                traced.add(one)
            if found.gaps:
                failures[name] = "; ".join(found.gaps)
            yield Discovery(found.slots, strategy.name, dict(failures), unnamed)


def _by(strategy: Strategy, on_progress: Progress | None) -> Progress | None:
    """Return what tells which strategy is at work, where it does not say so by a phase of its own."""
    if on_progress is None:
        return None
    tell = on_progress

    def named(phase: str, done: int, total: int) -> None:
        what, rest = phase[: len("discover")], phase[len("discover") :]
        tell(f"discover by {strategy.name}{rest}" if what == "discover" else phase, done, total)

    return named
