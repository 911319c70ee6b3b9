"""Proofs are read strictly. The numbers in names are those of the faults that were found in other readers:

1 cut off at a branch; 2 forged; 3 surplus nodes and bytes; 4 embedded taken for hashed and the reverse; 5 a depth cap
read as absence; 6 a pointer taken for a value; 7 RLP that is not canonical; 9 the same twice; 14 another's proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import rlp as pyrlp

from smartsync.errors import InvalidProof, NonCanonicalTrie
from smartsync.keccak import keccak256
from smartsync.trie.nibbles import hex_prefix, to_nibbles
from smartsync.trie.proof import partial_trie, verify_account, verify_storage
from smartsync.trie.trie import storage_value
from smartsync.types import EMPTY_ROOT
from tests.oracle import OracleTrie
from tests.vectors.shapes import beside, key_of, mined, slot_at, word

VALUES = {word(n): 256**n + n for n in range(32)}
ORACLE = OracleTrie({key_of(slot): value for slot, value in VALUES.items()})
SLOT = slot_at("1")
KEY = to_nibbles(key_of(SLOT))
ADDRESSES = ("0x" + "ab" * 20, "0x" + "cd" * 20)


def encoded(items: Sequence[Any]) -> tuple[bytes, bytes]:
    """Return root and RLP of a node made by hand."""
    raw = pyrlp.encode(items)
    return keccak256(raw), raw


def hand_branch(children: dict[int, Any], value: bytes = b"") -> list[Any]:
    return [children.get(nibble, b"") for nibble in range(16)] + [value]


def leaf_for(depth: int, value: bytes = b"\x07") -> list[Any]:
    """Return the leaf of SLOT as it hangs at a depth."""
    return [hex_prefix(KEY[depth:], leaf=True), value]


def test_verify_storage_1_cut_off_at_a_branch_raises() -> None:
    for slot in VALUES:
        nodes = ORACLE.proof(key_of(slot))
        for end in range(len(nodes)):
            with pytest.raises(InvalidProof, match=r"ends at depth .*, before an answer"):
                verify_storage(ORACLE.root, slot, nodes[:end])


def test_verify_storage_1_inner_node_missing_raises() -> None:
    trie = OracleTrie({key_of(slot_at(p)): 2**200 for p in ("111", "112", "12", "2")})
    nodes = trie.proof(key_of(slot_at("111")))
    assert len(nodes) == 4
    with pytest.raises(InvalidProof, match="ends at depth 1, before an answer"):
        verify_storage(trie.root, slot_at("111"), [nodes[0], *nodes[2:]])


def test_verify_storage_2_forged_node_raises() -> None:
    for slot in VALUES:
        nodes = ORACLE.proof(key_of(slot))
        for index, node in enumerate(nodes):
            forged = [*nodes[:index], node[:-1] + bytes((node[-1] ^ 1,)), *nodes[index + 1 :]]
            with pytest.raises(InvalidProof, match=rf"ends at depth {index}, before an answer"):
                verify_storage(ORACLE.root, slot, forged)


def test_verify_storage_3_surplus_node_raises() -> None:
    nodes = ORACLE.proof(key_of(SLOT))
    other = next(n for slot in VALUES for n in ORACLE.proof(key_of(slot)) if n not in nodes)
    for surplus in (other, b"\x80", b"", pyrlp.encode([b"\x20", b"\x01"])):
        with pytest.raises(InvalidProof, match="1 nodes that are not on the way"):
            verify_storage(ORACLE.root, SLOT, [*nodes, surplus])


def test_verify_storage_3_node_for_the_empty_trie_raises() -> None:
    with pytest.raises(InvalidProof, match="1 nodes that are not on the way"):
        verify_storage(EMPTY_ROOT, SLOT, [b"\x80"])


def test_verify_storage_3_trailing_byte_in_a_node_raises() -> None:
    raw = pyrlp.encode(leaf_for(0)) + b"\0"
    with pytest.raises(InvalidProof, match="1 bytes follow"):
        verify_storage(keccak256(raw), SLOT, [raw])


def test_verify_storage_3_trailing_byte_after_the_true_node_raises() -> None:
    nodes = ORACLE.proof(key_of(SLOT))
    with pytest.raises(InvalidProof, match="before an answer"):
        verify_storage(ORACLE.root, SLOT, [*nodes[:-1], nodes[-1] + b"\0"])


def test_verify_storage_4_short_node_given_by_its_hash_raises() -> None:
    leaf = pyrlp.encode([hex_prefix(KEY[63:], leaf=True), b"\x07"])
    other = [hex_prefix(b"\x01", leaf=True), b"\x07"]
    bottom = pyrlp.encode(hand_branch({KEY[62]: keccak256(leaf), (KEY[62] + 1) % 16: other}))
    assert len(leaf) < 32 <= len(bottom)
    root, raw = encoded([hex_prefix(KEY[:62], leaf=False), keccak256(bottom)])
    with pytest.raises(InvalidProof, match="3 bytes is given by its hash, but must be embedded"):
        verify_storage(root, SLOT, [raw, bottom, leaf])


def test_verify_storage_4_long_node_embedded_raises() -> None:
    root, raw = encoded(hand_branch({KEY[0]: leaf_for(1), (KEY[0] + 1) % 16: bytes(32)}))
    with pytest.raises(InvalidProof, match="35 bytes is embedded, which must be given by its hash"):
        verify_storage(root, SLOT, [raw])


def test_verify_storage_4_embedded_node_given_again_raises() -> None:
    trie = OracleTrie({key_of(SLOT): 5, beside(key_of(SLOT), 63): 6})
    leaf = pyrlp.encode([b"\x20", b"\x05"])
    with pytest.raises(InvalidProof, match="1 nodes that are not on the way"):
        verify_storage(trie.root, SLOT, [*trie.proof(key_of(SLOT)), leaf])


@pytest.mark.parametrize("depth", [10, 31, 32, 33, 62, 63])
def test_verify_storage_5_deep_slot_is_not_absent(depth: int) -> None:
    # A branch at each nibble down to `depth`.
    ladder = {beside(key_of(SLOT), level): 2**256 - 1 for level in range(depth + 1)}
    trie = OracleTrie(ladder | {key_of(SLOT): 77})
    nodes = trie.proof(key_of(SLOT))
    assert len(nodes) >= depth + 1
    assert verify_storage(trie.root, SLOT, nodes) == 77
    with pytest.raises(InvalidProof, match="before an answer"):
        verify_storage(trie.root, SLOT, nodes[: depth - 1])


@pytest.mark.parametrize("nibbles", [10, 11])
def test_verify_storage_5_mined_slots_are_not_absent(nibbles: int) -> None:
    one, two = mined(nibbles)
    trie = OracleTrie({key_of(one): 1, key_of(two): 2})
    assert verify_storage(trie.root, one, trie.proof(key_of(one))) == 1
    assert verify_storage(trie.root, two, trie.proof(key_of(two))) == 2


def test_verify_storage_6_extension_as_long_as_a_key_raises() -> None:
    root, raw = encoded([hex_prefix(KEY, leaf=False), storage_value(2**255)[1:]])
    with pytest.raises(InvalidProof, match="leads to depth 64"):
        verify_storage(root, SLOT, [raw])


@pytest.mark.parametrize("length", [0, 1, 62, 63])
def test_verify_storage_6_inner_node_as_a_leaf_raises(length: int) -> None:
    root, raw = encoded([hex_prefix(KEY[:length], leaf=True), bytes(32)])
    with pytest.raises(InvalidProof, match=f"a leaf ends at depth {length}, not 64"):
        verify_storage(root, SLOT, [raw])


def test_verify_storage_6_leaf_longer_than_a_key_raises() -> None:
    root, raw = encoded([hex_prefix(KEY + b"\x01", leaf=True), b"\x07"])
    with pytest.raises(InvalidProof, match="a leaf ends at depth 65, not 64"):
        verify_storage(root, SLOT, [raw])


def test_verify_storage_6_branch_with_a_value_raises() -> None:
    root, raw = encoded(hand_branch({1: bytes(32), 2: bytes(32)}, value=b"\x07"))
    with pytest.raises(InvalidProof, match="a value of its own"):
        verify_storage(root, SLOT, [raw])


def test_verify_storage_6_branch_below_the_last_nibble_raises() -> None:
    leaf = [b"\x20", b"\x07"]
    low = hand_branch({KEY[63]: hand_branch({1: leaf, 2: leaf}), (KEY[63] + 1) % 16: bytes(32)})
    bottom = pyrlp.encode(low)
    root, raw = encoded([hex_prefix(KEY[:63], leaf=False), keccak256(bottom)])
    with pytest.raises(InvalidProof, match="a branch lies below the last nibble"):
        verify_storage(root, SLOT, [raw, bottom])


@pytest.mark.parametrize("below", ["leaf", "extension"])
def test_verify_storage_6_extension_to_no_branch_raises(below: str) -> None:
    target = leaf_for(4, b"\x11" * 30) if below == "leaf" else [hex_prefix(KEY[4:6], leaf=False), bytes(32)]
    child = pyrlp.encode(target)
    root, raw = encoded([hex_prefix(KEY[:4], leaf=False), keccak256(child)])
    with pytest.raises(InvalidProof, match="does not lead to a branch"):
        verify_storage(root, SLOT, [raw, child])
    with pytest.raises(InvalidProof, match="does not lead to a branch"):
        partial_trie(root, [raw, child])


def test_verify_storage_6_extension_without_path_raises() -> None:
    root, raw = encoded([hex_prefix(b"", leaf=False), bytes(32)])
    with pytest.raises(InvalidProof, match="an extension at depth 0 leads to depth 0"):
        verify_storage(root, SLOT, [raw])


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\xf8\x24" + pyrlp.encode(leaf_for(0))[1:], "should be in the prefix"),
        (b"\xf9\x00\x24" + pyrlp.encode(leaf_for(0))[1:], "has leading zeros"),
        (pyrlp.encode(leaf_for(0))[:-1], "ends early"),
        (pyrlp.encode(leaf_for(0))[:-1].replace(b"\xe3", b"\xe4", 1) + b"\x81\x07", "needs no RLP prefix"),
    ],
    ids=["long form of a short list", "length with a leading zero", "cut", "long form of a byte"],
)
def test_verify_storage_7_node_that_is_not_canonical_raises(raw: bytes, text: str) -> None:
    with pytest.raises(InvalidProof, match=f"the trie node at depth 0 is not RLP.*{text}"):
        verify_storage(keccak256(raw), SLOT, [raw])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"\x00", "leading zeros"),
        (b"\x82\x00\x01", "leading zeros"),
        (b"\x81\x07", "needs no RLP prefix"),
        (b"\xb8\x02\x01\x01", "should be in the prefix"),
        (b"\x07\x00", "1 bytes follow"),
        (b"\x82\x01", "ends early"),
        (b"\xa1" + b"\x01" * 33, "more than 256 bits"),
        (b"\xc1\x07", "a list stands where a string must"),
    ],
)
def test_verify_storage_7_value_that_is_not_canonical_raises(value: bytes, text: str) -> None:
    root, raw = encoded(leaf_for(0, value))
    with pytest.raises(InvalidProof, match=text):
        verify_storage(root, SLOT, [raw])


def test_verify_storage_7_stored_zero_is_told_as_what_anvil_does() -> None:
    root, raw = encoded(leaf_for(0, b"\x80"))
    with pytest.raises(NonCanonicalTrie, match="holds a zero"):
        verify_storage(root, SLOT, [raw])


def test_verify_storage_7_leaf_without_value_raises() -> None:
    root, raw = encoded(leaf_for(0, b""))
    with pytest.raises(InvalidProof, match="a leaf is empty"):
        verify_storage(root, SLOT, [raw])


def test_verify_storage_9_same_node_twice_raises() -> None:
    nodes = ORACLE.proof(key_of(SLOT))
    for again in nodes:
        with pytest.raises(InvalidProof, match="1 nodes that are not on the way"):
            verify_storage(ORACLE.root, SLOT, [*nodes, again])


def test_verify_storage_14_another_slots_proof_raises() -> None:
    one, two = slot_at("1"), slot_at("2")
    trie = OracleTrie({key_of(slot_at(p)): 2**200 for p in ("1", "11", "2", "21", "3")})
    with pytest.raises(InvalidProof, match="before an answer"):
        verify_storage(trie.root, one, trie.proof(key_of(two)))


def test_verify_storage_14_another_blocks_proof_raises() -> None:
    slot = word(3)
    nodes = ORACLE.proof(key_of(slot))
    later = ORACLE.copy()
    later.put(key_of(slot), 1)
    with pytest.raises(InvalidProof, match="ends at depth 0, before an answer"):
        verify_storage(later.root, slot, nodes)


def test_verify_account_14_another_accounts_proof_raises() -> None:
    account = pyrlp.encode([1, 2, bytes(32), bytes(32)])
    keys = [keccak256(bytes.fromhex(address[2:])) for address in ADDRESSES]
    leaves = [pyrlp.encode([hex_prefix(to_nibbles(key)[1:], leaf=True), account]) for key in keys]
    root, raw = encoded(hand_branch({to_nibbles(k)[0]: keccak256(leaf) for k, leaf in zip(keys, leaves, strict=True)}))
    assert verify_account(root, ADDRESSES[0], [raw, leaves[0]]) is not None
    with pytest.raises(InvalidProof, match="ends at depth 1, before an answer"):
        verify_account(root, ADDRESSES[0], [raw, leaves[1]])


# --- malformed


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (b"\x07", "is not a list"),
        ([], "has 0 items"),
        ([b"\x20"], "has 1 items"),
        ([b""] * 3, "has 3 items"),
        ([b""] * 16, "has 16 items"),
        ([b""] * 18, "has 18 items"),
        ([b"", b"\x07"], "empty path encoding"),
        ([[b"\x20"], b"\x07"], "a list stands where a string must"),
        ([hex_prefix(KEY, leaf=True), [b"\x07"]], "a list stands where a string must"),
        (hand_branch({}), "fewer than two children"),
        (hand_branch({3: bytes(32)}), "fewer than two children"),
        (hand_branch({3: bytes(32), 4: bytes(31)}), "a reference has 31 bytes"),
        (hand_branch({3: bytes(32), 4: bytes(33)}), "a reference has 33 bytes"),
        (hand_branch({3: bytes(32), 4: b"\x01"}), "a reference has 1 bytes"),
        (hand_branch({3: bytes(32), 4: []}), "has 0 items"),
        ([hex_prefix(KEY[:4], leaf=False), b""], "does not lead to a branch"),
    ],
)
def test_partial_trie_malformed_root_raises(node: Any, text: str) -> None:
    root, raw = encoded(node)
    with pytest.raises(InvalidProof, match=text):
        partial_trie(root, [raw])
    with pytest.raises(InvalidProof, match=text):
        verify_storage(root, SLOT, [raw])


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ([1, 2, bytes(32)], "four fields"),
        ([1, 2, bytes(32), bytes(32), b""], "four fields"),
        ([1, 2, bytes(31), bytes(32)], "not 32 bytes"),
        ([1, 2, bytes(32), bytes(33)], "not 32 bytes"),
        ([b"\x00\x01", 2, bytes(32), bytes(32)], "leading zeros"),
        ([1, b"\x00", bytes(32), bytes(32)], "leading zeros"),
        ([1, b"\x01" + bytes(32), bytes(32), bytes(32)], "more than 256 bits"),
        ([[], 2, bytes(32), bytes(32)], "a list stands where a string must"),
        (b"\x07", "four fields"),
    ],
)
def test_verify_account_malformed_account_raises(fields: Any, text: str) -> None:
    address = "0x" + "ab" * 20
    path = hex_prefix(to_nibbles(keccak256(bytes.fromhex(address[2:]))), leaf=True)
    root, raw = encoded([path, pyrlp.encode(fields)])
    with pytest.raises(InvalidProof, match=text):
        verify_account(root, address, [raw])


def test_partial_trie_malformed_node_below_the_root_raises() -> None:
    bad = pyrlp.encode([b"\x01" * 40] * 3)
    root, raw = encoded(hand_branch({1: keccak256(bad), 2: bytes(32)}))
    with pytest.raises(InvalidProof, match="depth 1 has 3 items"):
        partial_trie(root, [raw, bad])
