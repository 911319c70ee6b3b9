from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as some

from smartsync.analysis.cost import empty_sync_gas, estimate_sync, sync_gas
from smartsync.relayer.policy import FEES_AGAIN_S, FULL, LOOK_AGAIN_S, Decision, Due, Policy, Wait, decide
from smartsync.relayer.seen import DAY_S, Change, Seen, Spending, Standing, fullness, spent_lately
from smartsync.types import TX_BYTES_CAP, TX_GAS_CAP

NOW = 1_800_000_000.0
GWEI = 10**9
ACCOUNT_PROOFS = (326, 3_867)
SLOTS = (10, 100, 1_000, 10_000)
GATHERING = json.loads(
    (Path(__file__).parents[3] / "benchmarks" / "results" / "gathering.json").read_text("utf-8"),
)

SEEN = Seen(recorded_block=100, recorded_s=NOW - 60, accepted_block=105, source_head=107, gas=100_000)
CHANGED = replace(SEEN, differs=True, change=Change(104, NOW - 24))
ON_CHANGE = Policy(None, True)


def decided(policy: Policy, seen: Seen = SEEN, *spent: Spending, fee_wei: int = GWEI, now_s: float = NOW) -> Decision:
    return decide(policy, seen, spent, fee_wei, now_s)


def due(*arguments: object, **given_: object) -> Due:
    found = decided(*arguments, **given_)  # type: ignore[arg-type]
    assert isinstance(found, Due), found
    return found


def wait(*arguments: object, **given_: object) -> Wait:
    found = decided(*arguments, **given_)  # type: ignore[arg-type]
    assert isinstance(found, Wait), found
    return found


# --- reasons ---


def test_decide_every_block_due_as_soon_as_one_is_accepted() -> None:
    found = due(Policy())
    assert found == Due("5 blocks since block 100: sync to block 105 (safe)", 105)


@pytest.mark.parametrize(("every", "is_due"), [(5, True), (6, False)])
def test_decide_every_n_blocks_due_at_the_nth(every: int, is_due: bool) -> None:
    assert isinstance(decided(Policy(every)), Due) == is_due


def test_decide_every_n_blocks_passed_but_not_accepted_waits_for_the_anchor() -> None:
    found = wait(Policy(6))
    assert (found.state, found.why) == (
        "anchor-behind",
        "7 blocks since block 100; the anchor accepts no block after 105 yet",
    )


def test_decide_every_n_blocks_not_passed_is_waiting_or_exact() -> None:
    assert wait(Policy(9), CHANGED).state == "waiting"
    found = wait(Policy(9))
    assert (found.state, found.why) == ("exact", "nothing has changed; waiting for 9 blocks, of which 7 passed")
    assert found.again_s == NOW + LOOK_AGAIN_S


def test_decide_nothing_accepted_waits_for_the_anchor() -> None:
    assert wait(Policy(), replace(SEEN, accepted_block=None)).state == "anchor-behind"
    assert wait(Policy(), replace(SEEN, accepted_block=100)).state == "anchor-behind"
    assert wait(Policy(), replace(SEEN, accepted_block=99)).state == "anchor-behind"


def test_decide_source_has_nothing_newer_is_exact() -> None:
    found = wait(Policy(), replace(SEEN, accepted_block=100, source_head=100))
    assert (found.state, found.why) == ("exact", "nothing has changed; waiting for the source's next block")


def test_decide_on_change_due_only_where_the_change_is_accepted() -> None:
    assert wait(ON_CHANGE).state == "exact"
    assert due(ON_CHANGE, CHANGED).why == "the storage changed by block 104: sync to block 105 (safe)"
    assert due(ON_CHANGE, replace(CHANGED, change=Change(105, NOW)))
    later = replace(CHANGED, change=Change(106, NOW))
    assert wait(ON_CHANGE, later).state == "anchor-behind"


def test_decide_on_change_of_given_slots_leaves_other_changes() -> None:
    policy = replace(ON_CHANGE, slots=frozenset({bytes(32)}))
    found = wait(policy, replace(SEEN, differs=True))
    assert (found.state, found.why) == ("waiting", "waiting for a change of what is watched")
    assert due(policy, CHANGED).why.startswith("what is watched changed by block 104")


