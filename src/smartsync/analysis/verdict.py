"""What was found, in words: the checks of an analysis, and the sentence that it begins with. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from smartsync.analysis.findings import ANY_CALL, NO_FUNCTION
from smartsync.analysis.opcodes import NEWER, PROBES
from smartsync.analysis.report import CodeReport, ProxyReport, StorageReport
from smartsync.errors import SmartSyncError
from smartsync.results import Check
from smartsync.types import MAX_CODE_SIZE

_SHOWN = 4
_SHORT = 80
_HOW = "docs/how-to/name-the-slots.md"
_NOBODYS = frozenset({NO_FUNCTION, ANY_CALL})

_WHY = {
    "contract": "its code cannot be deployed",
    "proxy": "it is a proxy that is not supported",
    "implementation": "its implementation cannot be copied",
    "beacon": "its beacon cannot be replicated",
    "target's rules": "the target cannot run SmartSync's contracts",
    "storage": "this node does not prove its storage",
}
"""Name of a check that is needed -> what it means that it failed."""


def contract_check(code: bytes, error: SmartSyncError | None) -> Check:
    """Tell the code's size, and why it cannot be deployed where it cannot."""
    if error is not None:
        return Check("contract", False, error.in_full)
    return Check("contract", True, f"{_sized(code)} of code (EIP-170)")


def proxy_check(proxy: ProxyReport | None, code: CodeReport) -> Check:
    """Tell the kind of proxy, and whether it can be replicated."""
    if proxy is None:
        if not any(finding.opcode == "DELEGATECALL" and _NOBODYS & set(finding.views) for finding in code.findings):
            return Check("proxy", True, "not one of a known kind")
        detail = (
            "not one of a known kind, but what runs where no function is called delegates to other code: perhaps a "
            "diamond, or a proxy of another kind, of which nothing would answer on the target"
        )
        return Check("proxy", False, detail, needed=False)
    to = f"of {proxy.implementation or 'an unknown implementation'}"
    by = f", by the beacon {proxy.beacon}" if proxy.beacon else ""
    told = f"{proxy.kind} {to}{by}"
    if not proxy.refusal:
        return Check("proxy", True, f"{told}; supported: replicated with its implementation")
    return Check("proxy", False, f"{told}; refused: {proxy.refusal}")


def implementation_check(proxy: ProxyReport, code: bytes, failure: str) -> Check:
    """Tell the size of a proxy's implementation, or why there is nothing to go with it."""
    if failure:
        return Check("implementation", False, failure)
    return Check("implementation", True, f"{_sized(code)} of code at {proxy.implementation}")


def beacon_check(address: str, code: bytes, storage: StorageReport | None, failure: str) -> Check:
    """Tell the size of a proxy's beacon, or why it cannot be replicated with the proxy."""
    if failure or storage is None:
        return Check("beacon", False, failure)
    told = storage_check(storage)
    detail = f"{_sized(code)} of code at {address}, replicated too; its storage: {told.detail}"
    return Check("beacon", told.ok, detail, needed=told.needed)


def answers_check(code: CodeReport) -> Check:
    """Tell how many views answer as on the source."""
    name, views = "answers", len(code.views)
    without = [finding for finding in code.findings if set(finding.views) - {view.name for view in code.views}]
    if not views:
        if not code.findings:
            return Check(name, True, "from storage and code alone (no functions were recognised)", needed=False)
        return Check(
            name, False, "no functions were recognised, and the code asks for what is the target's", needed=False
        )
    exact = len(code.exact_views)
    beside = "; so may what runs where no function is called" if without else ""
    if exact == views:
        detail = f"all {views} views answer from storage and code alone, as on the source"
        return Check(name, not without, f"{detail}{beside.replace('so may', 'otherwise may answer')}", needed=False)
    verb = "asks" if views - exact == 1 else "ask"
    detail = f"{views - exact} of {views} views {verb} for what is the target's, and may answer otherwise: below"
    return Check(name, False, detail + beside, needed=False)


