"""One chain, as a node tells it, or several that stand in for each other: headers, proofs, code, calls, fees.

A block is named by its number, by its 32-byte hash, or by one of the words ``earliest``, ``finalized``, ``safe``,
``latest`` and ``pending``. What is answered has been checked for its shape only (`smartsync.answers`), with one
exception: a header is checked against its hash.
"""

from smartsync.chain.blocks import WORDS, Block
from smartsync.chain.chain import Chain
from smartsync.chain.logs import Topic

__all__ = ["WORDS", "Block", "Chain", "Topic"]
