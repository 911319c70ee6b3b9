"""SmartSync: an exact replica of a smart contract on another EVM chain, kept in sync by proofs that the chain checks.

::

    async with SmartSync.connect(source_url, target_url, account=account) as s:
        deployed = await s.deploy(signers=[account.address], threshold=1)
        await s.attest(deployed.anchor, [account])
        fork = await s.fork(contract, anchor=deployed.anchor)
        ...
        await s.attest(deployed.anchor, [account])
        result = await s.sync(fork.replica)

Only ``__all__`` is public.
"""

from smartsync.deploy import Deployed
from smartsync.errors import SmartSyncError
from smartsync.results import (
    CallComparison,
    CallOutcome,
    Check,
    ForkResult,
    NodeReport,
    ReplicaState,
    Step,
    SyncResult,
    Verification,
)
from smartsync.sync import Attested, SmartSync, SyncPlan
from smartsync.types import SlotChange

__version__ = "0.1.0"

__all__ = [
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
]