def test_decide_on_change_and_every_n_blocks_whichever_is_first() -> None:
    policy = Policy(5, True, max_lag_s=1_000)
    assert due(policy).why.startswith("5 blocks")
    assert wait(replace(policy, every_blocks=8), CHANGED).state == "waiting"
    assert due(replace(policy, every_blocks=8, max_lag_s=0), CHANGED).why.startswith("the storage changed")


def test_decide_on_demand_due_only_on_request() -> None:
    assert wait(Policy(None), CHANGED).why == "it is synced on demand only"
    assert due(Policy(None), replace(SEEN, demanded=True)).why.startswith("somebody asked for it")
    unaccepted = replace(SEEN, demanded=True, accepted_block=100)
    assert wait(Policy(None), unaccepted).state == "anchor-behind"
    assert wait(Policy(None), replace(unaccepted, source_head=100)).state == "exact"


def test_decide_request_does_not_wait_for_more() -> None:
    gathering = replace(ON_CHANGE, max_lag_s=1_000)
    assert wait(gathering, CHANGED).state == "waiting"
    assert due(gathering, replace(CHANGED, demanded=True))


# --- orphans ---


@pytest.mark.parametrize("standing", ["orphaned", "revoked"])
@pytest.mark.parametrize("policy", [Policy(), Policy(None), ON_CHANGE, Policy(50), replace(ON_CHANGE, max_lag_s=1e6)])
def test_decide_orphaned_goes_before_every_trigger(policy: Policy, standing: Standing) -> None:
    found = due(policy, replace(SEEN, standing=standing))
    assert found.state == "orphaned"
    assert found.why.startswith("the replica stands at block 100, which the source has dropped: sync to block 105")


def test_decide_orphaned_goes_back_only_once_revoked() -> None:
    older = replace(SEEN, accepted_block=98)
    assert due(Policy(None), replace(older, standing="revoked")).to_block == 98
    found = wait(Policy(None), replace(older, standing="orphaned"))
    assert (found.state, "revokes that one" in found.why) == ("orphaned", True)
    assert wait(Policy(), replace(older, standing="revoked", accepted_block=None)).state == "orphaned"


def test_decide_orphaned_keeps_the_limits() -> None:
    orphaned = replace(SEEN, standing="revoked")
    assert wait(Policy(max_fee_wei=GWEI - 1), orphaned).state == "fee-too-high"
    found = wait(Policy(max_gas_a_day=99_999), orphaned)
    assert found.state == "gas-spent"
    assert found.why.startswith("the replica stands at block 100, which the source has dropped; ")


# --- gathering ---


def test_decide_gathers_until_the_change_is_as_old_as_it_may_be() -> None:
    policy = replace(ON_CHANGE, max_lag_s=600)
    found = wait(policy, CHANGED)
    assert found == Wait(
        "the storage changed by block 104; gathering what changes for 10 min more, one sync of all takes less gas",
        "waiting",
        NOW - 24 + 600,
    )
    assert due(policy, CHANGED, now_s=found.again_s)
    assert wait(policy, CHANGED, now_s=found.again_s - 0.5)


def test_decide_gathering_ends_so_early_that_the_sync_is_in_time() -> None:
    policy = replace(ON_CHANGE, max_lag_s=600)
    assert wait(policy, replace(CHANGED, takes_s=30)).again_s == NOW - 24 + 570


def test_decide_gathering_for_long_is_looked_at_in_between() -> None:
    assert wait(replace(ON_CHANGE, max_lag_s=DAY_S), CHANGED).again_s == NOW + LOOK_AGAIN_S


def test_decide_every_block_gathers_by_the_age_of_the_recorded_one() -> None:
    assert wait(Policy(max_lag_s=61)).again_s == NOW + 1
    assert due(Policy(max_lag_s=60))


def test_decide_gathering_ends_before_a_transaction_is_full() -> None:
    policy = replace(ON_CHANGE, max_lag_s=600)
    assert due(policy, replace(CHANGED, fullness=FULL))
    assert wait(policy, replace(CHANGED, fullness=FULL - 0.01))


def test_decide_gathers_before_the_anchor_is_helped() -> None:
    """Having a block accepted costs gas as well, and the next one would have to be accepted again."""
    later = replace(CHANGED, change=Change(106, NOW - 24))
    policy = replace(ON_CHANGE, max_lag_s=600)
    assert wait(policy, later).state == "waiting"
    assert wait(policy, later, now_s=NOW + 576).state == "anchor-behind"
    assert wait(replace(ON_CHANGE, max_fee_wei=1), later).state == "fee-too-high"


