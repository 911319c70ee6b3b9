"""What users may rely on. A change here is a change of the version."""

from __future__ import annotations

import inspect

import smartsync

PUBLIC = {
    "Attested",
    "CallComparison",
    "CallOutcome",
    "Check",
    "Deployed",
    "ForkResult",
    "NodeReport",
    "ReplicaState",
    "SlotChange",
    "SmartSync",
    "SmartSyncError",
    "Step",
    "SyncPlan",
    "SyncResult",
    "Verification",
    "__version__",
}
METHODS = {
    "aclose",
    "attest",
    "call",
    "connect",
    "deploy",
    "diff",
    "fork",
    "halt",
    "replicas",
    "status",
    "sync",
    "verify",
    "watch",
}


def test_all_names_exist_and_are_documented() -> None:
    assert set(smartsync.__all__) == PUBLIC
    for name in PUBLIC - {"__version__"}:
        assert inspect.getdoc(getattr(smartsync, name)), name


def test_client_methods_are_the_documented_ones() -> None:
    methods = {name for name, _ in inspect.getmembers(smartsync.SmartSync, callable) if not name.startswith("_")}
    assert methods == METHODS
    for name in methods:
        assert inspect.getdoc(getattr(smartsync.SmartSync, name)), name
