"""The witness of a transition: what the target chain needs to recompute both storage roots.

Given the items below, sorted by trie key, a Merkle-Patricia trie is determined. So a witness is a depth-first
description of the *union* of the old and the new trie, cut down to what the change touches:

========  ======================================================================================================
write     a slot and its new value; the old value is read from the replica's own storage
opaque    the hash of a subtrie that both tries have at this position
leaf      an unchanged leaf in the open, where its parent branch appears or collapses, or it has under 32 bytes
branch    a position at which keys of the union part, with its children
========  ======================================================================================================

``items`` holds the four and their encoding, ``build`` makes a witness out of two tries, ``evaluate`` computes the roots
and is the specification that ``TransitionEngine.sol`` mirrors.
"""

from smartsync.witness.build import Transition, open_prefixes, plan_transition
from smartsync.witness.evaluate import Evaluation, evaluate
from smartsync.witness.items import BranchItem, Item, LeafItem, OpaqueItem, WriteItem, decode_witness, encode_witness

__all__ = [
    "BranchItem",
    "Evaluation",
    "Item",
    "LeafItem",
    "OpaqueItem",
    "Transition",
    "WriteItem",
    "decode_witness",
    "encode_witness",
    "evaluate",
    "open_prefixes",
    "plan_transition",
]
