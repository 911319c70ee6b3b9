"""What a proxy's replica delegates to: which kinds of proxy can be replicated, and what the hub's book of copies holds.

A replica of a proxy has a resolver for its logic (``Resolver.sol``). Which kind is in its key; the book, which is a
contract that the hub made, knows the kinds and answers for the copies (``IImplementations.sol``).

Source: EIP-1167, 1822, 1967.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from eth_utils.address import to_checksum_address

from smartsync.addresses import ZERO_ADDRESS, address_of
from smartsync.chain import Block, Chain
from smartsync.clones import find_clone, is_known_to_hub
from smartsync.errors import (
    CodeNotDeployable,
    NoCode,
    NodeError,
    NodeUnreachable,
    NotDeployed,
    ProofError,
    SourceIsProxy,
    TransactionReverted,
)
from smartsync.keccak import keccak256
from smartsync.replica import ReplicaKey, logic_of
from smartsync.source import BEACON_KIND, PROXY_SLOTS, delegates_by, inspect, read_code, require_deployable
from smartsync.types import NO_ACCOUNT, Account
from smartsync.views import call_view

_CLONE = 1
_KINDS = {
    "EIP-1967": 2,
    BEACON_KIND: 3,
    "EIP-1822": 4,
    "OpenZeppelin before EIP-1967": 5,
}
"""Kind of proxy as `smartsync.source` calls it -> the number in ``IImplementations.ProxyKind``."""

_IMPLEMENTATION = bytes.fromhex("5c60da1b")
"""Selector of ``implementation()``, which a beacon answers."""

_PROXIABLE_UUID = bytes.fromhex("52d1902d")
"""The selector of ``proxiableUUID()`` (EIP-1822): code with it writes a slot of proxies, and answers by itself."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Where a replica finds what it delegates to.

    ``kind`` is as in `smartsync.source`; ``slot`` 32 bytes, or None of a clone, which has ``target`` in its code.
    """

    kind: str
    slot: bytes | None
    target: str = ZERO_ADDRESS

    @property
    def is_beacon(self) -> bool:
        """Whether what the slot names is a beacon."""
        return self.kind == BEACON_KIND

    def named_by(self, value: int) -> str:
        """Return the address that a slot's value names: its lower 160 bits, as DELEGATECALL takes them."""
        if self.slot is None:
            return self.target
        return address_of(value)


def book_of(hub: str) -> str:
    """Return where a hub's book of implementations is: the address of the hub's nonce 1 (``IHub``)."""
    return to_checksum_address(keccak256(bytes.fromhex(f"d694{hub[2:]}01"))[-20:])


def unsupported(code: bytes, kind: str, named: str) -> str:
    """Return why a proxy cannot be replicated; empty where it can. Parameters as for ``resolver_hash``."""
    if is_known_to_hub(code):
        return ""
    if find_clone(code) is not None:
        return "its code is not exactly one of the clones that can be: it has arguments, or does more than delegate"
    if kind not in _KINDS:
        return "proxies of this kind cannot be replicated"
    if not delegates_by(kind, code, named):
        return "its code does not show that it delegates to what this slot names"
    return ""


def other_slots(resolution: Resolution, values: Mapping[bytes, int]) -> dict[str, str]:
    """Return, by kind, what a proxy names in slots of other kinds than its own: an implementation may read them.

    ``values``: what it has in the slots of proxies (`PROXY_SLOTS`), as far as that is not 0.
    """
    return {
        kind: address_of(values[slot])
        for kind, slot in PROXY_SLOTS.items()
        if slot != resolution.slot and values.get(slot)
    }


def further_proxy(others: Mapping[str, str], implementation: str, code: bytes) -> SourceIsProxy | None:
    """Return why an implementation's copy would answer by what stands on the target; None where its code shows nothing.

    Parameters
    ----------
    others
        What its proxy names in other slots, by ``other_slots``: it runs in its proxy's storage.
    implementation, code
        Its address on the source chain, and its runtime code.
    """
    for kind, named in others.items():
        if delegates_by(kind, code, named) and _PROXIABLE_UUID not in code:
            return SourceIsProxy(kind, named, through=f"its implementation {implementation}")
    return None


def proxy_of_its_own(resolution: Resolution, implementation: str) -> SourceIsProxy:
    """Return why a proxy that names itself, or one of the same code, has a copy that answers by what stands here."""
    return SourceIsProxy(
        resolution.kind,
        implementation,
        "that is a proxy of the same code, which asks the same slot: no call ends there",
    )


