"""Headers of Besu's consortium chains, QBFT and IBFT 2.0, whose validators seal each block in its own header.

::

    extraData = [vanity 32 B, [validator 20 B, ...], vote, round, [seal 65 B, ...]]

                block hash: extraData with            what is sealed: extraData with
    QBFT        round empty, list of seals empty      list of seals empty
    IBFT 2.0    no round and no list of seals         no list of seals

So neither hash is that of the header as it is, and seals can be left out or put in another order without changing
either. The genesis block is hashed as it is.

Source: Besu, ``QbftExtraDataCodec``, ``IbftExtraDataCodec``, ``BftBlockHashing``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from eth_keys.exceptions import BadSignature
from eth_keys.main import KeyAPI
from eth_utils.exceptions import ValidationError

from smartsync.errors import InvalidHeader, InvalidRlp
from smartsync.keccak import keccak256
from smartsync.rlp import Encodable, decode, encode

Protocol = Literal["qbft", "ibft2"]

PROTOCOLS: tuple[Protocol, ...] = ("qbft", "ibft2")

MIX_HASH = bytes.fromhex("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365")
"""The mixHash of every such header."""

_EXTRA_DATA, _MIX_HASH, _NUMBER = 12, 13, 8


@dataclass(frozen=True, slots=True)
class BftExtra:
    """What ``extraData`` says: ``validators`` 20 bytes each; ``vote`` as decoded; ``seals`` 65 bytes each (r, s, v)."""

    vanity: bytes
    validators: tuple[bytes, ...]
    vote: Encodable
    round: bytes
    seals: tuple[bytes, ...]

    @property
    def validators_list(self) -> bytes:
        """The RLP list of the validators, whose keccak-256 an anchor knows them by."""
        return encode(self.validators)


def read_extra(extra_data: bytes) -> BftExtra:
    """Take ``extraData`` apart.

    Raises
    ------
    InvalidHeader
        It is not the list that these protocols have there.
    """
    try:
        item = decode(extra_data)
    except InvalidRlp as error:
        raise InvalidHeader(f"extraData is not that of QBFT or IBFT 2.0: {error.message}") from error
    match item:
        case [bytes(vanity), list(validators), vote, bytes(round_), list(seals)] if len(vanity) == 32:
            pass
        case _:
            raise InvalidHeader("extraData is not that of QBFT or IBFT 2.0: five items are needed")
    return BftExtra(vanity, _strings(validators, 20, "validator"), vote, round_, _strings(seals, 65, "seal"))


def has_mix_hash(fields: Sequence[bytes]) -> bool:
    """Whether a header with these fields (``Header.fields``) says that it is one of these protocols."""
    return fields[_MIX_HASH] == MIX_HASH


def hashed_header(protocol: Protocol, fields: Sequence[bytes]) -> bytes:
    """Return the bytes whose keccak-256 is the block hash of a header with these fields (``Header.fields``)."""
    if not fields[_NUMBER]:
        return encode(list(fields))
    extra = read_extra(fields[_EXTRA_DATA])
    common: list[Encodable] = [extra.vanity, extra.validators, extra.vote]
    return encode(_with_extra(fields, [*common, b"", []] if protocol == "qbft" else common))


def bft_block_hash(protocol: Protocol, fields: Sequence[bytes]) -> bytes:
    """Return the block hash of a header with these fields (as ``Header.fields`` has them)."""
    return keccak256(hashed_header(protocol, fields))


def sealed_hash(protocol: Protocol, fields: Sequence[bytes]) -> bytes:
    """Return what the validators have sealed of a header with these fields."""
    extra = read_extra(fields[_EXTRA_DATA])
    kept: list[Encodable] = [extra.vanity, extra.validators, extra.vote, extra.round]
    return keccak256(encode(_with_extra(fields, [*kept, []] if protocol == "qbft" else kept)))


def with_seals(fields: Sequence[bytes], seals: Sequence[bytes]) -> bytes:
    """Return the RLP of the same header with other seals."""
    extra = read_extra(fields[_EXTRA_DATA])
    return encode(_with_extra(fields, [extra.vanity, extra.validators, extra.vote, extra.round, list(seals)]))


def sealers(protocol: Protocol, fields: Sequence[bytes]) -> list[bytes | None]:
    """Return whose each seal is, 20 bytes, in their order; ``None`` where it is nobody's."""
    digest = sealed_hash(protocol, fields)
    return [_recovered(digest, seal) for seal in read_extra(fields[_EXTRA_DATA]).seals]


def quorum_of(count: int) -> int:
    """Return how many of so many validators have to seal a block: ceil(2n / 3)."""
    return (2 * count + 2) // 3


def overlap_of(count: int) -> int:
    """Return how many of so many known validators have to seal a block of others: more than can be faulty."""
    return (count - 1) // 3 + 1


def _recovered(digest: bytes, seal: bytes) -> bytes | None:
    v = seal[64] - 27 if seal[64] >= 27 else seal[64]
    try:
        signature = KeyAPI.Signature(seal[:64] + bytes((v,)))
        return KeyAPI().ecdsa_recover(digest, signature).to_canonical_address()
    except (BadSignature, ValidationError):
        return None


def _with_extra(fields: Sequence[bytes], extra: Encodable) -> list[bytes]:
    return [*fields[:_EXTRA_DATA], encode(extra), *fields[_EXTRA_DATA + 1 :]]


def _strings(items: Sequence[object], size: int, what: str) -> tuple[bytes, ...]:
    found = tuple(item for item in items if isinstance(item, bytes) and len(item) == size)
    if len(found) != len(items):
        raise InvalidHeader(f"extraData has a {what} that is not of {size} bytes")
    return found
