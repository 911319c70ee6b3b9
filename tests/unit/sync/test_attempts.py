"""What is left out after an attempt that failed, until when, and what is told of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smartsync.errors import (
    BlockNotAccepted,
    IncompleteSlots,
    InsufficientFunds,
    NoCode,
    NodeUnreachable,
    ReplicaMoved,
    RpcError,
    SmartSyncError,
)
from smartsync.sync.attempts import Attempts, Matter

REPLICA = "0x" + "aa" * 20
BEACON = Matter("0x" + "bb" * 20, b"\x01" * 32, b"\x02" * 32, "0x" + "cc" * 20)


class Steps:
    """The steps of a watch, and how often work was done in them."""

    def __init__(self) -> None:
        self.attempts = Attempts(REPLICA)
        self.error: SmartSyncError | None = IncompleteSlots([b""])
        self.matter: Matter | SmartSyncError = BEACON
        self.tried = 0

    async def work(self) -> str:
        self.tried += 1
        if self.error is not None:
            raise self.error
        return "done"

    async def about(self) -> Matter:
        if isinstance(self.matter, SmartSyncError):
            raise self.matter
        return self.matter

    async def step(self) -> SmartSyncError | None:
        """Take a step, and return what it failed with."""
        try:
            assert await self.attempts.run(self.work, self.about) == "done"
        except SmartSyncError as error:
            return error
        return None

    async def steps(self, count: int) -> int:
        """Return in how many of so many steps it was tried."""
        before = self.tried
        for _ in range(count):
            await self.step()
        return self.tried - before


@pytest.fixture
def made() -> Steps:
    return Steps()


async def test_run_what_keeps_failing_is_tried_ever_less_often_and_says_always_why(made: Steps) -> None:
    for _ in range(127):
        assert await made.step() is made.error
    assert made.tried == 8


async def test_run_that_goes_well_leaves_nothing_out(made: Steps) -> None:
    made.error = None
    assert await made.steps(5) == 5
    assert made.attempts.news() is None


async def test_run_after_success_begins_anew(made: Steps) -> None:
    await made.steps(6)
    made.error = None
    assert await made.step() is None
    made.error = NoCode("gone again")
    assert await made.step() is made.error
    assert await made.steps(2) == 1, "one is left out, not seven"


@pytest.mark.parametrize(
    "other",
    [
        replace(BEACON, named="0x" + "dd" * 20),
        replace(BEACON, code_hash=b"\x09" * 32),
        replace(BEACON, replica="0x" + "ee" * 20),
        replace(BEACON, is_mirrored=True),
        replace(BEACON, storage_root=b"\x09" * 32, answer="0x" + "ff" * 20),
    ],
    ids=["another is named", "other code", "it has a replica", "that was brought along", "it was upgraded"],
)
async def test_run_of_another_matter_is_tried_at_once_and_told_again(made: Steps, other: Matter) -> None:
    await made.steps(3)
    assert made.attempts.news() is not None
    assert await made.steps(2) == 0
    made.matter = other
    assert await made.steps(1) == 1
    assert made.attempts.news() is not None
    assert await made.steps(1) == 0, "and left out again"


@pytest.mark.parametrize(
    "same",
    [replace(BEACON, answer="0x" + "ff" * 20), replace(BEACON, storage_root=b"\x09" * 32)],
    ids=["only the node says so", "only it writes something"],
)
async def test_run_of_the_same_matter_is_left_out(made: Steps, same: Matter) -> None:
    await made.steps(3)
    made.matter = same
    assert await made.steps(3) == 0


@pytest.mark.parametrize("error", [ReplicaMoved("faster"), BlockNotAccepted("not yet"), NodeUnreachable("away")])
async def test_run_what_may_pass_by_itself_is_tried_at_each_step(made: Steps, error: SmartSyncError) -> None:
    made.error = error
    assert await made.steps(4) == 4
    assert made.attempts.news() is None


async def test_run_what_is_wrong_with_the_watcher_is_tried_at_each_step(made: Steps) -> None:
    made.error = InsufficientFunds(REPLICA, 1, 2)
    assert await made.steps(4) == 4


async def test_run_of_a_matter_that_no_node_tells_is_tried_at_each_step(made: Steps) -> None:
    made.matter = RpcError("eth_getProof", -32000, "no")
    assert await made.steps(4) == 4
    assert await made.step() is made.error, "and what it failed with is told, not that"


async def test_run_where_the_matter_cannot_be_told_for_a_while_goes_on_with_it_then(made: Steps) -> None:
    await made.steps(3)
    made.matter = away = NodeUnreachable("away")
    assert await made.step() is away
    made.matter = BEACON
    assert await made.steps(3) == 0


async def test_forget_has_it_tried_at_once(made: Steps) -> None:
    await made.steps(3)
    made.attempts.forget()
    assert made.attempts.news() is None
    assert await made.steps(1) == 1


async def test_news_are_told_once_with_cause_and_next_step(made: Steps) -> None:
    assert made.attempts.news() is None
    await made.step()
    news = made.attempts.news()
    assert news is not None and made.error is not None
    assert made.error.message in news.message and REPLICA in news.message
    assert f"smartsync supply {REPLICA}" in news.hint and "every 32nd" in news.hint
    await made.steps(20)
    assert made.attempts.news() is None
