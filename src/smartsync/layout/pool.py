"""What may be a key of a mapping: words and texts that were seen, and which of them were seen together.

Nothing here is trusted: a word that is no key costs a hash.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from smartsync.keccak import keccak256
from smartsync.layout.shapes import Key

MAX_WORDS = 50_000
"""Words, and as many texts, that a pool holds; where there are more, it lets go of some (`Pool.is_full`)."""

_GROUP = 96
"""Words of one log or one call that count as seen together: the first ones."""

_GROUPS_OF_A_WORD = 128
"""Logs and calls, the latest ones, in which a word's companions are looked for: some words are in all of them."""

_SMALL, _FEW = 256, 32
"""Numbers that are tried as keys whether they were seen or not; the latter where it is not known to be numbers."""


class Pool:
    """Candidate keys. ``known`` are words that go together with all others: those that the user names.

    Where it is full, the log or call goes that came longest ago, with the words that none has had since. For these are
    the least useful: what changed last was changed by calls of late, and a word that many calls have, the token or the
    exchange that all go through, is also in one of late. What the user names stays.
    """

    def __init__(self, known: Iterable[bytes] = (), texts: Iterable[bytes] = ()) -> None:
        self._words: dict[bytes, None] = {}
        self._hashes: dict[bytes, None] = {}
        self._texts: dict[bytes, None] = {}
        self._groups: dict[int, tuple[bytes, ...]] = {}
        self._count = 0
        self._of: defaultdict[bytes, deque[int]] = defaultdict(lambda: deque(maxlen=_GROUPS_OF_A_WORD))
        self._known = dict.fromkeys(known)
        self.is_full = False
        self._words.update(self._known)
        for text in texts:
            self._text(text)
        self._named = frozenset((*self._words, *self._texts, *self._hashes))

    def __len__(self) -> int:
        return len(self._words) + len(self._texts)

    def add(self, words: Iterable[bytes], texts: Sequence[bytes] = ()) -> None:
        """Take in what was seen together, in its order: 32-byte words, and texts (bytes of any length).

        What was seen longest ago comes first, as it is let go of first. Hashes of neighbours (a name under another one,
        EIP-137) and of texts are keys, too.
        """
        together = list(dict.fromkeys(words))[:_GROUP]
        self._words.update(dict.fromkeys(together))
        hashes = [keccak256(first + second) for first, second in pairwise(together)] if len(together) <= 16 else []
        for text in texts:
            self._text(text)
            hashes.append(keccak256(text))
        self._hashes.update(dict.fromkeys(hashes))
        group = (*together, *texts, *hashes)
        for one in group:
            self._of[one].append(self._count)
        self._groups[self._count] = group
        self._count += 1
        while self._groups and max(len(self._words), len(self._texts)) > MAX_WORDS:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Let go of the first log or call, and of what was in no later one."""
        self.is_full = True
        number = self._count - len(self._groups)  # they are numbered without a gap
        for one in self._groups.pop(number):
            if one in self._of and self._of[one][-1] == number:
                del self._of[one]
                if one not in self._named:
                    for held in (self._words, self._texts, self._hashes):
                        held.pop(one, None)

    def _text(self, text: bytes) -> None:
        self._texts[text] = None
        self._hashes[keccak256(text)] = None

    def keys(self, key: Key) -> Iterator[bytes]:
        """Yield what may be keys of this type: small numbers, then what was seen. Words have 32 bytes, as hashed."""
        if key.kind == "text":
            yield from self._texts
            return
        yield from _small(key)
        if key.kind == "bytes" and key.size < 32:
            # Of a word that was seen a contract may well have taken the first bytes: a selector, a prefix.
            yield from dict.fromkeys(word[: key.size].ljust(32, b"\0") for word in self._words)
        yield from (word for word in self._words if fits(word, key))
        if key.size == 32 and key.kind != "address":
            yield from self._hashes

    def companions(self, seen: Sequence[bytes], key: Key) -> Iterator[bytes]:
        """Yield the keys of this type that were seen together with all of some others, small ones, and the user's."""
        groups = set(self._of.get(seen[0], ()))
        for other in seen[1:]:
            groups &= set(self._of.get(other, ()))
        found = dict.fromkeys(word for number in sorted(groups) for word in self._groups.get(number, ()))
        if key.kind == "text":
            yield from (text for text in found if text in self._texts)
            return
        words = (word for word in (*found, *self._known) if len(word) == 32 and fits(word, key))
        # Indices, mostly: few, as the deeper ones multiply.
        indices = 16 if key.kind != "any" and len(seen) == 1 else 4
        yield from dict.fromkeys((*_small(key)[:indices], *words))


def fits(word: bytes, key: Key) -> bool:
    """Whether a word may be a key of a type, by the bytes that such keys leave empty."""
    match key.kind:
        case "address":
            return word[:12] == bytes(12)
        case "uint":
            return word[: 32 - key.size] == bytes(32 - key.size)
        case "int":
            head = word[: 32 - key.size]
            return head == (b"\xff" if word[32 - key.size] & 0x80 else b"\x00") * len(head)
        case "bytes":
            return word[key.size :] == bytes(32 - key.size)
        case "bool":
            return int.from_bytes(word, "big") < 2
        case "text":
            return False
    return True


def _small(key: Key) -> list[bytes]:
    match key.kind:
        case "uint":
            return _NATURALS
        case "any":
            return _NATURALS[:_FEW]
        case "int":
            return _INTEGERS
        case "bool":
            return _NATURALS[:2]
        case "address" | "bytes":
            return _NATURALS[:1]
    return []


_NATURALS = [number.to_bytes(32, "big") for number in range(_SMALL)]
_INTEGERS = [number.to_bytes(32, "big", signed=True) for number in range(-_SMALL // 2, _SMALL // 2)]
