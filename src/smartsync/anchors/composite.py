"""Anchors made of anchors (``KofNAnchor.sol``, ``VetoAnchor.sol``): first their members accept a block, then they do.

Members are updated where that needs nobody's key but the payer's. One that cannot be is told of, and no failure as long
as enough members accept the block.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from smartsync.anchors.ancestors import extend_ancestors
from smartsync.anchors.block import (
    AnchoredBlock,
    accepted_block,
    anchor_state,
    head_of,
    newest_accepted,
    require_active,
    require_same_source,
    usable_from,
)
from smartsync.anchors.kinds import CompositeKind
from smartsync.chain import Chain
from smartsync.contracts import encode_call
from smartsync.errors import AnchorFrozen, BlockNotAccepted, SmartSyncError, TransactionReverted
from smartsync.header import Header
from smartsync.results import Step
from smartsync.submit import Receipt, Sender, step_of
from smartsync.views import call_view

Tell = Callable[[str], None]
"""Told a sentence about a member that stays behind: which one, a colon, and why."""

Update = Callable[[str, int | str | None], Awaitable[tuple[Header, list[Step]]]]
"""Has a block (number, word, or the newest) accepted by the anchor at an address."""

_REFUSALS = {
    "Contradiction": "the anchor still accepts another block of this number: wait until enough members have revoked it",
    "TooFewMembers": "a member takes it back just now: try again",
    "TimestampInFuture": "the block's time is ahead of the target chain's clock: wait, or name an older --block",
}
"""Reverts that a later try may not meet, and what to do; of one more `_Work` knows it better."""

_FARTHEST = 512
"""Headers that a member is extended by, to meet the others at one block."""


async def members_of(target: Chain, anchor: str) -> list[str]:
    """Return the anchors that a composite is made of; of a veto anchor the primary first."""
    (members,) = await call_view(target, "ICompositeAnchor", anchor, "members")
    return list(members)


async def update_composite(
    source: Chain,
    sender: Sender,
    anchor: str,
    kind: CompositeKind,
    update: Update,
    *,
    block: int | str | None = None,
    tell: Tell | None = None,
) -> tuple[Header, list[Step]]:
    """Have a block accepted by as many members as it takes, and then by the composite.

    Parameters
    ----------
    update
        How a member is updated.
    block
        The newest that enough members accept where ``None``.
    tell
        Where it is told which member stays behind, and why.

    Raises
    ------
    BlockNotAccepted
        Too few members accept it. What was sent to members stands.
    AnchorPaused, AnchorFrozen
        The composite is not active, or froze now since it holds another block of this number.
    """
    await require_same_source(source, sender.chain, anchor)
    members = await members_of(sender.chain, anchor)
    return await _Work(source, sender, anchor, kind, members, update, block, tell or (lambda _: None)).run()


class _Work:
    def __init__(
        self,
        source: Chain,
        sender: Sender,
        anchor: str,
        kind: CompositeKind,
        members: Sequence[str],
        update: Update,
        block: int | str | None,
        tell: Tell,
    ) -> None:
        self._source, self._sender, self._target = source, sender, sender.chain
        self._anchor, self._kind, self._members = anchor, kind, members
        self._update, self._block, self._tell = update, block, tell
        self._steps: list[Step] = []
        self._failures: dict[str, SmartSyncError] = {}

    async def run(self) -> tuple[Header, list[Step]]:
        await self._require_not_frozen()
        needed = await self._needed()
        if self._block is None:
            header = await self._common(needed)
        else:
            header = await self._source.header(self._block)
        if await self._is_settled(header):
            await self._tell_who_holds_it_back(header)
            return header, self._steps
        for member in self._members:
            await self._bring(member, header)
            if not await self._has(member, header):
                self._tell_why(member)
        await self._require_enough(needed, header)
        await require_active(self._target, self._anchor)
        what = f"accept block {header.number} by its members' word"
        self._steps.append(step_of(what, await self._send(header, what)))
        if (await accepted_block(self._target, self._anchor, header.hash)).level == "unknown":
            raise AnchorFrozen(
                f"the anchor accepted another block {header.number} before and is frozen now",
                hint="its members contradict each other, one is broken: deploy an anchor without it, and fork again",
            )
        return header, self._steps

    async def _send(self, header: Header, what: str) -> Receipt:
        data = encode_call("ICompositeAnchor", "update", [header.raw])
        try:
            return await self._sender.send(self._anchor, data, what=what)
        except TransactionReverted as error:
            hint = self._way_to_newer() if error.name == "TimestampTooOld" else _REFUSALS.get(error.name)
            if hint is None:
                raise
            raise BlockNotAccepted(f"{what}: {error.reason}", hint=hint) from error

    def _way_to_newer(self) -> str:
        """Return, as a hint, what to do about a block that is too old for a veto anchor to be offered."""
        if self._block is None:
            return f"have the primary accept a newer one first: smartsync anchor update --anchor {self._members[0]}"
        return (
            "offer a newer one (leave out --block), wait for the delay, then go down to this one: smartsync anchor "
            "extend"
        )

    async def _is_settled(self, header: Header) -> bool:
        """Whether there is nothing to be done for a block: it is accepted, or waits for a veto."""
        found = await accepted_block(self._target, self._anchor, header.hash)
        # One that was vetoed is pending, too, and does not wait: it has to be offered again.
        return found.accepted or await usable_from(self._target, self._anchor, found) is not None

    async def _common(self, needed: int) -> Header:
        """Update every member as far as it goes, and return the newest block that enough of them have reached.

        A member that is ahead of the composite already is left alone as long as too few are: updating it again would
        cost gas and move nothing, and a watcher would pay that at every new block.
        """
        if self._kind == "veto/1":
            await self._try(self._members[0], None)
            return await self._source.header((await self._newest_of_primary(self._members[0])).number)
        own = await head_of(self._target, self._anchor)
        reached = -1 if own is None else own.number
        ahead = [member for member, head in (await self._heads()).items() if head > reached]
        for member in self._members:
            if member not in ahead:
                await self._try(member, None)
        heads = await self._heads()
        if sum(head > reached for head in heads.values()) >= needed:
            for member in ahead:
                await self._try(member, None)
            heads = await self._heads()
        if len(heads) < needed:
            for member in self._members:
                self._tell_why(member)
            raise BlockNotAccepted(
                f"{len(heads)} of the {needed} members that are needed accept any block at all",
                hint="\n".join(
                    f"smartsync anchor update --anchor {member}: {self._failures[member].hint}"
                    for member in self._members
                    if member in self._failures
                )
                or "see which of its members are active, and what they accept: smartsync anchor show",
            )
        return await self._source.header(sorted(heads.values())[-needed])

    async def _heads(self) -> dict[str, int]:
        """Return, by member, how far those have come that count: that are active and accept any block."""
        heads = {}
        for member in self._members:
            head = await head_of(self._target, member)
            if head is not None and (await anchor_state(self._target, member)).status == "active":
                heads[member] = head.number
        return heads

    async def _newest_of_primary(self, primary: str) -> AnchoredBlock:
        try:
            return await newest_accepted(self._target, primary)
        except BlockNotAccepted as error:
            # It was just tried, by the same command: so what stood in the way is told.
            failure = self._failures.get(primary, error)
            raise BlockNotAccepted(
                f"the primary {primary} has not accepted any source block yet: {failure.message}",
                hint=f"have one accepted by it, smartsync anchor update --anchor {primary}: {failure.hint}",
            ) from error

    async def _bring(self, member: str, header: Header) -> None:
        """Have the member accept this very block, from below or from above."""
        if await self._has(member, header):
            return
        head = await head_of(self._target, member)
        if head is None or head.number < header.number:
            await self._try(member, header.number)
            head = await head_of(self._target, member)
        if head is None or not header.number < head.number <= header.number + _FARTHEST:
            return
        if not await self._has(member, header):
            try:
                self._steps += await extend_ancestors(self._source, self._sender, member, header.number)
            except SmartSyncError as error:
                self._failures[member] = error

    async def _try(self, member: str, block: int | None) -> None:
        try:
            _, steps = await self._update(member, block)
            self._steps += steps
        except SmartSyncError as error:
            self._failures[member] = error

    def _tell_why(self, member: str) -> None:
        """Tell why a member stays behind; one that others had accept the block before fails to no harm."""
        if member in self._failures:
            self._tell(f"member {member} was not updated: {self._failures[member].message}")

    async def _tell_who_holds_it_back(self, header: Header) -> None:
        """Tell which members failed and stand no higher than a block that is settled, where there are newer ones."""
        if not self._failures or await self._source.block_number() <= header.number:
            return
        heads = await self._heads()
        for member in self._members:
            if heads.get(member, -1) <= header.number:
                self._tell_why(member)

    async def _has(self, anchor: str, header: Header) -> bool:
        return (await accepted_block(self._target, anchor, header.hash)).accepted

    async def _needed(self) -> int:
        if self._kind == "veto/1":
            return 1
        (threshold,) = await call_view(self._target, "KofNAnchor", self._anchor, "threshold")
        return int(threshold)

    async def _require_not_frozen(self) -> None:
        """Check the status, but let a paused one go on: it resumes once its members do, which are about to."""
        if (await anchor_state(self._target, self._anchor)).status != "paused":
            await require_active(self._target, self._anchor)

    async def _require_enough(self, needed: int, header: Header) -> None:
        asked = self._members[:1] if self._kind == "veto/1" else self._members
        found = [member for member in asked if await self._speaks(member, header)]
        if len(found) < needed:
            raise BlockNotAccepted(
                f"block {header.number} is accepted by {len(found)} of the {needed} members that are needed",
                hint="\n".join(
                    f"have it accepted by this one, too: smartsync anchor update --anchor {member}"
                    for member in asked
                    if member not in found
                ),
            )

    async def _speaks(self, member: str, header: Header) -> bool:
        active = (await anchor_state(self._target, member)).status == "active"
        return active and await self._has(member, header)
