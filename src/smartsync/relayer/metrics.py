"""What this process has done since it started, as Prometheus counts it; and how its nodes and its accounts are.

How the replicas stand is not here: that is in the database, the same for all processes that share it
(`smartsync.relayer.gauges`). Nothing here is global: a process may have several relayers, as tests do.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from smartsync.errors import SmartSyncError
from smartsync.exchange import Exchange
from smartsync.relayer.configuration import Configuration
from smartsync.relayer.states import Role, state_of
from smartsync.results import SyncResult
from smartsync.submit.event import Event

Account: TypeAlias = tuple[str, str, str]
"""A chain's name, a key's name, and its address."""

_GAS = (1e5, 2e5, 3e5, 5e5, 7.5e5, 1e6, 1.5e6, 2e6, 3e6, 5e6, 7.5e6, 1e7, 1.3e7, 1.6e7, 2**24)
"""The last one is what a transaction may use at most (EIP-7825): what is above it was sent as several."""

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
_RPC_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The counters of one relayer, in a registry of their own.

    Parameters
    ----------
    version
        Of this software.
    """

    def __init__(self, version: str = "") -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._build = Gauge("smartsync_build_info", "The software's version; always 1.", ["version"], registry=registry)
        self._build.labels(version).set(1)
        self._replicas = Gauge(
            "smartsync_configured_replicas",
            "Replicas of the configuration that this process goes by.",
            ["pair"],
            registry=registry,
        )
        self._read = Gauge(
            "smartsync_configuration_accepted",
            "Whether the configuration as it was read last is gone by: 0 where it was refused, and an older one is.",
            registry=registry,
        )
        self._read.set(1)
        self._looks = Counter(
            "smartsync_looks",
            "Looks of this process at a pair, by whether its nodes showed what was asked for: ok, failed.",
            ["pair", "outcome"],
            registry=registry,
        )
        self._looked = Gauge(
            "smartsync_look_timestamp_seconds",
            "When this process looked at a pair last, whatever it saw.",
            ["pair"],
            registry=registry,
        )
        self._job_seconds = Histogram(
            "smartsync_job_duration_seconds",
            "How long jobs took: look at a pair, tend a replica, mind an anchor, follow a transaction.",
            ["pair", "kind"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._working = Gauge(
            "smartsync_jobs_working",
            "Jobs that this process is at work on.",
            ["pair", "kind"],
            registry=registry,
        )
        self._sync_gas = Histogram(
            "smartsync_sync_gas",
            "Gas that syncs used, each with all its transactions.",
            ["pair"],
            buckets=_GAS,
            registry=registry,
        )
        self._slots = Counter("smartsync_synced_slots", "Slots that syncs changed.", ["pair"], registry=registry)
        self._failures = Counter(
            "smartsync_failures",
            "Failures, by the error's name and by the state in which it leaves the replica.",
            ["pair", "kind", "state"],
            registry=registry,
        )
        self._transactions = Counter(
            "smartsync_transactions",
            "What became of transactions: sent, resent (the same once more), outbid, included, reverted, dropped.",
            ["pair", "event"],
            registry=registry,
        )
        self._requests = Counter(
            "smartsync_rpc_requests",
            "Requests to a node, each with any number of calls in it.",
            ["chain", "host"],
            registry=registry,
        )
        self._calls = Counter(
            "smartsync_rpc_calls",
            "JSON-RPC calls in these requests, as many providers bill them.",
            ["chain", "host"],
            registry=registry,
        )
        self._rpc_failures = Counter(
            "smartsync_rpc_failures",
            "Requests without a use: unreachable, timed-out, rate-limited, gateway, broken, invalid.",
            ["chain", "host", "kind"],
            registry=registry,
        )
        self._rpc_seconds = Histogram(
            "smartsync_rpc_request_duration_seconds",
            "How long a node took to answer a request, or to fail.",
            ["chain", "host"],
            buckets=_RPC_SECONDS,
            registry=registry,
        )
        self._balance = Gauge(
            "smartsync_account_balance_ether",
            "What an account that pays has, in the coin of its chain (10^18 wei).",
            ["chain", "key", "address"],
            registry=registry,
        )
        self._lines = Counter("smartsync_log_lines", "Lines of the log.", ["level"], registry=registry)
        self._lag = Gauge(
            "smartsync_event_loop_lag_seconds",
            "By how much the process was late at its last turn: work that held up everything else.",
            registry=registry,
        )
        self._looked_s: dict[str, float] = {}
        self._began_s = self._stirred_s = time.monotonic()
        self._at_work = 0

    # --- configuration ---

    def configured(self, configuration: Configuration) -> None:
        """Go by a configuration: those of before, whose pairs may be gone, are forgotten where they are no counters."""
        for gauge in (self._replicas, self._balance, self._looked):
            gauge.clear()
        self._looked_s = {pair: at_s for pair, at_s in self._looked_s.items() if pair in configuration.pairs}
        for pair in configuration.pairs:
            self._replicas.labels(pair).set(sum(one.pair == pair for one in configuration.replicas))
            for outcome in ("ok", "failed"):
                self._looks.labels(pair, outcome)  # from 0 on: a first failure is an increase
            for event in ("sent", "included", "reverted"):
                self._transactions.labels(pair, event)

    def reread(self, *, is_accepted: bool) -> None:
        """Note whether the configuration, read again, is gone by."""
        self._read.set(is_accepted)

    # --- work ---

    def looked(self, pair: str, *, is_ok: bool) -> None:
        """Count a look at a pair that has come to its end, whatever it saw."""
        self._looks.labels(pair, "ok" if is_ok else "failed").inc()
        self._looked.labels(pair).set_to_current_time()
        self._looked_s[pair] = time.monotonic()

    def silent_s(self, pair: str) -> float:
        """Return for how many seconds this process has not looked at a pair: since it started where it never has."""
        return time.monotonic() - self._looked_s.get(pair, self._began_s)

    def rested(self) -> None:
        """Note that there was nothing to do, where others have all the work. Jobs that hang are no rest."""
        if not self._at_work:
            self._stirred_s = time.monotonic()

    def idle_s(self) -> float:
        """Return for how many seconds it has brought nothing to its end."""
        return time.monotonic() - self._stirred_s

    @contextmanager
    def job(self, pair: str, kind: str) -> Iterator[None]:
        """Time a job."""
        self._at_work += 1
        try:
            with self._working.labels(pair, kind).track_inprogress(), self._job_seconds.labels(pair, kind).time():
                yield
        finally:
            self._at_work -= 1
            self._stirred_s = time.monotonic()

    def synced(self, pair: str, result: SyncResult) -> None:
        """Count a sync that has landed; one that had nothing to do is none."""
        if result.steps:
            self._sync_gas.labels(pair).observe(sum(step.gas_used for step in result.steps))
            self._slots.labels(pair).inc(len(result.changes))

    def failed(self, pair: str, error: Exception, role: Role | None = None) -> None:
        """Count what went wrong at a replica, at an anchor, or at a pair as a whole.

        Parameters
        ----------
        role
            Of which chain the node was that failed, where one did.
        """
        state = state_of(error, role) if isinstance(error, SmartSyncError) else "failing"
        self._failures.labels(pair, type(error).__name__, state).inc()

    def transacted(self, pair: str, event: Event) -> None:
        """Count what became of a transaction."""
        self._transactions.labels(pair, event).inc()

    # --- surroundings ---

    def exchanged(self, chain: str, exchange: Exchange) -> None:
        """Count a request to a node."""
        self._requests.labels(chain, exchange.host).inc()
        self._calls.labels(chain, exchange.host).inc(exchange.calls)
        self._rpc_seconds.labels(chain, exchange.host).observe(exchange.seconds)
        if exchange.fault is not None:
            self._rpc_failures.labels(chain, exchange.host, exchange.fault).inc()

    def funded(self, balances: Mapping[Account, int | None]) -> None:
        """Note what accounts have, in wei; nothing of those of which no node says it now."""
        self._balance.clear()
        for account, wei in balances.items():
            if wei is not None:
                self._balance.labels(*account).set(wei / 10**18)

    def logged(self, level: str) -> None:
        """Count a line of the log."""
        self._lines.labels(level).inc()

    def late(self, lag_s: float) -> None:
        """Note by how much the event loop was late."""
        self._lag.set(lag_s)
