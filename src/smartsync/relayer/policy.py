"""What a replica's owner wants, and whether that makes a sync due now. Pure: what was seen and the time are arguments.

Three questions, in this order:

1. *Is there a reason?* Blocks, changes, a request; or that the replica stands at a block that the source has dropped.
2. *Is it better to wait for more?* Changes are gathered for as long as the owner bears it (``max_lag_s``).
3. *May it be paid for?* ``max_gas_a_day`` and ``max_fee_wei`` bound every sync.

**Why it pays to gather.** A sync has a fixed part, which does not depend on what changed: the transaction, the anchor's
word, the account proof; 69,144 gas with a short proof, 181,057 with one as on mainnet. For each changed slot it has the
branches above that, which slots share: the more of them, the less for each. So by the measured figures
(``docs/reference/gas.md``) one sync of several blocks always takes less than one for each of them: of 1,000 slots with
a short account proof 267,428 gas for 10 changes at once, and 1,047,750 for each alone. Slots that changed twice are
paid for once. Waiting takes no gas, also where nothing more changes. So the rule is to wait to the end of
``max_lag_s``, and not to guess how much will come.

**Where it does not pay**: beyond one transaction. There a transition goes in parts, each of which is proven first, and
all are written by one more transaction that repeats the values. 500 changes of 10,000 slots took 10,395,706 gas in
parts, and 9,866,599 as two syncs of 250 (``benchmarks/results/gathering.json``). Of many more changes, parts are the
cheaper way again; but there is an end to them, since what one transaction cannot write can never be mirrored
(``SECURITY.md``). Hence a sync is due before it is full, see ``FULL``.

**Why an orphaned replica does not wait, and does not pay more.** It tells what never was on the source's chain, so no
reason to sync later stands: triggers and gathering are passed over, also where the owner wants syncs on demand only.
The limits of gas and fee stay. They are what an owner relies on to lose at most: a source that reorganises again and
again would empty the account else. And waiting is safe: an anchor that has revoked the block makes strict readers
refuse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from smartsync.amounts import gwei
from smartsync.relayer.seen import DAY_S, Seen, Spending, Standing, spent_lately

FULL = 0.75
"""Share of one transaction's limits from which on nothing more is gathered. The rest is for what the next blocks bring,
and for an estimate that was too low."""

LOOK_AGAIN_S = 600.0
"""Seconds after which a replica that waits is looked at again at the latest, whatever it waits for."""

FEES_AGAIN_S = 60.0
"""The same where only the fee is too high: five blocks of mainnet, in which a base fee can nearly halve (EIP-1559)."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """An event that is a reason to sync.

    Parameters
    ----------
    topic
        Its first topic, 32 bytes.
    address
        Who emits it, checksummed; ``None``: the source contract.
    """

    topic: bytes
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What a replica's owner wants. Of several reasons to sync the first that comes counts.

    Parameters
    ----------
    every_blocks
        Sync when the accepted block is so many source blocks ahead of the recorded one, changed or not. ``None``: no
        reason.
    on_change
        Sync when the storage changed, or only when ``slots`` or ``events`` say so, where there are any.
    slots
        32 bytes each.
    max_lag_s
        Seconds that an unmirrored change may be old (for every block: that the recorded block may be). Until then
        changes are gathered. 0: they are not.
    max_gas_a_day
        Gas, in any 24 hours.
    max_fee_wei
        Wei per gas, base fee and priority fee together. ``None``, here and above: no bound.

    Without ``every_blocks`` and ``on_change`` it is synced on demand only.
    """

    every_blocks: int | None = 1
    on_change: bool = False
    slots: frozenset[bytes] = frozenset()
    events: frozenset[EventFilter] = frozenset()
    max_lag_s: float = 0.0
    max_gas_a_day: int | None = None
    max_fee_wei: int | None = None

    @property
    def on_demand_only(self) -> bool:
        """Whether nothing but a request is a reason to sync."""
        return self.every_blocks is None and not self.on_change


@dataclass(frozen=True, slots=True)
class Due:
    """A sync is due now.

    ``state`` is ``behind`` or ``orphaned``; ``why`` is for people. All its transactions together may use ``gas_left``
    at most (none is sent with a higher gas limit than is left: then the bound holds, whatever was estimated), and none
    pays more than ``max_fee_wei`` per gas. ``None``: no bound.
    """

    why: str
    to_block: int
    state: Literal["behind", "orphaned"] = "behind"
    gas_left: int | None = None
    max_fee_wei: int | None = None