def other_kind(resolution: Resolution, code: bytes, named: str) -> SourceIsProxy | None:
    """Return why a replica answers by something else than its source; None where the source's code shows the slot.

    OpenZeppelin's beacon proxies of today have their beacon in their code. The slot is for explorers, and an
    implementation by which somebody can run code of his own can write it.
    """
    if resolution.slot is None or delegates_by(resolution.kind, code, named):
        return None
    return SourceIsProxy(resolution.kind, named, "its code does not show that it delegates to what this slot names now")


async def named_by_beacon(chain: Chain, address: str, block: Block, sender: str | None = None) -> str | None:
    """Return the implementation that a beacon or its replica names at a block, by the node's word; None if nothing.

    ``sender`` is who asks, for a beacon that answers by that.

    Raises
    ------
    NodeError
        The node does not tell.
    """
    try:
        answer = await chain.call(address, _IMPLEMENTATION, block=block, sender=sender)
    except TransactionReverted:
        return None
    # As the hub's book takes it: one word, however long the answer is.
    return to_checksum_address(answer[12:32]) if len(answer) >= 32 and not any(answer[:12]) else None


async def implementation_by(chain: Chain, kind: str, named: str, block: int) -> str | None:
    """Return the implementation of a proxy that names this at a block: of a beacon what that answers, None if nothing.

    ``chain`` is the proxy's. Nothing proves what its node says.
    """
    if kind != BEACON_KIND:
        return named
    try:
        return await named_by_beacon(chain, named, block)
    except NodeUnreachable:
        raise
    except NodeError:
        return None  # what is called a beacon may be anything


async def uncopyable(chain: Chain, kind: str, named: str, block: int) -> str:
    """Return why what a proxy names at a block cannot be brought to a target; empty where it can.

    Parameters as for ``implementation_by``.

    Raises
    ------
    NodeError
        The node does not tell.
    """
    found: list[str | None] = [named]
    if kind == BEACON_KIND:
        found.append(await implementation_by(chain, kind, named, block))
    for address in found:
        if address is None:
            return f"the beacon {named} does not tell its implementation"
        try:
            await inspect(chain, address, block)
        except SourceIsProxy as error:
            return f"{address} is itself a proxy ({error.kind}) of {error.implementation}"
        except (NoCode, CodeNotDeployable) as error:
            return error.message
    return ""


def nothing_to_copy(named: str, block: int) -> NoCode:
    """Return what to say of a proxy that names an address without code: what state that is, and what ends it."""
    where = "names no implementation" if named == ZERO_ADDRESS else f"delegates to {named}, which has no code"
    there = "" if named == ZERO_ADDRESS else " (or one is deployed at that address)"
    return NoCode(
        f"the source is a proxy that {where} at block {block} of its chain: calls to it answer nothing there either",
        hint=f"there is nothing to supply until the source is upgraded to a contract{there} and the anchor accepts "
        "such a block; then smartsync sync brings it, or fork where there is no replica yet",
    )


async def why_uncopied(source: Chain, named: str, block: int, account: Account | None = None) -> str:
    """Return why there is no copy of what a replica's storage names, and what ends that.

    Parameters
    ----------
    named
        The implementation, an address on the source chain; zero where the storage names none.
    block
        Number of the source block at which its code is asked for.
    account
        As for ``smartsync.source.read_code``.
    """
    try:
        code = await read_code(source, named, block, account=account)
        require_deployable(code, named)
    except NoCode:
        return nothing_to_copy(named, block).in_full
    except CodeNotDeployable as error:
        return f"{error.message}: no copy of it can be made, until the source is upgraded to another one"
    except (NodeError, ProofError):
        pass  # what it is cannot be told now, and smartsync supply will tell
    else:
        clone = find_clone(code)
        if clone is not None:
            return SourceIsProxy(*clone, through=f"its implementation {named}").in_full
    return without_copy(named)


def without_copy(named: str) -> str:
    """Return what to say of an implementation that can be copied and has not been."""
    return f"no copy of {named} is there: smartsync supply brings it"


async def resolver_hash(target: Chain, hub: str, anchor: str, code: bytes, kind: str, named: str) -> bytes:
    """Return the logic hash (32 bytes) of a replica of a proxy: that of its resolver's creation code.

    Parameters
    ----------
    code
        The proxy's runtime code.
    kind, named
        As ``smartsync.source.look_at`` tells them.

    Raises
    ------
    SourceIsProxy
        A resolver cannot do what this proxy does; tells why.
    NotDeployed
        The hub has no such book.
    """
    why = unsupported(code, kind, named)
    if why:
        raise SourceIsProxy(kind, named, why)
    number = _KINDS.get(kind, _CLONE)
    try:
        (found,) = await call_view(target, "IImplementations", book_of(hub), "resolverHashOf", [anchor, code, number])
    except TransactionReverted as error:
        if error.name != "NotOfThatKind":
            raise
        raise SourceIsProxy(kind, named, "the hub knows no such clone") from error
    return bytes(found)


