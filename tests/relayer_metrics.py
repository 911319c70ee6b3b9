"""All metrics that a relayer can tell of: its counters used once each, and a database with something of everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from prometheus_client.core import Metric

from smartsync.errors import NodeUnreachable
from smartsync.exchange import Exchange
from smartsync.relayer.configuration import Configuration, read_configuration
from smartsync.relayer.gauges import Snapshot, gauges
from smartsync.relayer.metrics import Metrics
from smartsync.relayer.queueing.job import Count
from smartsync.relayer.state.costs import Cost
from smartsync.relayer.state.outstanding import Outstanding
from smartsync.relayer.state.store import Status
from smartsync.results import Step, SyncResult

REPLICA = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
ANCHOR = "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"
SENDER = "0x5FbDB2315678afecb367f032d93F642f64180aa3"

FILE = f"""
[chains.mainnet]
chain_id = 1
urls = ["https://node.example"]
[chains.base]
chain_id = 8453
urls = ["https://node.example"]
[pairs.main-to-base]
source = "mainnet"
target = "base"
hub = "{SENDER}"
[[replicas]]
address = "{REPLICA}"
name = "ENS registry"
policy = {{ max_gas_a_day = 1_000_000, max_lag_s = 60 }}
[[replicas]]
address = "{ANCHOR}"
name = "another one"
policy = {{ max_lag_s = 60 }}
"""

STATUS = Status(
    pair="main-to-base",
    address=REPLICA,
    name="ENS registry",
    state="behind",
    reason="work",
    since_s=1_800_000_000.0,
    looked_s=1_800_000_100.0,
    anchor=ANCHOR,
    block_number=90,
    level="final",
    accepted_block=97,
    source_head=100,
    behind_s=120,
    changed_s=1_800_000_010.0,
    failures=2,
)

SNAPSHOT = Snapshot(
    [STATUS],
    [Outstanding(8453, SENDER, 1, 2, 1_800_000_020.0)],
    {"main-to-base": Count(3, 4, 5)},
    {
        f"{REPLICA} on chain 8453": Cost(2, 0, 0, 300_000, 3 * 10**15),
        f"{ANCHOR} on chain 8453": Cost(1, 0, 0, 50_000, 10**15),
    },
)


def configuration(folder: Path, file: str = FILE) -> Configuration:
    """Return a configuration of two replicas of one pair."""
    (folder / "relayer.toml").write_text(file)
    return read_configuration({}, folder / "relayer.toml")


def used(of: Configuration) -> Metrics:
    """Return counters, each of which has counted something."""
    metrics, pair = Metrics("1.2.3"), "main-to-base"
    metrics.configured(of)
    with metrics.job(pair, "look"):
        metrics.looked(pair, is_ok=True)
    result = cast(SyncResult, replace(_RESULT))
    metrics.synced(pair, result)
    metrics.failed(pair, NodeUnreachable("away"), "source")
    metrics.transacted(pair, "sent")
    metrics.exchanged("mainnet", Exchange("node.example", 7, 0.25, "timed-out"))
    metrics.funded({("base", "main", SENDER): 5 * 10**17, ("base", "other", ANCHOR): None})
    metrics.logged("info")
    metrics.late(0.01)
    return metrics


@dataclass(frozen=True)
class Known:
    """A metric as the page tells of it."""

    kind: str
    labels: frozenset[str]
    text: str
    of: str


def known_metrics(of: Configuration) -> dict[str, Known]:
    """Return all metrics of ours by the name that a query has, without a histogram's ends."""
    found = {}
    for source, families in (("process", used(of).registry.collect()), ("database", gauges(of, SNAPSHOT))):
        for family in families:
            name = f"{family.name}_total" if family.type == "counter" else family.name
            if name.startswith("smartsync_"):
                found[name] = Known(family.type, _labels(family), family.documentation, source)
    return found


def samples(families: Iterator[Metric]) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return values by name and the values of the labels."""
    return {(one.name, tuple(one.labels.values())): one.value for family in families for one in family.samples}


def _labels(family: Metric) -> frozenset[str]:
    return frozenset(name for sample in family.samples for name in sample.labels) - {"le"}


@dataclass(frozen=True)
class _Result:
    steps: tuple[Step, ...]
    changes: tuple[int, ...]


_RESULT = _Result((Step("sync", "0x12", 250_000, 1_000, 10**15), Step("commit", "0x13", 50_000, 1_000)), (1, 2, 3))
