from __future__ import annotations

from smartsync.discovery.naming import Naming
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import to_nibbles

SLOTS = [number.to_bytes(32, "big") for number in range(6)]
KEYS = [keccak256(slot) for slot in SLOTS]


def test_offer_names_what_is_wanted_and_forgets_the_rest() -> None:
    naming = Naming()
    naming.want(KEYS[:3], ())
    naming.offer(SLOTS[1:])
    assert naming.named == {KEYS[1]: SLOTS[1], KEYS[2]: SLOTS[2]}
    assert naming.unnamed == [KEYS[0]]
    assert naming.near == set()
    assert not naming.is_complete
    naming.offer([SLOTS[0]])
    assert naming.is_complete


def test_offer_keeps_what_lies_below_an_open_position() -> None:
    naming = Naming()
    naming.want((), [to_nibbles(KEYS[4])[:10]])
    naming.offer(SLOTS)
    assert naming.near == {SLOTS[4]}
    assert not naming.is_complete, "what is below is not known"


def test_want_again_names_what_was_near() -> None:
    naming = Naming()
    naming.want((), [to_nibbles(KEYS[4])[:10]])
    naming.offer(SLOTS)
    naming.want([KEYS[4]], ())
    assert naming.named == {KEYS[4]: SLOTS[4]}
    assert naming.is_complete


def test_want_again_forgets_names_that_are_not_wanted_any_more() -> None:
    naming = Naming()
    naming.want(KEYS[:2], ())
    naming.offer(SLOTS)
    naming.want(KEYS[1:2], ())
    assert naming.named == {KEYS[1]: SLOTS[1]}


def test_is_complete_of_nothing_wanted() -> None:
    naming = Naming()
    naming.want((), ())
    assert naming.is_complete and naming.unnamed == []