def abi_check(names: Collection[bytes], codes: Sequence[CodeReport]) -> Check | None:
    """Tell how many of an ABI's functions, by 4-byte selector, the codes have; None without an ABI."""
    if not names:
        return None
    known = {function.selector for code in codes for function in code.functions}
    found = len(known & set(names))
    if not found:
        why = "it may be another contract's" if known else "no functions were recognised there"
        return Check("ABI", False, f"none of the ABI's functions ({len(names)}) is in the code: {why}", needed=False)
    return Check("ABI", True, f"{found} of the ABI's functions ({len(names)}) found in the code", needed=False)


def flow_check(codes: Sequence[CodeReport]) -> Check | None:
    """Tell which functions could not be followed to the end; None where all could."""
    lost = [function.name for code in codes for function in code.functions if not function.followed]
    perhaps = any(not finding.certain for code in codes for finding in code.findings)
    if not lost and not perhaps:
        return None
    where = f"not followed to the end in {_some(lost)}: they" if lost else "not followed everywhere: functions"
    return Check("control flow", False, f"{where} may do more than is listed", needed=False)


def opcode_check(used: Collection[str], lacking: Sequence[str] | None) -> Check:
    """Tell which opcodes of the code the target does not have."""
    name = "target's opcodes"
    asked = [opcode for opcode in PROBES if opcode in used and opcode in NEWER]
    if lacking is None:
        return Check(name, False, "unknown: the node runs no code of ours with eth_call", needed=False)
    if lacking:
        detail = f"the target lacks {', '.join(lacking)}: what comes to one fails there, and a read reverts"
        return Check(name, False, detail, needed=False)
    newer = f", {', '.join(asked)} among them" if asked else ""
    return Check(name, True, f"the target runs all that the code uses{newer}", needed=False)


def address_check(found: Mapping[str, bool | None]) -> Check:
    """Tell at which of the addresses in the code there is a contract on the target."""
    name = "addresses in the code"
    without = [address for address, there in found.items() if there is False]
    if not without:
        detail = f"each of the {len(found)} has a contract on the target; whether it is the same one, you have to know"
        return Check(name, all(found.values()), detail if all(found.values()) else "unknown on the target", False)
    return Check(name, False, f"nothing stands on the target at {_some(without)}: calls of it fail", needed=False)


def storage_check(storage: StorageReport) -> Check:
    """Tell the size of the storage, and whether ``fork`` would find all of it."""
    slots = f"{storage.slots:,} slot{'' if storage.slots == 1 else 's'}"
    if not storage.why:
        found = "found" if storage.slots == 1 else "all of them found"
        return Check("storage", True, f"{slots}, {found} ({storage.found_by})" if storage.slots else "empty")
    # What several methods lack is long: `doctor` tells that.
    why = storage.why if len(storage.why) <= _SHORT else "not all of them can be named"
    number = f"{slots}, counted by trie keys" if storage.exact else f"about {slots}, estimated from proofs"
    if storage.out_of_time:
        return Check(
            "storage", False, f"{number}; {why}; fork looks longer; --layout and --keys help it ({_HOW})", False
        )
    wanted = f"fork will want --layout FILE or --keys FILE ({_HOW}), --slots FILE, or another node"
    return Check("storage", False, f"{number}; {why}: {wanted} (smartsync doctor tells more)", needed=False)


def verdict_on(address: str, checks: Sequence[Check], codes: Sequence[CodeReport]) -> str:
    """Return the sentence that an analysis begins with."""
    failed = [_WHY[check.name] for check in checks if not check.ok and check.needed]
    if failed:
        return f"{address} cannot be replicated as it is: {' and '.join(failed)}."
    warned = [check for check in checks if not check.ok]
    read = codes[-1] if codes else None
    if read is not None and len(read.exact_views) < len(read.views):
        differing = len(read.views) - len(read.exact_views)
        return f"{address} can be replicated; {differing} of its {len(read.views)} views may answer otherwise there."
    if warned:
        return f"{address} can be replicated; see what is marked warn."
    return f"{address} can be replicated, and its views answer as on the source."


def _sized(code: bytes) -> str:
    return f"{len(code):,} of at most {MAX_CODE_SIZE:,} bytes"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
