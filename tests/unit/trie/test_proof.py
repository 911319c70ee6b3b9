"""What proofs prove, and how much of a trie they tell. What is refused is in ``test_proof_refusals.py``."""

from __future__ import annotations

import random
from typing import Any

import pytest
import rlp as pyrlp

from smartsync import rlp
from smartsync.errors import InvalidRlp, MissingNode, NonCanonicalTrie
from smartsync.keccak import keccak256
from smartsync.trie import proof
from smartsync.trie.nibbles import hex_prefix, to_nibbles
from smartsync.trie.node import Branch, Extension, Leaf, Node, Opaque, encode, encode_string, reference, root_hash
from smartsync.trie.proof import decode_storage_value, partial_trie, verify_account, verify_storage
from smartsync.trie.trie import build, lookup, storage_value
from smartsync.types import EMPTY_ROOT, Account
from tests.fuzz.cases import random_case
from tests.oracle import OracleTrie
from tests.vectors.shapes import beside, key_of, slot_at, word

VALUES = {word(n): 256**n + n for n in range(32)}
ORACLE = OracleTrie({key_of(slot): value for slot, value in VALUES.items()})
SLOT = slot_at("1")


@pytest.mark.parametrize("number", range(32))
def test_verify_storage_inclusion_gives_the_value(number: int) -> None:
    slot = word(number)
    assert verify_storage(ORACLE.root, slot, ORACLE.proof(key_of(slot))) == VALUES[slot]


@pytest.mark.parametrize("number", range(1000, 1032))
def test_verify_storage_exclusion_gives_zero(number: int) -> None:
    slot = word(number)
    assert verify_storage(ORACLE.root, slot, ORACLE.proof(key_of(slot))) == 0


def test_verify_storage_empty_trie_needs_no_nodes() -> None:
    assert verify_storage(EMPTY_ROOT, SLOT, []) == 0


def test_verify_storage_single_leaf_includes_its_slot_and_excludes_another() -> None:
    trie = OracleTrie({key_of(SLOT): 5})
    assert verify_storage(trie.root, SLOT, trie.proof(key_of(SLOT))) == 5
    assert verify_storage(trie.root, slot_at("2"), trie.proof(key_of(SLOT))) == 0


def test_verify_storage_key_beside_an_extension_is_excluded() -> None:
    trie = OracleTrie({key_of(slot_at("2234")): 5, key_of(slot_at("2235")): 6})
    assert verify_storage(trie.root, SLOT, trie.proof(key_of(SLOT))) == 0


def test_verify_storage_embedded_leaf_is_read() -> None:
    trie = OracleTrie({key_of(SLOT): 5, beside(key_of(SLOT), 63): 6})
    assert verify_storage(trie.root, SLOT, trie.proof(key_of(SLOT))) == 5


def test_verify_account_inclusion_gives_the_account() -> None:
    fields = [7, 10**24, keccak256(b"storage"), keccak256(b"code")]
    address = "0x" + "ab" * 20
    path = hex_prefix(to_nibbles(keccak256(bytes.fromhex(address[2:]))), leaf=True)
    raw = pyrlp.encode([path, pyrlp.encode(fields)])
    assert verify_account(keccak256(raw), address, [raw]) == Account(*fields)


def test_verify_account_exclusion_gives_none() -> None:
    assert verify_account(EMPTY_ROOT, "0x" + "ab" * 20, []) is None


# --- values and partial tries


@pytest.mark.parametrize("value", [1, 0x7F, 0x80, 2**256 - 1])
def test_decode_storage_value_rlp_of_a_number_gives_it(value: int) -> None:
    assert decode_storage_value(pyrlp.encode(value)) == value


def test_decode_storage_value_zero_raises() -> None:
    with pytest.raises(NonCanonicalTrie):
        decode_storage_value(encode_string(b""))


def test_partial_trie_all_proofs_give_the_whole_trie() -> None:
    nodes = [node for slot in VALUES for node in ORACLE.proof(key_of(slot))]
    random.Random(1).shuffle(nodes)
    partial = partial_trie(ORACLE.root, nodes)
    assert root_hash(partial) == ORACLE.root
    assert {slot: lookup(partial, key_of(slot)) for slot in VALUES} == {
        slot: storage_value(value) for slot, value in VALUES.items()
    }
    whole = build((key_of(slot), storage_value(value)) for slot, value in VALUES.items())
    assert _shape(partial) == _shape(whole)


