"""How the replicas stand, as Prometheus reads it: what the database says, and the configuration, at one moment.

Whoever shares the database says the same, so that of several processes any one is to be taken, as by ``max``. What is
there for each replica grows with them: 100,000 of them are not to be scraped every 15 seconds from every process
(``/metrics?of=process`` leaves all this out).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from prometheus_client.core import GaugeMetricFamily, Metric

from smartsync.relayer.configuration import Configuration
from smartsync.relayer.pairs import subject
from smartsync.relayer.queueing.job import Count
from smartsync.relayer.replicas import Replica
from smartsync.relayer.state.costs import Cost
from smartsync.relayer.state.outstanding import Outstanding
from smartsync.relayer.state.store import Status
from smartsync.relayer.states import FINE, UNSEEN, State

_REPLICA = ("pair", "replica", "name")
_NUMBERS: tuple[tuple[str, str, Callable[[Status], float | None]], ...] = (
    (
        "smartsync_replica_lag_blocks",
        "Blocks that the source is further than what the replica mirrors, at the last look.",
        lambda one: _difference(one.source_head, one.block_number),
    ),
    (
        "smartsync_replica_lag_seconds",
        "Seconds by the source's clock that its newest block is later than what the replica mirrors, at the last look.",
        lambda one: one.behind_s,
    ),
    (
        "smartsync_replica_held_up",
        "Whether something holds it up: 0 where it is exact, behind (work is under way) or waiting (its policy).",
        lambda one: float(one.state not in FINE),
    ),
    (
        "smartsync_replica_state_timestamp_seconds",
        "Since when the replica is in its state.",
        lambda one: one.since_s,
    ),
    (
        "smartsync_replica_look_timestamp_seconds",
        "When the replica was looked at last, by whichever process.",
        lambda one: one.looked_s,
    ),
    (
        "smartsync_replica_change_timestamp_seconds",
        "When the oldest change was first seen that the replica does not have and its policy watches for.",
        lambda one: one.changed_s,
    ),
    (
        "smartsync_replica_consecutive_failures",
        "How often in a row something went wrong at the replica.",
        lambda one: one.failures,
    ),
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the database says.

    Parameters
    ----------
    jobs
        By pair.
    costs
        Of the last 24 hours, by what they were for, as the journal calls it: a replica or an anchor, with its chain.
    """

    statuses: Sequence[Status]
    outstanding: Sequence[Outstanding] = ()
    jobs: Mapping[str, Count] = field(default_factory=dict)
    costs: Mapping[str, Cost] = field(default_factory=dict)


def gauges(configuration: Configuration, snapshot: Snapshot | None) -> Iterator[Metric]:
    """Yield the gauges.

    Parameters
    ----------
    snapshot
        ``None`` where the database does not answer. What it says of replicas that are not of the configuration is left
        out: nobody looks at them any more.
    """
    yield _plain("smartsync_state_up", "Whether the relayer's database answers.", snapshot is not None)
    yield _polls(configuration)
    yield from _limits(configuration.replicas)
    if snapshot is None:
        return
    wanted = {(one.pair, one.address) for one in configuration.replicas}
    statuses = [one for one in snapshot.statuses if (one.pair, one.address) in wanted]
    yield _counts(configuration, statuses)
    yield _states(statuses)
    for name, text, number in _NUMBERS:
        yield _numbers(name, text, statuses, number)
    yield from _sources(statuses)
    chains = {chain.chain_id: name for name, chain in configuration.chains.items()}
    yield from _transactions(chains, snapshot.outstanding)
    yield from _costs(configuration, statuses, snapshot.costs)
    yield _jobs(snapshot.jobs)


