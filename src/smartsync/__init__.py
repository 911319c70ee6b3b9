"""SmartSync: an exact replica of a smart contract on another EVM chain, kept in sync by proofs that the chain checks.

::

    async with SmartSync.connect(source_url, target_url, account=account) as s:
        deployed = await s.deploy(signers=[account.address], threshold=1)
        await s.attest(deployed.anchor, [account])
        fork = await s.fork(contract, anchor=deployed.anchor)
        ...
        await s.attest(deployed.anchor, [account])
        result = await s.sync(fork.replica)

Only ``__all__`` is public: the client, what it returns, every error that it raises (`smartsync.errors` draws the tree),
and how the command line reads keys and slots files.
"""

from smartsync.deploy import Deployed
from smartsync.discovery.slots_file import read_slots
from smartsync.errors import (
    AnchorError,
    AnchorFrozen,
    BlockNotAccepted,
    BlockUnavailable,
    CodeNotDeployable,
    ConfigError,
    IncompleteSlots,
    InsufficientFunds,
    InvalidHeader,
    InvalidProof,
    InvalidRlp,
    InvalidWitness,
    KeyUnavailable,
    MethodMissing,
    MissingNode,
    NoCode,
    NodeError,
    NodeUnreachable,
    NonCanonicalTrie,
    NotDeployed,
    ProofError,
    ReplicaError,
    ReplicaMoved,
    RpcError,
    SmartSyncError,
    SourceCodeChanged,
    SourceDestroyed,
    SourceError,
    SourceIsProxy,
    SourceReorganised,
    TransactionError,
    TransactionPending,
    TransactionReverted,
    TransactionTooLarge,
    TransitionTooLarge,
    UnknownReplica,
    WrongChain,
)
from smartsync.keys import load_account
from smartsync.results import (
    CallComparison,
    CallOutcome,
    Check,
    ForkResult,
    NodeReport,
    Progress,
    ReplicaState,
    Step,
    SyncResult,
    Verification,
)
from smartsync.sync import Attested, SmartSync, SyncPlan
from smartsync.types import SlotChange

__version__ = "0.1.0"

__all__ = [
    "SmartSync",
    # what it returns
    "Attested",
    "CallComparison",
    "CallOutcome",
    "Check",
    "Deployed",
    "ForkResult",
    "NodeReport",
    "ReplicaState",
    "SlotChange",
    "Step",
    "SyncPlan",
    "SyncResult",
    "Verification",
    # what it takes
    "Progress",
    "load_account",
    "read_slots",
    # what it raises
    "AnchorError",
    "AnchorFrozen",
    "BlockNotAccepted",
    "BlockUnavailable",
    "CodeNotDeployable",
    "ConfigError",
    "IncompleteSlots",
    "InsufficientFunds",
    "InvalidHeader",
    "InvalidProof",
    "InvalidRlp",
    "InvalidWitness",
    "KeyUnavailable",
    "MethodMissing",
    "MissingNode",
    "NoCode",
    "NodeError",
    "NodeUnreachable",
    "NonCanonicalTrie",
    "NotDeployed",
    "ProofError",
    "ReplicaError",
    "ReplicaMoved",
    "RpcError",
    "SmartSyncError",
    "SourceCodeChanged",
    "SourceDestroyed",
    "SourceError",
    "SourceIsProxy",
    "SourceReorganised",
    "TransactionError",
    "TransactionPending",
    "TransactionReverted",
    "TransactionTooLarge",
    "TransitionTooLarge",
    "UnknownReplica",
    "WrongChain",
    "__version__",
]
