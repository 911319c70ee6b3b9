"""What users may rely on. A change here is a change of the version."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import smartsync
from smartsync import errors
from smartsync.cli.command import Interrupted, UnexpectedError
from smartsync.relayer.state.errors import StateUnavailable
from smartsync.testing import NodeNotStarted, ToolMissing

ROOT = Path(__file__).parents[2]
RESULTS = {
    "AcceptedBlock",
    "Analysis",
    "AnchorExtension",
    "AnchorHead",
    "AnchorReport",
    "AnchorResumed",
    "AnchorStopped",
    "AnchorUpdate",
    "CallComparison",
    "CallOutcome",
    "ChangeReport",
    "Check",
    "CodeReport",
    "Cost",
    "CostReport",
    "Deployed",
    "DeployedAnchor",
    "DroppedBlock",
    "EquivocationReported",
    "Finding",
    "ForkResult",
    "FunctionReport",
    "Guard",
    "KeptHash",
    "MisbehaviourReport",
    "NodeReport",
    "PendingBlock",
    "ProxyReport",
    "Recovered",
    "ReorganisationSeen",
    "ReplicaState",
    "Revoked",
    "SetSignature",
    "SignerChange",
    "SlotChange",
    "Step",
    "StorageReport",
    "Supplied",
    "SyncPlan",
    "SyncResult",
    "Verification",
    "VetoedBlock",
}
ARGUMENTS = {
    "BftCharter",
    "BlockhashCharter",
    "Hints",
    "KofNCharter",
    "L1BlockCharter",
    "LocalSigners",
    "Progress",
    "QuorumCharter",
    "RemoteSigners",
    "VetoCharter",
    "load_account",
    "read_abi",
    "read_hints",
    "read_slots",
}
ERRORS = {
    "AlreadySigned",
    "AnchorError",
    "AnchorExpired",
    "AnchorFrozen",
    "AnchorMismatch",
    "AnchorPaused",
    "AttestorStopped",
    "BlockNotAccepted",
    "BlockNotProvable",
    "BlockUnavailable",
    "CodeNotDeployable",
    "ConfigError",
    "Equivocation",
    "FinalBlockDropped",
    "ForeignSignature",
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
    "NodesDisagree",
    "NonCanonicalTrie",
    "NotATransition",
    "NotAttestable",
    "NotDeployed",
    "ProofError",
    "ReplicaError",
    "ReplicaMoved",
    "RpcError",
    "RateLimited",
    "SmartSyncError",
    "SourceCodeChanged",
    "SourceDestroyed",
    "SourceError",
    "SourceIsProxy",
    "SourceReorganised",
    "TooEarly",
    "TooFewKeys",
    "TooFewSignatures",
    "TransactionError",
    "TransactionPending",
    "NonceTaken",
    "Cancelled",
    "PoolFull",
    "Overtaken",
    "FeeTooHigh",
    "GasSpent",
    "TransactionReverted",
    "TransactionTooLarge",
    "TransitionTooLarge",
    "UnknownReplica",
    "UnknownTransaction",
    "ValidatorsUnknown",
    "WrongChain",
}
PUBLIC = {"SmartSync", "__version__"} | RESULTS | ARGUMENTS | ERRORS
METHODS = {
    "aclose",
    "analyze",
    "attest",
    "call",
    "connect",
    "deploy",
    "deploy_anchor",
    "describe_anchor",
    "diff",
    "extend_ancestors",
    "fork",
    "guard",
    "halt",
    "keep_hash",
    "recover_anchor",
    "replicas",
    "report_contradiction",
    "report_double_signing",
    "report_fork",
    "report_misbehaviour",
    "revoke",
    "rotate",
    "sign_set",
    "status",
    "supply",
    "sync",
    "update_anchor",
    "verify",
    "watch",
}


def test_all_names_exist_and_are_documented() -> None:
    assert set(smartsync.__all__) == PUBLIC
    assert len(smartsync.__all__) == len(PUBLIC)
    for name in PUBLIC - {"__version__", "Progress"}:
        found = getattr(smartsync, name)
        assert found.__doc__, name
        assert inspect.cleandoc(found.__doc__) != f"{name}{inspect.signature(found)}", name  # what dataclasses make up


def test_client_methods_are_the_documented_ones() -> None:
    methods = {name for name, _ in inspect.getmembers(smartsync.SmartSync, callable) if not name.startswith("_")}
    assert methods == METHODS
    for name in methods:
        assert inspect.getdoc(getattr(smartsync.SmartSync, name)), name


def tree() -> dict[str, str]:
    """Return the errors that the docstring of `smartsync.errors` draws: each name and that of the one above it."""
    above, found = {-1: "Exception"}, {}
    for line in (errors.__doc__ or "").splitlines():
        # What stands behind the names is set off by several spaces, or in brackets.
        drawn = re.match(r"    ((?:[│├└─]|   | )*?)((?:[A-Z]\w+, )*[A-Z]\w+)(?=  | \(|$)", line)
        if drawn is None:
            continue
        depth = len(drawn.group(1)) // 4
        for name in drawn.group(2).split(", "):
            above[depth] = name
            found[name] = above[depth - 1]
    return found


def test_errors_tree_as_drawn_is_the_tree() -> None:
    defined = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, Exception)]
    assert tree() == {found.__name__: found.__bases__[0].__name__ for found in defined}
    assert set(tree()) == ERRORS


@pytest.mark.parametrize("error", [Interrupted, UnexpectedError, StateUnavailable, NodeNotStarted, ToolMissing])
def test_errors_elsewhere_are_named_with_their_place(error: type[Exception]) -> None:
    told = " ".join((errors.__doc__ or "").split())
    assert f"``{error.__name__}``" in told
    assert f"`{error.__bases__[0].__name__}`" in told
    assert f"`{error.__module__}`" in told or f"`{error.__module__.rpartition('.')[0]}`" in told


def test_errors_exit_code_in_the_tree_is_that_of_the_class() -> None:
    drawn = re.findall(r"── (\w+) .* exit (\d+)\n", errors.__doc__ or "")
    families = {name for name, above in tree().items() if above == "SmartSyncError"}
    assert {name for name, _ in drawn} == families
    for name, code in drawn:
        assert getattr(errors, name).exit_code == int(code)


def test_version_has_one_source() -> None:
    assert importlib.metadata.version("smartsync") == smartsync.__version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert (ROOT / project["tool"]["hatch"]["version"]["path"]).samefile(smartsync.__file__)


def test_names_are_those_that_a_type_checker_sees() -> None:
    """What is loaded when it is asked for is what the imports that only type checkers follow say."""
    seen = {
        alias.name: node.module
        for node in ast.walk(ast.parse(Path(smartsync.__file__).read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("smartsync.")
        for alias in node.names
    }
    assert set(seen) == PUBLIC - {"__version__"}
    for name, module in seen.items():
        assert getattr(smartsync, name) is getattr(importlib.import_module(str(module)), name), name
    assert set(dir(smartsync)) >= PUBLIC


def test_name_that_is_not_public_is_none_of_the_package() -> None:
    with pytest.raises(AttributeError, match="module 'smartsync' has no attribute 'Replicate'"):
        getattr(smartsync, "Replicate")  # noqa: B009  # as a user's typing error is found


def test_import_of_the_package_loads_nothing_yet() -> None:
    code = "import sys, smartsync; print([m for m in sys.modules if m.startswith(('smartsync.', 'aiohttp', 'eth'))])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
