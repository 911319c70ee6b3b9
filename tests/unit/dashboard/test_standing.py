from __future__ import annotations

from typing import get_args

from smartsync.dashboard.standing import ANCHORS, STANDINGS, WEIGHTS, kind_of, standing_of
from smartsync.relayer.states import FINE, UNSEEN, State
from smartsync.results.telling import WORDS


def test_standing_of_every_state_is_told() -> None:
    assert STANDINGS.keys() == {*get_args(State), UNSEEN}, "each needs its meaning in STANDINGS, and no other has one"


def test_standing_of_what_is_wrong_says_what_to_do() -> None:
    for state, standing in STANDINGS.items():
        assert standing.words.endswith(".")
        if standing.weight in ("bad", "held"):
            assert standing.advice.endswith("."), state


def test_standing_of_what_nothing_holds_up_is_neither_trouble_nor_the_end() -> None:
    fine = {state for state, standing in STANDINGS.items() if standing.weight in ("work", "wait", "good")}
    assert fine == {*FINE, UNSEEN}


def test_standing_of_an_unknown_state_is_bad() -> None:
    assert standing_of("<b>").weight == "bad"


def test_kind_of_everything_that_can_happen_is_told() -> None:
    for word in WORDS.values():
        weight, told = kind_of(word)
        assert weight in WEIGHTS and "_" not in told
    assert kind_of("something_new") == ("wait", "something new")
    assert set(ANCHORS) == {"active", "paused", "expired", "frozen"}
