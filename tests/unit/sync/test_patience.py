"""How long what failed is left alone."""

from __future__ import annotations

from smartsync.sync.patience import MOST_LOOKS, Patience


def looks_at(patience: Patience, looks: int) -> list[int]:
    """Return at which of so many looks work that always fails is tried."""
    tried = []
    for look in range(looks):
        if not patience.leaves_out():
            tried.append(look)
            patience.fail()
    return tried


def test_leaves_out_nothing_before_something_has_failed() -> None:
    patience = Patience()
    assert [patience.leaves_out() for _ in range(3)] == [False] * 3
    assert patience.looks == 1


def test_leaves_out_ever_more_looks_up_to_the_most() -> None:
    assert looks_at(Patience(), 130) == [0, 2, 6, 14, 30, 62, 94, 126]
    assert MOST_LOOKS == 94 - 62


def test_fail_waits_twice_as_long_and_forget_begins_anew() -> None:
    patience = Patience()
    looks = []
    for _ in range(7):
        patience.fail()
        looks.append(patience.looks)
    assert looks == [2, 4, 8, 16, 32, 32, 32]
    patience.forget()
    assert not patience.leaves_out()
    assert looks_at(patience, 7) == [0, 2, 6]
