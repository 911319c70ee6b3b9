"""From trie keys back to slots: a trie key is its slot's keccak-256, so slots are guessed and compared."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles


class Naming:
    """Which slot a wanted trie key belongs to.

    ``named``: 32-byte trie key to its 32-byte slot. ``near``: slots offered so far whose trie key lies below a position
    at which it is not known what there is.
    """

    def __init__(self) -> None:
        self.named: dict[bytes, bytes] = {}
        self.near: set[bytes] = set()
        self._wanted: set[bytes] = set()
        self._open: dict[int, set[bytes]] = {}

    def want(self, keys: Collection[bytes], positions: Iterable[bytes]) -> None:
        """Say which trie keys (32 bytes) are wanted, and below which positions (nibbles) there may be more."""
        self._wanted = set(keys)
        self._open = {}
        for position in positions:
            self._open.setdefault(len(position), set()).add(position)
        self.named = {key: slot for key, slot in self.named.items() if key in self._wanted}
        # What lay near may have come into view.
        near, self.near = self.near, set()
        self.offer(near)

    def offer(self, slots: Iterable[bytes]) -> None:
        """Take slots (32 bytes each) that may be those of wanted trie keys; all others are forgotten."""
        for slot in slots:
            key = keccak256(slot)
            if key in self._wanted:
                self.named[key] = slot
            elif self._open:
                nibbles = to_nibbles(key)
                if any(nibbles[:length] in positions for length, positions in self._open.items()):
                    self.near.add(slot)

    @property
    def total(self) -> int:
        """How many trie keys are wanted."""
        return len(self._wanted)

    @property
    def unnamed(self) -> list[bytes]:
        """The trie keys (32 bytes) whose slot is not known, in their order."""
        return sorted(self._wanted - self.named.keys())

    @property
    def is_complete(self) -> bool:
        """Whether every trie key has its slot, and no position is open."""
        return not self._open and len(self.named) == len(self._wanted)