def test_partial_trie_no_nodes_is_opaque() -> None:
    partial = partial_trie(ORACLE.root, [])
    assert isinstance(partial, Opaque)
    assert root_hash(partial) == ORACLE.root


def test_partial_trie_empty_root_is_the_empty_trie() -> None:
    assert partial_trie(EMPTY_ROOT, []) is None
    assert partial_trie(EMPTY_ROOT, [b"\x80"]) is None


def test_partial_trie_nodes_that_do_not_belong_are_never_reached() -> None:
    junk = [b"", b"\xff\xff", pyrlp.encode([b"\x20", b"\x01"]), pyrlp.encode([b""] * 17)]
    partial = partial_trie(ORACLE.root, [*junk, *ORACLE.proof(key_of(SLOT))])
    assert root_hash(partial) == ORACLE.root


def test_partial_trie_beyond_the_proof_stays_unknown() -> None:
    trie = OracleTrie({key_of(slot_at(p)): 2**200 for p in ("1", "2", "3")})
    partial = partial_trie(trie.root, trie.proof(key_of(SLOT)))
    assert isinstance(partial, Branch)
    assert isinstance(partial.children[1], Leaf)
    assert isinstance(partial.children[2], Opaque)
    with pytest.raises(MissingNode):
        lookup(partial, key_of(slot_at("2")))


def _shape(node: Any) -> Any:
    if isinstance(node, Leaf):
        return ("leaf", node.path, node.value)
    if isinstance(node, Branch):
        return [_shape(child) for child in node.children]
    return None if node is None else (node.path, _shape(node.child))


# ------------------------------------------------------------------------------------------- decoding the short way


def decoded(raw: bytes) -> Any:
    try:
        return rlp.decode(raw)
    except InvalidRlp:
        return []


@pytest.mark.parametrize("count", range(2, 17))
def test_hashes_of_a_branch_of_hashes_are_what_it_decodes_to(count: int) -> None:
    rng = random.Random(count)
    children = [bytes(rng.randbytes(32)) for _ in range(count)] + [b""] * (16 - count)
    rng.shuffle(children)
    raw = rlp.encode([*children, b""])
    assert proof._hashes(raw) == rlp.decode(raw)


@pytest.mark.parametrize("seed", range(60))
def test_hashes_of_a_spoiled_branch_are_what_it_decodes_to_or_none(seed: int) -> None:
    rng = random.Random(seed)
    raw = rlp.encode([rng.choice((b"", rng.randbytes(32))) for _ in range(17)])
    for _ in range(200):
        at, kind = rng.randrange(len(raw)), rng.randrange(4)
        spoiled = bytearray(raw)
        if kind == 0:
            spoiled[at] = rng.choice((0x80, 0xA0, 0xF8, 0xF9, rng.randrange(256)))
        elif kind == 1:
            del spoiled[at:]
        elif kind == 2:
            spoiled += rng.choice((b"\x80", b"\xa0" + bytes(32), b"\0"))
        else:
            # The other form of the length, which is not the canonical one.
            spoiled = bytearray(b"\xf9" + len(raw[2:]).to_bytes(2, "big") + raw[2:])
        assert proof._hashes(bytes(spoiled)) in ([], decoded(bytes(spoiled)))


@pytest.mark.parametrize(
    "raw", [b"", b"\xf8", b"\xf9", b"\xf9\x02", b"\xc0", bytes(600), b"\xf9\x02\x11" + b"\xa0" * 529]
)
def test_hashes_of_what_is_no_branch_are_none(raw: bytes) -> None:
    assert proof._hashes(raw) == []


@pytest.mark.parametrize("index", range(100))
def test_partial_trie_tells_the_references_that_its_nodes_have(index: int) -> None:
    case = random_case(83, index)
    oracle = OracleTrie(case.old_leaves)
    nodes = [node for slot in case.writes for node in oracle.proof(keccak256(slot))]
    assert_references(partial_trie(oracle.root, nodes))


def assert_references(node: Node) -> None:
    if isinstance(node, (Leaf, Extension, Branch)):
        raw = encode(node)
        assert reference(node) == (raw if len(raw) < 32 else b"\xa0" + keccak256(raw))
        for child in node.children if isinstance(node, Branch) else [node.child] if isinstance(node, Extension) else []:
            assert_references(child)
