"""Which members are updated, and what is told of them; the contracts themselves are tested on real chains."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from smartsync.anchors import composite
from smartsync.anchors.block import AnchoredBlock, AnchorState
from smartsync.anchors.composite import update_composite
from smartsync.errors import BlockNotAccepted, TooFewSignatures, TransactionReverted
from smartsync.header import Header
from smartsync.results import Step
from tests.fake_source import FakeSource, block

ANCHOR, A, B = (f"0x{digit * 40}" for digit in "2ab")


@dataclass
class Members:
    """A composite of ``A`` and ``B``: what each anchor's newest block is, and who can be updated."""

    heads: dict[str, int]
    able: set[str]
    source: FakeSource = field(default_factory=lambda: FakeSource("node", latest=60))
    updated: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    refusal: str = ""

    async def update(self, member: str, wanted: int | str | None) -> tuple[Header, list[Step]]:
        if member not in self.able:
            raise TooFewSignatures(f"block {self.source.latest}", 1, 0, hint="name its attestors")
        newest = self.source.latest if wanted is None else int(wanted)
        if self.heads.get(member, -1) >= newest:
            return block(newest), []
        self.updated.append(member)
        self.heads[member] = newest
        return block(newest), [Step(f"attest block {newest}", "0x", 134852, 1)]

    async def send(self, to: str, data: bytes, *, what: str) -> object:
        if self.refusal:
            raise TransactionReverted(self.refusal, name=self.refusal)
        self.heads[ANCHOR] = min(sorted(self.heads[member] for member in (A, B)))
        return SimpleNamespace(tx_hash="0x", gas_used=1, calldata_bytes=1)

    async def run(self, kind: str = "k-of-n/1", wanted: int | None = None) -> tuple[Header, list[Step]]:
        sender = cast(Any, SimpleNamespace(chain="the target", send=self.send))
        work = update_composite(
            self.source.chain, sender, ANCHOR, cast(Any, kind), self.update, block=wanted, tell=self.told.append
        )
        return await work


@pytest.fixture
def members(monkeypatch: pytest.MonkeyPatch) -> Members:
    """Both stand at 57, and nobody has signatures for ``B``."""
    here = Members({ANCHOR: 57, A: 57, B: 57}, {A})

    async def head_of(target: object, anchor: str) -> AnchoredBlock | None:
        number = here.heads.get(anchor)
        return None if number is None else AnchoredBlock(block(number).hash, number, number, "safe")

    async def accepted_block(target: object, anchor: str, block_hash: bytes) -> AnchoredBlock:
        known = {block(number).hash: number for number in range(here.heads.get(anchor, -1) + 1)}
        level = "safe" if block_hash in known else "unknown"
        return AnchoredBlock(block_hash, known.get(block_hash, 0), 0, level)

    async def anchor_state(*_: object) -> AnchorState:
        return AnchorState("active", 1, 0)

    async def members_of(*_: object) -> list[str]:
        return [A, B]

    async def nothing(*_: object) -> None:
        return None

    async def call_view(*_: object) -> tuple[int]:
        return (2,)

    async def newest_accepted(target: object, anchor: str) -> AnchoredBlock | None:
        return await head_of(target, anchor)

    stands = (head_of, accepted_block, anchor_state, members_of, call_view, newest_accepted)
    for stand in stands:
        monkeypatch.setattr(composite, stand.__name__, stand)
    for name in ("require_same_source", "require_active", "usable_from"):
        monkeypatch.setattr(composite, name, nothing)
    monkeypatch.setattr(composite, "step_of", lambda what, receipt: Step(what, "0x", 1, 1))
    return here


async def test_update_k_of_n_that_cannot_move_pays_for_no_member_again_and_tells_who_holds_it_back(
    members: Members,
) -> None:
    for newest in (60, 61, 62):
        members.source.latest = newest
        header, _ = await members.run()
        assert header.number == 57
    assert members.updated == [A], "once it is ahead, it is of no use to bring it further"
    assert len(members.told) == 3
    assert all(text.startswith(f"member {B} was not updated: ") for text in members.told)

    # Once the other one can be updated too, all go as far as they can.
    members.able.add(B)
    header, steps = await members.run()
    assert (header.number, members.heads) == (62, {ANCHOR: 62, A: 62, B: 62})
    assert members.updated == [A, B, A] and steps[-1].what == "accept block 62 by its members' word"


async def test_update_k_of_n_at_the_newest_block_tells_of_nobody(members: Members) -> None:
    members.source.latest = 57
    header, steps = await members.run()
    assert (header.number, steps, members.told) == (57, [], [])


async def test_update_k_of_n_without_enough_heads_says_what_to_do_a_line_each(members: Members) -> None:
    members.heads, members.able = {}, set()
    with pytest.raises(BlockNotAccepted, match="0 of the 2 members") as caught:
        await members.run()
    assert caught.value.hint.splitlines() == [
        f"smartsync anchor update --anchor {member}: name its attestors" for member in (A, B)
    ]


async def test_update_k_of_n_block_that_too_few_accept_says_by_whom_a_line_each(members: Members) -> None:
    members.able = set()
    with pytest.raises(BlockNotAccepted, match="block 60 is accepted by 0 of the 2") as caught:
        await members.run(wanted=60)
    lines = caught.value.hint.splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == [A, B]
    assert all("smartsync anchor update --anchor" in line for line in lines)


@pytest.mark.parametrize(
    ("wanted", "way_out"),
    [(None, f"have the primary accept a newer one first: smartsync anchor update --anchor {A}"), (60, "leave out --b")],
)
async def test_update_veto_block_that_is_too_old_leads_to_a_newer_one(
    members: Members, wanted: int | None, way_out: str
) -> None:
    members.refusal = "TimestampTooOld"
    with pytest.raises(BlockNotAccepted, match="TimestampTooOld") as caught:
        await members.run("veto/1", wanted)
    assert way_out in caught.value.hint
