"""The witness of a transition: what the target chain needs to recompute both storage roots.

Given the items below, sorted by trie key, a Merkle-Patricia trie is determined. So a witness describes the *union* of
the old and the new trie, children before their branch, cut down to what the change touches:

========  ======================================================================================================
write     a slot and its new value; the old value is read from the replica's own storage
leaf      an unchanged leaf in the open, where its parent branch appears or collapses, or it has under 32 bytes
opaque    the hash of an unchanged branch below an extension, where its parent branch appears or collapses
branch    a position at which keys of the union part; its children came before it, or are given by their hash
========  ======================================================================================================

``items`` holds the four and their encoding, ``build`` makes a witness out of two tries, ``fill`` one of new slots
behind all that are there, ``evaluate`` computes the roots, at once or in parts, and is the specification that
``TransitionEngine.sol`` mirrors; ``pending`` is what waits between two parts.
"""

from smartsync.witness.account import encode_account_proof, state_root_of
from smartsync.witness.build import Transition, open_prefixes, plan_transition
from smartsync.witness.evaluate import START, Evaluation, Move, WalkState, advance, conclude, evaluate, moves
from smartsync.witness.fill import plan_fill
from smartsync.witness.items import (
    BranchItem,
    Item,
    LeafItem,
    OpaqueItem,
    WriteItem,
    decode_witness,
    encode_witness,
    encode_writes,
    split_witness,
)

__all__ = [
    "BranchItem",
    "Evaluation",
    "Item",
    "LeafItem",
    "Move",
    "OpaqueItem",
    "START",
    "Transition",
    "WalkState",
    "WriteItem",
    "advance",
    "conclude",
    "decode_witness",
    "encode_account_proof",
    "encode_witness",
    "encode_writes",
    "evaluate",
    "moves",
    "open_prefixes",
    "plan_fill",
    "plan_transition",
    "split_witness",
    "state_root_of",
]