def resolution_by(kind: str, named: str) -> Resolution:
    """Return how the replica of a proxy finds what it delegates to; parameters as of ``smartsync.source.look_at``."""
    slot = PROXY_SLOTS.get(kind)
    return Resolution(kind, slot) if slot else Resolution(kind, None, named)


async def resolution_of(source: Chain, target: Chain, hub: str, key: ReplicaKey, block: int) -> Resolution | None:
    """Return how the replica of this key finds what it delegates to; None where it has a copy of its source's code.

    ``block`` is the number of a source block at which its code can be asked for: a clone's says what it is.

    Raises
    ------
    NoCode, InvalidProof
        Of a clone: the source does not give the code that it was made of, so nobody knows here where it delegates to.
    """
    book = book_of(hub)
    try:
        (number,) = await call_view(target, "IImplementations", book, "kindOf", [key.anchor, b"", key.logic_hash])
    except NotDeployed:
        return None  # a hub of a version that knew no proxies
    for kind, known in _KINDS.items():
        if number == known:
            return Resolution(kind, PROXY_SLOTS[kind])
    if keccak256(await target.code(await logic_of(target, hub, key))) == key.code_hash:
        return None
    code = await read_code(source, key.source, block, account=replace(NO_ACCOUNT, code_hash=key.code_hash))
    clone = find_clone(code)
    if clone is None:
        return None
    (number,) = await call_view(target, "IImplementations", book, "kindOf", [key.anchor, code, key.logic_hash])
    return Resolution(clone[0], None, clone[1]) if number == _CLONE else None


async def copy_of(target: Chain, hub: str, anchor: str, implementation: str) -> str | None:
    """Return the copy of an implementation that replicas at this anchor may delegate to; None where there is none."""
    (copy,) = await call_view(target, "IImplementations", book_of(hub), "copyOf", [anchor, implementation])
    return None if copy == ZERO_ADDRESS else str(copy)


async def beacon_replica(target: Chain, hub: str, anchor: str, beacon: str) -> str:
    """Return the replica that was named for a beacon, whatever has become of it; zero where there is none."""
    (named,) = await call_view(target, "IImplementations", book_of(hub), "beaconReplicaOf", [anchor, beacon])
    return str(named)


async def implementation_behind(target: Chain, hub: str, anchor: str, beacon: str, replica: str, block: int) -> str:
    """Return the implementation that a beacon names to a proxy's replica, as the beacon's own replica answers.

    Raises
    ------
    TransactionReverted
        It has no replica that answers; ``name`` tells.
    """
    arguments = [anchor, beacon, replica]
    (found,) = await call_view(target, "IImplementations", book_of(hub), "implementationBehind", arguments, block=block)
    return str(found)


async def implementation_of(
    target: Chain, hub: str, key: ReplicaKey, replica: str, resolution: Resolution, block: int
) -> str:
    """Return the implementation (an address on the source chain) that a replica's own storage names.

    Raises
    ------
    TransactionReverted
        Of a beacon: it has no replica that answers; ``name`` tells.
    """
    value = 0
    if resolution.slot is not None:
        (value,) = await target.storage_at(replica, [resolution.slot], block)
    named = resolution.named_by(value)
    if not resolution.is_beacon:
        return named
    return await implementation_behind(target, hub, key.anchor, named, replica, block)


async def misleads(
    target: Chain, replica: str, code_hash: bytes, resolution: Resolution, named: str, code: bytes, block: int
) -> str:
    """Return why a copy answers by what stands on the target, although anybody may have supplied it; empty where not.

    Parameters
    ----------
    code_hash
        Of the replica's source, 32 bytes.
    named, code
        The implementation that the replica's storage names, and its copy's code.
    block
        Of the target: where the replica's storage is looked at.
    """
    here = "its copy delegates to what stands at that address on the target chain"
    clone = find_clone(code)
    if clone is not None:
        return f"{named} is a proxy itself ({clone[0]}): {here}"
    if resolution.slot is not None and keccak256(code) == code_hash:
        return f"{proxy_of_its_own(resolution, named).message}: {here}"
    values = await target.storage_at(replica, list(PROXY_SLOTS.values()), block)
    others = other_slots(resolution, dict(zip(PROXY_SLOTS.values(), values, strict=True)))
    further = further_proxy(others, named, code)
    return "" if further is None else f"{further.message}: {here}"