def _plain(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _polls(configuration: Configuration) -> Metric:
    text = "Seconds between two looks at a pair, as configured."
    family = GaugeMetricFamily("smartsync_pair_poll_seconds", text, labels=["pair"])
    for name, pair in configuration.pairs.items():
        family.add_metric([name], configuration.chains[pair.source].poll_s)
    return family


def _limits(replicas: Iterable[Replica]) -> Iterator[Metric]:
    gas = GaugeMetricFamily(
        "smartsync_replica_gas_limit_day",
        "Gas that the policy allows in any 24 hours, where it sets one.",
        labels=_REPLICA,
    )
    lag = GaugeMetricFamily(
        "smartsync_replica_lag_limit_seconds", "Seconds for which the policy has changes gathered.", labels=_REPLICA
    )
    for one in replicas:
        labels = [one.pair, one.address, one.name]
        if one.policy.max_gas_a_day is not None:
            gas.add_metric(labels, one.policy.max_gas_a_day)
        lag.add_metric(labels, one.policy.max_lag_s)
    yield gas
    yield lag


def _counts(configuration: Configuration, statuses: Sequence[Status]) -> Metric:
    """Return how many replicas of each pair are in each state: all states, so that a graph has no holes."""
    family = GaugeMetricFamily("smartsync_replicas", "Replicas in each state.", labels=["pair", "state"])
    found = Counter((one.pair, one.state) for one in statuses)
    expected = Counter(one.pair for one in configuration.replicas)
    for pair in configuration.pairs:
        known = dict.fromkeys(get_args(State), 0) | {state: n for (of, state), n in found.items() if of == pair}
        for state, count in (known | {UNSEEN: expected[pair] - sum(known.values())}).items():
            family.add_metric([pair, state], count)
    return family


def _states(statuses: Sequence[Status]) -> Metric:
    text = "1 for the state that a replica is in; there is none of the other states."
    family = GaugeMetricFamily("smartsync_replica_state", text, labels=[*_REPLICA, "state"])
    for one in statuses:
        family.add_metric([one.pair, one.address, one.name, one.state], 1)
    return family


def _numbers(name: str, text: str, statuses: Sequence[Status], number: Callable[[Status], float | None]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=_REPLICA)
    for one in statuses:
        if (value := number(one)) is not None:
            family.add_metric([one.pair, one.address, one.name], value)
    return family


def _sources(statuses: Sequence[Status]) -> Iterator[Metric]:
    """Yield the newest blocks: of the source, and of what the anchors accept of it."""
    heads: dict[str, int] = {}
    accepted: dict[tuple[str, str], int] = {}
    for one in statuses:
        if one.source_head is not None:
            heads[one.pair] = max(one.source_head, heads.get(one.pair, 0))
        if one.anchor is not None and one.accepted_block is not None:
            key = one.pair, one.anchor
            accepted[key] = max(one.accepted_block, accepted.get(key, 0))
    source = GaugeMetricFamily("smartsync_source_block_number", "The source's newest block.", labels=["pair"])
    for pair, number in heads.items():
        source.add_metric([pair], number)
    anchor = GaugeMetricFamily(
        "smartsync_anchor_accepted_block_number",
        "The newest source block that an anchor accepts.",
        labels=["pair", "anchor"],
    )
    lag = GaugeMetricFamily(
        "smartsync_anchor_lag_blocks", "Blocks that the source is further than that.", labels=["pair", "anchor"]
    )
    for (pair, address), number in accepted.items():
        anchor.add_metric([pair, address], number)
        lag.add_metric([pair, address], max(0, heads.get(pair, number) - number))
    yield from (source, anchor, lag)


def _jobs(counts: Mapping[str, Count]) -> Metric:
    text = "Jobs of the queue: due and waiting for somebody, for later, at work."
    family = GaugeMetricFamily("smartsync_jobs", text, labels=["pair", "state"])
    for pair, count in counts.items():
        for state, number in (("due", count.due), ("later", count.later), ("working", count.at_work)):
            family.add_metric([pair, state], number)
    return family


def _transactions(chains: Mapping[int, str], found: Sequence[Outstanding]) -> Iterator[Metric]:
    count = GaugeMetricFamily(
        "smartsync_outstanding_transactions",
        "Transactions that are signed and in no block, or included in one that is not final.",
        labels=["chain", "address", "state"],
    )
    oldest = GaugeMetricFamily(
        "smartsync_outstanding_transaction_timestamp_seconds",
        "When the oldest transaction that is in no block was signed.",
        labels=["chain", "address"],
    )
    for one in found:
        chain = chains.get(one.chain_id, str(one.chain_id))
        count.add_metric([chain, one.sender, "signed"], one.signed)
        count.add_metric([chain, one.sender, "included"], one.included)
        if one.signed_s is not None:
            oldest.add_metric([chain, one.sender], one.signed_s)
    yield from (count, oldest)


def _costs(configuration: Configuration, statuses: Sequence[Status], costs: Mapping[str, Cost]) -> Iterator[Metric]:
    """Yield what was paid in 24 hours for replicas, and for the anchors of pairs, where anything was.

    An anchor that several pairs share is paid for once: of which of them, the first one that uses it.
    """
    gas = GaugeMetricFamily(
        "smartsync_replica_gas_day",
        "Gas of its transactions in 24 hours; nothing where there were none.",
        labels=_REPLICA,
    )
    cost = GaugeMetricFamily(
        "smartsync_replica_cost_day_ether",
        "What they cost, in the coin of the target chain (10^18 wei).",
        labels=_REPLICA,
    )
    labels = ["pair", "anchor"]
    anchor_gas = GaugeMetricFamily("smartsync_anchor_gas_day", "Gas of its transactions in 24 hours.", labels=labels)
    anchor_cost = GaugeMetricFamily("smartsync_anchor_cost_day_ether", "What they cost, likewise.", labels=labels)
    left = dict(costs)
    for one in statuses:
        if (paid := left.pop(_subject(configuration, one.pair, one.address), None)) is not None:
            gas.add_metric([one.pair, one.address, one.name], paid.gas_used)
            cost.add_metric([one.pair, one.address, one.name], paid.cost_wei / 10**18)
    for pair, anchor in dict.fromkeys((one.pair, one.anchor) for one in statuses if one.anchor is not None):
        if (paid_for := left.pop(_subject(configuration, pair, anchor), None)) is not None:
            anchor_gas.add_metric([pair, anchor], paid_for.gas_used)
            anchor_cost.add_metric([pair, anchor], paid_for.cost_wei / 10**18)
    yield from (gas, cost, anchor_gas, anchor_cost)


def _subject(configuration: Configuration, pair: str, address: str) -> str:
    return subject(address, configuration.chains[configuration.pairs[pair].target].chain_id)


def _difference(further: int | None, number: int | None) -> int | None:
    return None if further is None or number is None else max(0, further - number)