def test_decide_change_of_a_clock_that_was_wrong_does_not_starve() -> None:
    assert due(replace(ON_CHANGE, max_lag_s=600), replace(CHANGED, change=Change(104, NOW + 10**7)))


@pytest.mark.parametrize("account_bytes", ACCOUNT_PROOFS)
@pytest.mark.parametrize("slots", SLOTS)
def test_one_sync_of_many_changes_takes_less_than_many_by_the_measured_figures(slots: int, account_bytes: int) -> None:
    """The rule of gathering: as measured, with a short account proof and with one as on mainnet."""
    each = sync_gas(slots, 1, account_bytes)
    ten = sync_gas(slots, 10, account_bytes)
    assert each is not None and ten is not None
    assert ten < 0.5 * 10 * each
    if (hundred := sync_gas(slots, 100, account_bytes)) is not None:
        assert hundred < 0.65 * 10 * ten
    # In any way of sharing so many out, which one transaction can take.
    sizes = [one for one in (1, 2, 5, 10, 30, 60, 100) if one <= slots]
    for first in sizes:
        for second in sizes:
            both = estimate_sync(slots, first + second, account_bytes)
            if fullness(*both, TX_GAS_CAP, TX_BYTES_CAP) <= 1 and first + second <= slots:
                assert both.gas < sum(estimate_sync(slots, one, account_bytes).gas for one in (first, second))


def test_figures_that_the_docstring_quotes() -> None:
    words = " ".join((decide.__globals__["__doc__"]).split())
    alone = sync_gas(1_000, 1, 326) or 0
    for figure in (empty_sync_gas(326), empty_sync_gas(3_867), sync_gas(1_000, 10, 326), 10 * alone):
        assert f"{figure:,}" in words
    in_parts, in_two = beyond_one_transaction()
    assert f"{in_parts:,}" in words and f"{in_two:,}" in words


def beyond_one_transaction() -> tuple[int, int]:
    """Return the gas of 500 changes in parts, the mean of three, and of two syncs of 250, as measured."""
    by_size: dict[int, list[int]] = {}
    for sync in GATHERING["syncs"]:
        by_size.setdefault(round(sync["changes"], -1), []).append(sync["gas"])
    assert all(len(sync["steps"]) == (1 if sync["changes"] < 500 else 3) for sync in GATHERING["syncs"])
    return round(sum(by_size[500]) / 3), sum(by_size[250])


def test_gathering_beyond_one_transaction_takes_more_as_measured() -> None:
    in_parts, in_two = beyond_one_transaction()
    assert in_parts > 1.04 * in_two


def test_gathering_within_one_transaction_takes_less_as_measured() -> None:
    first, second, both = (sync["gas"] for sync in GATHERING["syncs"][:3])
    assert both < 0.9 * (first + second)


