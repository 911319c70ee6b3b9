"""May this contract be replicated? Its code, looked at before anything is sent.

A proxy's code alone would not answer on the target chain: what it delegates to is not there. So the known kinds are
told apart by name; what is done about them is the matter of `smartsync.implementations`. What the node says about their
slots is not proven here: it serves to tell, and to refuse. What is paid for goes by `smartsync.discovery.proven_code`.

Source: EIP-170, 1167, 1822, 1967, 3541, 7511, 7702.
"""

from __future__ import annotations

from collections.abc import Mapping

from smartsync.addresses import address_of
from smartsync.chain import Chain
from smartsync.clones import find_clone
from smartsync.errors import CodeNotDeployable, InvalidProof, NoCode, SourceIsProxy
from smartsync.keccak import keccak256
from smartsync.types import MAX_CODE_SIZE, Account

_DELEGATION = bytes.fromhex("ef0100")


def _slot(name: bytes, minus: int = 0) -> bytes:
    return (int.from_bytes(keccak256(name), "big") - minus).to_bytes(32, "big")


PROXY_SLOTS = {
    "EIP-1967": _slot(b"eip1967.proxy.implementation", 1),
    "EIP-1967 beacon": _slot(b"eip1967.proxy.beacon", 1),
    "EIP-1822": _slot(b"PROXIABLE"),
    "OpenZeppelin before EIP-1967": _slot(b"org.zeppelinos.proxy.implementation"),
}
"""Kind of proxy -> the slot (32 bytes) that holds its implementation or its beacon."""

BEACON_KIND = "EIP-1967 beacon"

_SEQUENCE = bytes.fromhex("363d3d373d3d3d363d30545af43d82803e903d91601857fd5bf3")
_SAFE = bytes.fromhex("608060405273ffffffffffffffffffffffffffffffffffffffff60005416")
"""What the runtime code of all Safe proxies (1.0.0 to 1.4.1) starts with: slot 0, cut to an address."""

_SAFE_SIZE = 256
_DELEGATECALL = 0xF4


async def inspect(chain: Chain, address: str, block: int, *, account: Account | None = None) -> bytes:
    """Return a contract's runtime code, where it is one that answers by itself.

    See ``look_at`` for parameters and further errors.

    Raises
    ------
    SourceIsProxy
        It is a proxy of a known kind; tells which and where to.
    """
    code, proxy = await look_at(chain, address, block, account=account)
    if proxy is not None:
        raise SourceIsProxy(*proxy)
    return code


async def look_at(
    chain: Chain, address: str, block: int, *, account: Account | None = None
) -> tuple[bytes, tuple[str, str] | None]:
    """Return a contract's runtime code, and of a proxy its kind and what it names: its implementation or its beacon.

    Parameters
    ----------
    address
        Checksummed.
    block
        Number of a block on this chain.
    account
        The account as proven at this block, where it is known: then the code is checked against it. Else the caller
        must compare the code's keccak-256 with the proven code hash.

    Raises
    ------
    NoCode
        There is no contract at the address in this block.
    CodeNotDeployable
        No creation can give a contract this code (EIP-170, EIP-3541), or it is an account's delegation (EIP-7702).
    InvalidProof
        The code is not that of ``account``.
    BlockUnavailable
        The node does not serve the block's state.
    """
    code = await read_code(chain, address, block, account=account)
    require_deployable(code, address)
    return code, await find_proxy(chain, address, block, code)


async def read_code(chain: Chain, address: str, block: int, *, account: Account | None = None) -> bytes:
    """Return a contract's runtime code, whatever it is; parameters and errors as of `inspect`.

    Raises
    ------
    NoCode
        There is no contract at the address in this block.
    InvalidProof
        The code is not that of ``account``.
    """
    code = await chain.verified(lambda one: _code(one, address, block, account))
    if not code:
        raise NoCode(
            f"there is no contract at {address} in block {block} of the {chain.role} chain",
            hint="check the address, the chain, and that the contract was there at this block already",
        )
    return code


async def _code(chain: Chain, address: str, block: int, account: Account | None) -> bytes:
    code = await chain.code(address, block)
    if account is not None and keccak256(code) != account.code_hash:
        raise InvalidProof(
            f"the code of {address} that {chain.rpc.host} answered with is not the one proven, "
            f"whose hash is 0x{account.code_hash.hex()}"
        )
    return code


def require_deployable(code: bytes, address: str) -> None:
    """Check that a contract on the target chain can be given this runtime code.

    Raises
    ------
    CodeNotDeployable
        It cannot.
    """
    if code.startswith(_DELEGATION) and len(code) == 23:
        to = address_of(int.from_bytes(code[3:], "big"))
        raise CodeNotDeployable(
            f"{address} is an account that delegates to {to} (EIP-7702), not a contract",
            hint="name the contract that it delegates to, if that is what you want",
        )
    if code[0] == 0xEF:
        raise CodeNotDeployable(f"the code of {address} begins with 0xef, which no creation may give (EIP-3541)")
    if len(code) > MAX_CODE_SIZE:
        raise CodeNotDeployable(
            f"the code of {address} has {len(code)} bytes, more than the {MAX_CODE_SIZE} that can be deployed (EIP-170)"
        )


async def find_proxy(chain: Chain, address: str, block: int, code: bytes) -> tuple[str, str] | None:
    """Return kind and implementation (or beacon) of a proxy with this code; None where it is none that is known."""
    slots = list(proxy_slots(address, code).values())
    values = await chain.storage_at(address, slots, block)
    return proxy_by(address, code, dict(zip(slots, values, strict=True)))


def proxy_by(address: str, code: bytes, values: Mapping[bytes, int]) -> tuple[str, str] | None:
    """Return what ``find_proxy`` does, by values of ``proxy_slots`` that are known; one that is missing is 0."""
    clone = find_clone(code)
    if clone is not None:
        return clone
    known = ((kind, values.get(slot, 0)) for kind, slot in proxy_slots(address, code).items())
    used = [(kind, address_of(value)) for kind, value in known if value]
    # An implementation may write the slot of another kind than its proxy reads.
    read = [(kind, named) for kind, named in used if delegates_by(kind, code, named)]
    return next(iter(read or used), None)


def proxy_slots(address: str, code: bytes) -> dict[str, bytes]:
    """Return the slots (32 bytes) where a contract with this code may have what it delegates to, by kind of proxy."""
    slots = dict(PROXY_SLOTS)
    if code.startswith(_SAFE) and len(code) <= _SAFE_SIZE and _DELEGATECALL in code:
        slots["Safe proxy"] = bytes(32)
    if code.startswith(_SEQUENCE):
        slots["Sequence wallet"] = bytes.fromhex(address[2:]).rjust(32, b"\0")
    return slots


def delegates_by(kind: str, code: bytes, named: str) -> bool:
    """Whether code that can delegate has a kind's slot written in it, or the beacon that the slot names.

    That is what the known proxies look like, and no proof that the code is one. A slot alone may be a leftover of what
    a contract was before, or written by an implementation that is made for another kind of proxy.
    """
    slot = PROXY_SLOTS.get(kind, b"")
    # OpenZeppelin's beacon proxies of today have the beacon in their code, and the slot for explorers only.
    is_written = slot in code or (kind == BEACON_KIND and bytes.fromhex(named[2:]) in code)
    return bool(slot) and is_written and _DELEGATECALL in code
