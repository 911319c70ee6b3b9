"""Proofs for the BFT anchors, from chains that are made up; what a contract says of them is in tests/integration."""

from __future__ import annotations

import pytest

from smartsync import rlp
from smartsync.anchors.bft import NOWHERE, encode_evidence, encode_proof, header_without_seals, valid_seals
from smartsync.bft import PROTOCOLS, Protocol, bft_block_hash, quorum_of, read_extra, with_seals
from smartsync.errors import BlockNotProvable, ValidatorsUnknown
from smartsync.header import Header, decode_header, decode_sealed_header
from tests.bft_chain import BftChain, ordered, validator

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def chain_of(protocol: Protocol, count: int) -> BftChain:
    chain = BftChain(protocol, [validator(number) for number in range(count)], 1_800_000_000)
    chain.add(3)
    return chain


def opened(proof: bytes) -> tuple[Header, bytes]:
    """Return the header that a proof begins with, and the rest of it."""
    size = 3 + int.from_bytes(proof[1:3], "big")
    return decode_header(proof[:size]), proof[size:]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 21])
def test_encode_proof_same_validators_quorum_of_seals_in_order(protocol: Protocol, count: int) -> None:
    chain = chain_of(protocol, count)
    header = chain.header(2)
    proof, places = opened(encode_proof(protocol, header, read_extra(header.extra_data).validators))
    assert bft_block_hash(protocol, proof.fields) == chain.hashes[2]
    assert list(places) == list(range(quorum_of(count)))
    seals = valid_seals(protocol, proof)
    validators = [key.public_key.to_canonical_address() for key in ordered(chain.validators)]
    assert [seal.validator for seal in seals] == validators[: quorum_of(count)]
    assert len(read_extra(proof.extra_data).seals) == quorum_of(count)


def test_encode_proof_seals_of_some_only_places_are_theirs() -> None:
    chain = chain_of("qbft", 7)
    keys = ordered(chain.validators)
    chain.add(sealing=[keys[6], keys[0], keys[3], keys[5], keys[2]], round_number=3)
    header = chain.header(4)
    _, places = opened(encode_proof("qbft", header, read_extra(header.extra_data).validators))
    assert list(places) == [0, 2, 3, 5, 6]


def test_encode_proof_other_validators_known_list_and_places() -> None:
    chain = chain_of("ibft2", 4)
    known = read_extra(chain.header(3).extra_data).validators
    chain.add(validators=[validator(number) for number in range(1, 8)])
    header = chain.header(4)
    proof, rest = opened(encode_proof("ibft2", header, known))
    size = len(rlp.encode(list(known)))
    places, listed, in_known = rest[:5], rest[5 : 5 + size], rest[5 + size :]
    assert listed == rlp.encode(list(known))
    assert len(in_known) == quorum_of(7) == 5
    sealing = [seal.validator for seal in valid_seals("ibft2", proof)]
    assert [read_extra(header.extra_data).validators[place] for place in places] == sealing
    assert [known[place] for place in in_known if place != NOWHERE] == [one for one in sealing if one in known]
    assert sum(place != NOWHERE for place in in_known) >= 2


def test_encode_proof_overlap_larger_than_quorum_takes_more_seals() -> None:
    chain = chain_of("qbft", 21)
    known = read_extra(chain.header(3).extra_data).validators
    chain.add(validators=[validator(number) for number in range(8)])
    proof, rest = opened(encode_proof("qbft", chain.header(4), known))
    # 6 of 8 would do for themselves, 7 known ones of 21 are needed.
    assert len(read_extra(proof.extra_data).seals) == 7
    assert NOWHERE not in rest[-7:]


def test_encode_proof_too_few_known_tells_how_many() -> None:
    chain = chain_of("qbft", 7)
    known = read_extra(chain.header(3).extra_data).validators
    chain.add(validators=[validator(number) for number in range(5, 12)])
    with pytest.raises(ValidatorsUnknown) as caught:
        encode_proof("qbft", chain.header(4), known)
    assert (caught.value.number, caught.value.needed, caught.value.found) == (4, 3, 2)


def test_encode_proof_too_few_seals_refused() -> None:
    chain = chain_of("qbft", 4)
    chain.add(sealing=ordered(chain.validators)[:2])
    header = chain.header(4)
    with pytest.raises(BlockNotProvable, match="block 4 has 2 seals by its validators, it needs 3"):
        encode_proof("qbft", header, read_extra(header.extra_data).validators)


def test_encode_proof_no_seals_at_all_blames_the_node() -> None:
    chain = chain_of("qbft", 4)
    header = chain.header(2)
    bare = decode_header(with_seals(header.fields, []))
    with pytest.raises(BlockNotProvable, match="without its seals"):
        encode_proof("qbft", bare, read_extra(header.extra_data).validators)


def test_valid_seals_strangers_twice_and_high_s_left_out() -> None:
    chain = chain_of("qbft", 4)
    keys = ordered(chain.validators)
    chain.add(sealing=[keys[0], validator(99), keys[0], keys[2]])
    header = chain.header(4)
    assert [seal.place for seal in valid_seals("qbft", header)] == [0, 2]
    seals = read_extra(header.extra_data).seals
    high = (N - int.from_bytes(seals[3][32:64], "big")).to_bytes(32, "big")
    malleable = seals[3][:32] + high + bytes((1 - seals[3][64],))
    changed = decode_header(with_seals(header.fields, [seals[0], malleable]))
    assert [seal.place for seal in valid_seals("qbft", changed)] == [0]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_header_without_seals_has_the_same_block_hash(protocol: Protocol) -> None:
    chain = chain_of(protocol, 4)
    short = header_without_seals(chain.header(2))
    assert len(short) < len(rlp.encode(list(chain.header(2).fields))) - 4 * 65
    assert bft_block_hash(protocol, decode_header(short).fields) == chain.hashes[2]
    assert header_without_seals(chain.header(0)) == chain.header(0).raw


def test_encode_evidence_two_headers_of_a_number() -> None:
    chain = chain_of("qbft", 4)
    fields, block_hash = chain.made(3, state_root=bytes(32), low=True)
    other = decode_sealed_header("qbft", rlp.encode(fields))
    evidence = encode_evidence("qbft", chain.header(3), other)
    accepted, rest = opened(evidence)
    assert bft_block_hash("qbft", accepted.fields) == chain.hashes[3]
    told, places = opened(rest)
    assert bft_block_hash("qbft", told.fields) == block_hash
    assert list(places) == [0, 1, 2]


def test_encode_evidence_of_the_same_block_or_one_that_follows_refused() -> None:
    chain = chain_of("qbft", 4)
    for other in (chain.header(3), chain.header(2)):
        with pytest.raises(BlockNotProvable, match="does not contradict"):
            encode_evidence("qbft", chain.header(3), other)


def test_encode_evidence_too_few_seals_refused() -> None:
    chain = chain_of("qbft", 4)
    fields, _ = chain.made(3, state_root=bytes(32), sealing=chain.validators[:2])
    other = decode_sealed_header("qbft", rlp.encode(fields))
    with pytest.raises(BlockNotProvable, match="has 2 seals by its validators, it needs 3"):
        encode_evidence("qbft", chain.header(3), other)
