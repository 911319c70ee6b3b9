from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from smartsync.discovery import Discovery
from smartsync.discovery.searching import search
from smartsync.errors import IncompleteSlots, InvalidProof

A, B, C = (bytes(31) + bytes((number,)) for number in (1, 2, 3))


async def found(*discoveries: Discovery) -> AsyncIterator[Discovery]:
    for discovery in discoveries:
        yield discovery


class Attempt:
    """Succeeds once it is given all slots that it needs; ``tried`` holds what it was given."""

    def __init__(self, *needed: bytes) -> None:
        self.needed, self.tried = set(needed), []  # type: ignore[var-annotated]

    async def __call__(self, slots: set[bytes]) -> str:
        self.tried.append(set(slots))
        if missing := self.needed - slots:
            raise IncompleteSlots([bytes((number,)) for number in range(len(missing))], hint="as this node needs it")
        return "done"


async def test_search_first_that_is_enough_wins_and_no_more_are_asked() -> None:
    attempt = Attempt(A)

    async def candidates() -> AsyncIterator[Discovery]:
        yield Discovery({A, B}, "first")
        raise AssertionError("asked for more than is needed")

    assert await search(candidates(), attempt) == ("done", "first")
    assert attempt.tried == [{A, B}]


async def test_search_what_several_found_adds_up() -> None:
    attempt = Attempt(A, B)
    outcome = await search(found(Discovery({A}, "first"), Discovery({B}, "second"), Discovery({C}, "third")), attempt)
    assert outcome == ("done", "second")
    assert attempt.tried == [{A}, {A, B}]


async def test_search_nothing_needed_succeeds_with_no_slots() -> None:
    assert await search(found(Discovery(set(), "unchanged root")), Attempt()) == ("done", "unchanged root")


async def test_search_not_enough_tells_the_least_that_is_open_and_each_failure() -> None:
    discoveries = found(
        Discovery({A}, "second", {"first": "no such method"}),
        Discovery({B}, "third", {"first": "no such method", "second": "a gap"}),
    )
    with pytest.raises(IncompleteSlots) as caught:
        await search(discoveries, Attempt(A, B, C))
    assert len(caught.value.prefixes) == 1
    assert "(first: no such method; second: a gap)" in caught.value.message
    assert caught.value.hint == "as this node needs it"


async def test_search_tells_what_is_missing_as_the_strategy_knew_it_last() -> None:
    early, late = Discovery({A}, "walk", unnamed=(b"\x01",)), Discovery({B}, "naming", unnamed=(b"\x01\x02",))
    with pytest.raises(IncompleteSlots) as caught:
        await search(found(early, Discovery({A}, "another"), late), Attempt(A, B, C))
    assert caught.value.prefixes == (b"\x01\x02",), "what was open first has been looked into"


async def test_search_without_any_strategy_leaves_the_whole_trie_open() -> None:
    with pytest.raises(IncompleteSlots) as caught:
        await search(found(), Attempt(A))
    assert caught.value.prefixes == (b"",)


async def test_search_other_errors_end_it_at_once() -> None:
    async def lied_to(slots: set[bytes]) -> str:
        raise InvalidProof("a lie")

    with pytest.raises(InvalidProof):
        await search(found(Discovery({A}, "first"), Discovery({B}, "second")), lied_to)