WaitState: TypeAlias = Literal[
    "exact", "waiting", "anchor-behind", "orphaned", "fee-too-high", "gas-spent", "source-behind", "source-stalled"
]


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is to be done now.

    ``state`` is a replica's, as metrics and pages have it. With ``anchor-behind`` and ``orphaned`` a sync is wanted and
    may be paid for, and the anchor accepts no block for it: whoever can have one accepted does it now, and only then.
    ``why`` is for people. ``again_s`` is when to decide again at the latest; what is seen meanwhile may be a reason
    before.
    """

    why: str
    state: WaitState
    again_s: float


Decision: TypeAlias = Due | Wait


def decide(policy: Policy, seen: Seen, spent: Sequence[Spending], fee_wei: int, now_s: float) -> Decision:
    """Return whether a sync is due now, and why, or why not and when to ask again.

    Parameters
    ----------
    spent
        On this replica, in any order; what is older than a day does not matter.
    fee_wei
        Wei per gas that a transaction would pay in the next block: base fee and priority fee.
    now_s
        The time, on the clock of `Seen`.
    """
    decision = _decided(policy, seen, spent, fee_wei, now_s)
    return _node_behind(seen, decision, now_s) or _stalled(seen, decision) or decision


def _decided(policy: Policy, seen: Seen, spent: Sequence[Spending], fee_wei: int, now_s: float) -> Decision:
    """Return what is due by the policy, whatever the source's node is like."""
    reason = _orphaned(seen) if seen.standing != "canonical" else _reason(policy, seen, now_s)
    if isinstance(reason, Wait):
        return reason
    if (held := _over_limit(policy, seen, spent, fee_wei, now_s)) is not None:
        return Wait(f"{reason.words}; {held.why}", held.state, held.again_s)
    if not reason.is_ready:
        return Wait(f"{reason.words}; {_not_accepted(seen)}", _STATES[seen.standing][1], now_s + LOOK_AGAIN_S)
    why = f"{reason.words}: sync to block {seen.accepted_block} ({seen.accepted_level})"
    left = None if policy.max_gas_a_day is None else policy.max_gas_a_day - spent_lately(spent, now_s)
    return Due(why, seen.accepted_block or 0, _STATES[seen.standing][0], left, policy.max_fee_wei)


def _node_behind(seen: Seen, decision: Decision, now_s: float) -> Wait | None:
    """Return that the source's node lacks what was seen before, where a sync would be in vain or nothing is known."""
    accepted = seen.accepted_block or 0
    known = max(accepted, seen.recorded_block if seen.standing == "canonical" else 0)
    if known <= seen.source_head:
        return None
    is_in_vain = accepted > seen.source_head if isinstance(decision, Due) else decision.state in _QUIET
    if not is_in_vain:
        return None
    what = "the anchor accepts" if known == accepted else "the replica mirrors"
    why = (
        f"the source's node is behind: its newest block is {seen.source_head}, and {what} block {known} already. "
        "It catches up, or its chain is reorganising; ask another node if it stays so"
    )
    return Wait(why, "source-behind", now_s + LOOK_AGAIN_S)


_QUIET = ("exact", "waiting", "anchor-behind")


def _stalled(seen: Seen, decision: Decision) -> Wait | None:
    """Return that there are no new source blocks, where that is all that there is to tell."""
    if not seen.stalled_s or isinstance(decision, Due) or decision.state not in ("exact", "waiting"):
        return None
    why = (
        f"{decision.why}; no new source block for {_span(seen.stalled_s)}, the newest is {seen.source_head}: "
        "the source stands still, or its node does not follow it any more"
    )
    return Wait(why, "source-stalled", decision.again_s)


_STATES: Mapping[Standing, tuple[Literal["behind", "orphaned"], Literal["anchor-behind", "orphaned"]]] = {
    "canonical": ("behind", "anchor-behind"),
    "orphaned": ("orphaned", "orphaned"),
    "revoked": ("orphaned", "orphaned"),
}


@dataclass(frozen=True, slots=True)
class _Reason:
    """Why a sync is wanted, and whether the anchor accepts a block that serves for it."""

    words: str
    is_ready: bool


def _orphaned(seen: Seen) -> _Reason:
    words = f"the replica stands at block {seen.recorded_block}, which the source has dropped"
    return _Reason(words, seen.reachable)


def _reason(policy: Policy, seen: Seen, now_s: float) -> _Reason | Wait:
    """Return why a sync is wanted, limits aside, or what is waited for."""
    ready = _triggers(policy, seen, seen.accepted_block or 0) if seen.reachable else []
    if triggers := ready or _triggers(policy, seen, seen.source_head):
        # Also before the anchor is helped to a newer block: that costs gas too.
        return _gathering(policy, seen, triggers, now_s) or _Reason(triggers[0].words, bool(ready))
    return Wait(_waits_for(policy, seen), "waiting" if seen.differs else "exact", now_s + LOOK_AGAIN_S)


def _not_accepted(seen: Seen) -> str:
    if seen.standing == "revoked":
        return "there is a way back once the anchor accepts any block again"
    if seen.standing == "orphaned":
        return "there is a way back once the anchor accepts a newer block, or revokes that one"
    newest = "no block" if seen.accepted_block is None else f"no block after {seen.accepted_block}"
    return f"the anchor accepts {newest} yet"


