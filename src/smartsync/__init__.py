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
and how the command line reads keys, slots, and files about a contract.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smartsync.analysis import (
        Analysis,
        ChangeReport,
        CodeReport,
        Cost,
        CostReport,
        Finding,
        FunctionReport,
        ProxyReport,
        StorageReport,
        read_abi,
    )
    from smartsync.anchors.collecting import RemoteSigners
    from smartsync.anchors.deploying import (
        BftCharter,
        BlockhashCharter,
        KofNCharter,
        L1BlockCharter,
        QuorumCharter,
        VetoCharter,
    )
    from smartsync.anchors.quorum import LocalSigners
    from smartsync.deploy import Deployed
    from smartsync.discovery.hints import Hints, read_hints
    from smartsync.discovery.slots_file import read_slots
    from smartsync.errors import (
        AlreadySigned,
        AnchorError,
        AnchorExpired,
        AnchorFrozen,
        AnchorMismatch,
        AnchorPaused,
        AttestorStopped,
        BlockNotAccepted,
        BlockNotProvable,
        BlockUnavailable,
        Cancelled,
        CodeNotDeployable,
        ConfigError,
        Equivocation,
        FeeTooHigh,
        FinalBlockDropped,
        ForeignSignature,
        GasSpent,
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
        NodesDisagree,
        NodeUnreachable,
        NonCanonicalTrie,
        NonceTaken,
        NotATransition,
        NotAttestable,
        NotDeployed,
        Overtaken,
        PoolFull,
        ProofError,
        RateLimited,
        ReplicaError,
        ReplicaMoved,
        RpcError,
        SmartSyncError,
        SourceCodeChanged,
        SourceDestroyed,
        SourceError,
        SourceIsProxy,
        SourceReorganised,
        TooEarly,
        TooFewKeys,
        TooFewSignatures,
        TransactionError,
        TransactionPending,
        TransactionReverted,
        TransactionTooLarge,
        TransitionTooLarge,
        UnknownReplica,
        UnknownTransaction,
        ValidatorsUnknown,
        WrongChain,
    )
    from smartsync.keys import load_account
    from smartsync.results import (
        AcceptedBlock,
        AnchorExtension,
        AnchorHead,
        AnchorReport,
        AnchorResumed,
        AnchorStopped,
        AnchorUpdate,
        CallComparison,
        CallOutcome,
        Check,
        DeployedAnchor,
        DroppedBlock,
        EquivocationReported,
        ForkResult,
        Guard,
        KeptHash,
        MisbehaviourReport,
        NodeReport,
        PendingBlock,
        Progress,
        Recovered,
        ReorganisationSeen,
        ReplicaState,
        Revoked,
        SetSignature,
        SignerChange,
        Step,
        Supplied,
        SyncResult,
        Verification,
        VetoedBlock,
    )
    from smartsync.sync import SmartSync, SyncPlan
    from smartsync.types import SlotChange

__version__ = "0.1.0"

__all__ = [
    "RateLimited",
    "PoolFull",
    "Cancelled",
    "AcceptedBlock",
    "AlreadySigned",
    "Analysis",
    "AnchorError",
    "AnchorExpired",
    "AnchorExtension",
    "AnchorFrozen",
    "AnchorHead",
    "AnchorMismatch",
    "AnchorPaused",
    "AnchorReport",
    "AnchorResumed",
    "AnchorStopped",
    "AnchorUpdate",
    "AttestorStopped",
    "BftCharter",
    "BlockNotAccepted",
    "BlockNotProvable",
    "BlockUnavailable",
    "BlockhashCharter",
    "CallComparison",
    "CallOutcome",
    "ChangeReport",
    "Check",
    "CodeNotDeployable",
    "CodeReport",
    "ConfigError",
    "Cost",
    "CostReport",
    "Deployed",
    "DeployedAnchor",
    "DroppedBlock",
    "EquivocationReported",
    "Equivocation",
    "FinalBlockDropped",
    "Finding",
    "ForeignSignature",
    "ForkResult",
    "FunctionReport",
    "Guard",
    "Hints",
    "IncompleteSlots",
    "InsufficientFunds",
    "InvalidHeader",
    "InvalidProof",
    "InvalidRlp",
    "InvalidWitness",
    "KeptHash",
    "KeyUnavailable",
    "KofNCharter",
    "L1BlockCharter",
    "LocalSigners",
    "MethodMissing",
    "MisbehaviourReport",
    "MissingNode",
    "NoCode",
    "NodeError",
    "NodeReport",
    "NodeUnreachable",
    "NodesDisagree",
    "NonCanonicalTrie",
    "NotATransition",
    "NotAttestable",
    "NotDeployed",
    "PendingBlock",
    "Progress",
    "ProofError",
    "ProxyReport",
    "QuorumCharter",
    "Recovered",
    "RemoteSigners",
    "ReorganisationSeen",
    "ReplicaError",
    "ReplicaMoved",
    "ReplicaState",
    "Revoked",
    "RpcError",
    "SetSignature",
    "SignerChange",
    "SlotChange",
    "SmartSync",
    "SmartSyncError",
    "SourceCodeChanged",
    "SourceDestroyed",
    "SourceError",
    "SourceIsProxy",
    "SourceReorganised",
    "Step",
    "StorageReport",
    "Supplied",
    "SyncPlan",
    "SyncResult",
    "TooEarly",
    "TooFewKeys",
    "TooFewSignatures",
    "TransactionError",
    "TransactionPending",
    "NonceTaken",
    "Overtaken",
    "FeeTooHigh",
    "GasSpent",
    "TransactionReverted",
    "TransactionTooLarge",
    "TransitionTooLarge",
    "UnknownReplica",
    "UnknownTransaction",
    "ValidatorsUnknown",
    "Verification",
    "VetoedBlock",
    "VetoCharter",
    "WrongChain",
    "__version__",
    "load_account",
    "read_abi",
    "read_hints",
    "read_slots",
]

_HOMES = (
    *("errors", "types", "results", "keys", "discovery.hints", "discovery.slots_file", "deploy", "analysis"),
    *("anchors.quorum", "anchors.collecting", "anchors.deploying", "sync"),
)
"""Modules that the public names are in; those first that take the least time to load."""


def __getattr__(name: str) -> object:
    """Load what is public when it is first asked for.

    All of it takes more than a second, in which a command could not say a word, not even of Ctrl-C.
    """
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for home in _HOMES:
        found = vars(import_module(f"{__name__}.{home}"))
        if name in found:
            globals()[name] = found[name]
            return found[name]
    raise AttributeError(f"{name} is public, and in none of the modules that it may be in")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
