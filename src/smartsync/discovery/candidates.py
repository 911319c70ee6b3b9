"""What a strategy of discovery answers with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidates:
    """Slots (32 bytes each) that may matter, and in words what the strategy knows that it could not see.

    ``unnamed``: positions in the storage trie (nibbles, one per byte; a whole trie key has 64) that matter, too, and
    whose slots the strategy does not know. Nothing here is trusted: too many slots cost a proof each, too many
    positions a comparison each, too few of either show up as open subtries. ``by_word``: what was compared with are
    positions that a node told and nothing proves: there may be others.
    """

    slots: set[bytes]
    gaps: tuple[str, ...] = ()
    unnamed: tuple[bytes, ...] = ()
    by_word: bool = False