@dataclass(frozen=True, slots=True)
class _Trigger:
    """A reason to sync: in words, and until when it may be gathered on, ``None`` where it may not."""

    words: str
    until_s: float | None = None


def _triggers(policy: Policy, seen: Seen, accepted: int) -> list[_Trigger]:
    """Return the reasons that there are to sync, were this source block accepted."""
    found = []
    passed = accepted - seen.recorded_block
    if seen.demanded and passed > 0:
        found.append(_Trigger("somebody asked for it"))
    if policy.on_change and seen.change is not None and seen.change.block <= accepted:
        what = "what is watched changed" if policy.slots or policy.events else "the storage changed"
        words = f"{what} by block {seen.change.block}"
        found.append(_Trigger(words, _until(policy, seen, seen.change.since_s)))
    if policy.every_blocks is not None and passed >= policy.every_blocks:
        words = f"{_counted(passed, 'block')} since block {seen.recorded_block}"
        # Who wants every so many blocks has said how much to gather; of each block it is the time that says so.
        each = policy.every_blocks == 1
        found.append(_Trigger(words, _until(policy, seen, seen.recorded_s) if each else None))
    return found


def _until(policy: Policy, seen: Seen, since_s: float) -> float | None:
    return since_s + policy.max_lag_s - seen.takes_s if policy.max_lag_s else None


def _gathering(policy: Policy, seen: Seen, reasons: Sequence[_Trigger], now_s: float) -> Wait | None:
    """Return until when more is gathered; ``None`` where the time is over, or a transaction is nearly full."""
    until_s = min(now_s if reason.until_s is None else reason.until_s for reason in reasons)
    # A change from further ahead than the owner bears is of a clock that was wrong: nothing may hang on it.
    if seen.fullness >= FULL or until_s <= now_s or until_s > now_s + 2 * policy.max_lag_s:
        return None
    why = (
        f"{reasons[0].words}; gathering what changes for {_span(until_s - now_s)} more, one sync of all takes less gas"
    )
    return Wait(why, "waiting", min(until_s, now_s + LOOK_AGAIN_S))


def _over_limit(policy: Policy, seen: Seen, spent: Sequence[Spending], fee_wei: int, now_s: float) -> Wait | None:
    """Return why a sync may not be paid for now; ``None`` where it may."""
    allowed, most_wei = policy.max_gas_a_day, policy.max_fee_wei
    if allowed is not None and seen.gas + spent_lately(spent, now_s) > allowed:
        return _gas_spent(allowed, seen.gas, spent, now_s)
    if most_wei is not None and fee_wei > most_wei:
        why = f"a transaction pays {gwei(fee_wei)} gwei per gas now, at most {gwei(most_wei)} are allowed"
        return Wait(why, "fee-too-high", now_s + FEES_AGAIN_S)
    return None


def _gas_spent(allowed: int, gas: int, spent: Sequence[Spending], now_s: float) -> Wait:
    needs = f"a sync takes about {gas:,} gas"
    if gas > allowed:
        why = f"{needs}, more than the {allowed:,} a day that are allowed: it will not come before that is raised"
        return Wait(why, "gas-spent", now_s + LOOK_AGAIN_S)
    total = left = spent_lately(spent, now_s)
    free_s = now_s
    for one in sorted((one for one in spent if one.at_s + DAY_S > now_s), key=lambda one: one.at_s):
        if left + gas <= allowed:
            break
        left, free_s = left - one.gas, one.at_s + DAY_S
    used = f"{total:,} of {allowed:,} were used in the last 24 hours"
    why = f"{needs}, and {used}: enough is free in {_span(free_s - now_s)}"
    return Wait(why, "gas-spent", min(free_s, now_s + LOOK_AGAIN_S))


def _waits_for(policy: Policy, seen: Seen) -> str:
    """Return what would be a reason, where there is none."""
    differs = "" if seen.differs else "nothing has changed; "
    if policy.on_demand_only:
        return f"{differs}it is synced on demand only"
    awaited = []
    if policy.on_change:
        awaited.append("a change of what is watched" if policy.slots or policy.events else "a change of the storage")
    if policy.every_blocks is not None:
        passed = max(0, seen.source_head - seen.recorded_block)
        of_these = f"{_counted(policy.every_blocks, 'block')}, of which {passed} passed"
        awaited.append("the source's next block" if policy.every_blocks == 1 else of_these)
    return f"{differs}waiting for {' or '.join(awaited)}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _span(seconds: float) -> str:
    """Return a time as people say it, rounded up: ``90 s``, ``25 min``, ``7:40 h``."""
    whole = -int(-seconds // 1)
    if whole < 120:
        return f"{whole} s"
    if whole < 7_200:
        return f"{-(-whole // 60)} min"
    return f"{str(timedelta(seconds=-(-whole // 60) * 60)).rpartition(':')[0]} h"