def test_fullness_sees_the_limit_before_it_is_met() -> None:
    """The estimate of bytes, which are what ends first, is above what was measured: so gathering ends in time."""
    for sync in GATHERING["syncs"][:5]:
        found = estimate_sync(GATHERING["slots"], sync["changes"], 326)
        assert found.gas == pytest.approx(sync["gas"], rel=0.15)
        assert found.calldata_bytes >= sync["steps"][0]["calldata_bytes"]
        assert fullness(*found, TX_GAS_CAP, TX_BYTES_CAP) > FULL
    assert fullness(1, TX_BYTES_CAP, TX_GAS_CAP, TX_BYTES_CAP) == 1.0
    assert fullness(TX_GAS_CAP // 2, 0, TX_GAS_CAP, TX_BYTES_CAP) == 0.5


# --- limits ---


def test_decide_fee_at_the_bound_is_paid_and_above_it_is_not() -> None:
    policy = Policy(max_fee_wei=30 * GWEI)
    assert due(policy, fee_wei=30 * GWEI).max_fee_wei == 30 * GWEI
    found = wait(policy, fee_wei=30 * GWEI + 1)
    assert (found.state, found.again_s) == ("fee-too-high", NOW + FEES_AGAIN_S)
    assert "pays 30.000000001 gwei per gas now, at most 30 are allowed" in found.why


def test_decide_gas_of_the_day_is_rolling() -> None:
    policy = Policy(max_gas_a_day=250_000)
    spent = (Spending(NOW - DAY_S, 250_000), Spending(NOW - DAY_S + 120, 100_000), Spending(NOW - 5, 60_000))
    assert due(policy, SEEN, Spending(NOW - DAY_S, 250_000)).gas_left == 250_000
    found = wait(policy, SEEN, *spent)
    assert (found.state, found.again_s) == ("gas-spent", NOW + 120)
    assert found.why.endswith("160,000 of 250,000 were used in the last 24 hours: enough is free in 2 min")
    assert due(policy, SEEN, *spent, now_s=NOW + 120).gas_left == 190_000


def test_decide_gas_of_the_day_may_be_used_up_to_the_last() -> None:
    policy = Policy(max_gas_a_day=200_000)
    assert due(policy, SEEN, Spending(NOW - 5, 100_000)).gas_left == 100_000
    # The first to fall out of the day leaves just enough.
    spent = (Spending(NOW - DAY_S + 60, 1), Spending(NOW - DAY_S + 90, 100_000))
    assert wait(policy, SEEN, *spent).again_s == NOW + 60


def test_decide_sync_dearer_than_a_day_says_that_it_never_comes() -> None:
    found = wait(Policy(max_gas_a_day=99_999))
    assert found.why.endswith(
        "a sync takes about 100,000 gas, more than the 99,999 a day that are allowed: it will not "
        "come before that is raised"
    )


def test_decide_spending_of_the_future_counts() -> None:
    assert wait(Policy(max_gas_a_day=150_000), SEEN, Spending(NOW + 10, 60_000)).state == "gas-spent"


# --- whatever is seen ---

_times = some.floats(0, 3 * DAY_S).map(lambda ago: NOW - ago)
_spent = some.lists(some.builds(Spending, _times, some.integers(0, 400_000)), max_size=8)
_policies = some.builds(
    Policy,
    every_blocks=some.none() | some.integers(1, 20),
    on_change=some.booleans(),
    max_lag_s=some.sampled_from([0.0, 60.0, 3_600.0]),
    max_gas_a_day=some.none() | some.integers(1, 1_000_000),
    max_fee_wei=some.none() | some.integers(1, 100 * GWEI),
)
_seen = some.builds(
    Seen,
    recorded_block=some.just(100),
    recorded_s=_times,
    accepted_block=some.none() | some.integers(90, 130),
    source_head=some.integers(100, 140),
    gas=some.integers(1, 500_000),
    standing=some.sampled_from(["canonical", "orphaned", "revoked"]),
    differs=some.booleans(),
    change=some.none() | some.builds(Change, some.integers(101, 140), _times),
    fullness=some.floats(0, 1.5),
    takes_s=some.floats(0, 120),
    demanded=some.booleans(),
)
_fees = some.integers(0, 200 * GWEI)


@given(_policies, _seen, _spent, _fees)
def test_decide_never_above_a_limit(policy: Policy, seen: Seen, spent: list[Spending], fee_wei: int) -> None:
    found = decide(policy, seen, spent, fee_wei, NOW)
    if isinstance(found, Due):
        assert seen.reachable and found.to_block == seen.accepted_block
        assert policy.max_fee_wei is None or fee_wei <= policy.max_fee_wei
        if policy.max_gas_a_day is None:
            assert found.gas_left is None
        else:
            assert found.gas_left == policy.max_gas_a_day - spent_lately(spent, NOW)
            assert seen.gas <= found.gas_left


@given(_policies, _seen, _spent, _fees)
def test_decide_says_when_to_look_again_soon_and_why(
    policy: Policy, seen: Seen, spent: list[Spending], fee_wei: int
) -> None:
    found = decide(policy, seen, spent, fee_wei, NOW)
    assert found.why and "None" not in found.why
    if isinstance(found, Wait):
        assert NOW < found.again_s <= NOW + LOOK_AGAIN_S
        assert (found.state == "exact") <= (not seen.differs)


@given(_policies, _seen, _spent, _fees, _fees)
def test_decide_is_monotone_in_the_fee(
    policy: Policy, seen: Seen, spent: list[Spending], one_wei: int, other_wei: int
) -> None:
    lower, higher = sorted((one_wei, other_wei))
    if isinstance(decide(policy, seen, spent, higher, NOW), Due):
        assert isinstance(decide(policy, seen, spent, lower, NOW), Due)


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(_policies, _seen, _spent, _fees, some.floats(0, 10 * DAY_S), some.integers(0, 50))
def test_decide_due_stays_due_until_done(
    policy: Policy, seen: Seen, spent: list[Spending], fee_wei: int, later_s: float, blocks: int
) -> None:
    """Time passes, blocks are added and more gathers: what was due still is, as long as it is not done."""
    assume(isinstance(decide(policy, seen, spent, fee_wei, NOW), Due))
    then = replace(
        seen,
        accepted_block=(seen.accepted_block or 0) + blocks,
        source_head=seen.source_head + blocks,
        differs=True,
        change=seen.change or Change(seen.source_head + blocks, NOW + later_s),
    )
    assert isinstance(decide(policy, then, spent, fee_wei, NOW + later_s), Due)


@given(_policies, _seen, _spent)
def test_decide_never_starves_what_is_allowed(policy: Policy, seen: Seen, spent: list[Spending]) -> None:
    """With a low fee and a sync that a day's gas pays for, looking again when it says leads to a sync in time."""
    assume(seen.reachable and (policy.max_gas_a_day is None or seen.gas <= policy.max_gas_a_day))
    seen = replace(seen, change=seen.change and replace(seen.change, block=101))
    has_reason = seen.demanded or seen.standing != "canonical" or (policy.on_change and seen.change)
    assume(has_reason or policy.every_blocks == 1)
    accepted = max(101, seen.accepted_block or 0)
    seen = replace(seen, accepted_block=accepted, source_head=max(seen.source_head, accepted))
    now_s, looks = NOW, 0
    while not isinstance(found := decide(policy, seen, spent, 0, now_s), Due):
        assert found.again_s > now_s
        now_s, looks = found.again_s, looks + 1
        assert looks < 200
    limit_s = policy.max_lag_s if policy.max_gas_a_day is None else max(DAY_S, policy.max_lag_s)
    assert now_s <= NOW + limit_s


@given(some.lists(some.tuples(some.floats(1, 20_000), some.integers(20_000, 150_000)), min_size=1, max_size=60))
def test_decide_over_days_no_24_hours_ever_have_more_gas(steps: list[tuple[float, int]]) -> None:
    """A replica syncs whenever it may, for gas above or below what was estimated, and never above what is left."""
    policy, allowed = Policy(max_gas_a_day=300_000), 300_000
    spent: list[Spending] = []
    now_s = NOW
    for seconds, used in steps:
        now_s += seconds
        found = decide(policy, replace(SEEN, recorded_s=now_s - 1), spent, 0, now_s)
        if isinstance(found, Due):
            spent.append(Spending(now_s, min(used, found.gas_left or 0)))
    for last in spent:
        window = [one.gas for one in spent if last.at_s - DAY_S < one.at_s <= last.at_s]
        assert math.fsum(window) <= allowed


# --- the source's node ---


@pytest.mark.parametrize("policy", [Policy(), ON_CHANGE, Policy(None)])
def test_decide_node_that_lacks_the_accepted_block_is_behind_and_no_sync_is_begun(policy: Policy) -> None:
    found = wait(policy, replace(CHANGED, source_head=103, demanded=True))
    assert found.state == "source-behind" and "newest block is 103, and the anchor accepts block 105" in found.why


def test_decide_node_that_lacks_the_mirrored_block_is_behind() -> None:
    found = wait(Policy(), replace(SEEN, accepted_block=None, source_head=99))
    assert found.state == "source-behind" and "the replica mirrors block 100" in found.why


def test_decide_node_behind_a_block_that_was_revoked_does_not_keep_from_the_way_back() -> None:
    assert due(Policy(), replace(SEEN, standing="revoked", recorded_block=110, accepted_block=105)).state == "orphaned"


def test_decide_source_without_new_blocks_is_stalled() -> None:
    still = replace(SEEN, recorded_block=105, source_head=105, stalled_s=1_500.0)
    for policy in (Policy(), ON_CHANGE, Policy(None)):
        found = wait(policy, still)
        assert found.state == "source-stalled" and "no new source block for 25 min, the newest is 105" in found.why


def test_decide_source_without_new_blocks_is_synced_to_what_there_is() -> None:
    assert due(Policy(), replace(SEEN, stalled_s=1_500.0)).to_block == 105
    assert wait(Policy(), replace(SEEN, accepted_block=100, stalled_s=1_500.0)).state == "anchor-behind", (
        "the anchor is still brought to the newest block"
    )
