"""Generate ``account_proof.json``: account proofs with what they prove, or with the error that has to refuse them.

Tries and valid proofs come from py-trie, an implementation that is none of ours; spoiled proofs are made of these by
hand. One file, two verifiers: ``contracts/test/libraries/AccountProof.t.sol`` and ``tests/unit/trie``.

Run ``python tests/vectors/generate_account_proof.py`` (needs ``trie`` and ``rlp``); the output is the same every time.

Each case has ``name``, ``stateRoot``, ``account``, ``proof`` (the nodes one after the other), ``nodes`` (one by one;
empty where the bytes do not fall into nodes, and ``proof`` says it all), ``refusedBy`` (the Solidity error's signature,
empty where the proof is valid), ``exists``, and of an account that exists ``nonce``, ``balance``, ``storageRoot`` and
``codeHash``.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import rlp
from eth_hash.backends.pysha3 import keccak256
from trie import HexaryTrie

SEED = 20261122
OUTPUT = Path(__file__).with_name("account_proof.json")
EMPTY_ROOT = keccak256(b"\x80")
ZERO = bytes(32)
Case = dict[str, Any]


def valid(name: str, root: bytes, account: bytes, nodes: list[bytes], found: list[bytes] | None) -> Case:
    """Return a case that has to be accepted; ``found`` is [nonce, balance, storage root, code hash] or ``None``."""
    nonce, balance, storage_root, code_hash = found or [b"", b"", ZERO, ZERO]
    return {
        "name": name,
        "stateRoot": _hex(root),
        "account": _hex(account),
        "proof": _hex(b"".join(nodes)),
        "nodes": [_hex(node) for node in nodes],
        "refusedBy": "",
        "exists": found is not None,
        "nonce": int.from_bytes(nonce, "big"),
        "balance": str(int.from_bytes(balance, "big")),
        "storageRoot": _hex(storage_root),
        "codeHash": _hex(code_hash),
    }


def refused(
    name: str, root: bytes, account: bytes, nodes: list[bytes], error: str, *, raw: bytes | None = None
) -> Case:
    """Return a case that has to be refused; ``raw`` in place of nodes that cannot be told apart."""
    case = valid(name, root, account, nodes, None) | {"refusedBy": error}
    if raw is not None:
        case |= {"proof": _hex(raw), "nodes": []}
    return case


# ------------------------------------------------------------------------------------------------------ valid proofs


def state_trie(rng: random.Random, count: int) -> tuple[HexaryTrie, dict[bytes, list[bytes]]]:
    """Return a state trie of ``count`` random accounts, and the accounts."""
    trie, accounts = HexaryTrie({}), {}
    for _ in range(count):
        address = rng.randbytes(20)
        has_code = rng.random() < 0.5
        fields = [
            _scalar(rng.choice([0, 1, 127, 128, rng.getrandbits(40)])),
            _scalar(rng.choice([0, 1, rng.getrandbits(64), rng.getrandbits(96), (1 << 256) - 1])),
            rng.randbytes(32) if has_code else EMPTY_ROOT,
            rng.randbytes(32) if has_code else keccak256(b""),
        ]
        accounts[address] = fields
        trie[keccak256(address)] = rlp.encode(fields)
    return trie, accounts


def proof_of(trie: HexaryTrie, key: bytes) -> list[bytes]:
    """Return the nodes as a client gives them: embedded ones are inside their parents, and not given again."""
    if trie.root_hash == EMPTY_ROOT:
        return []
    encoded = [rlp.encode(node) for node in trie.get_proof(key)]
    return [node for i, node in enumerate(encoded) if node != b"\x80" and (i == 0 or len(node) >= 32)]


def random_tries(rng: random.Random) -> list[Case]:
    """Proofs, of accounts that exist and of some that do not, in tries of several depths."""
    cases = []
    for size in (1, 2, 3, 17, 300):
        trie, accounts = state_trie(rng, size)
        for i, address in enumerate(rng.sample(sorted(accounts), min(size, 5))):
            nodes = proof_of(trie, keccak256(address))
            cases.append(valid(f"inclusion, {size} accounts, {i}", trie.root_hash, address, nodes, accounts[address]))
        for i in range(5):
            address = rng.randbytes(20)
            nodes = proof_of(trie, keccak256(address))
            cases.append(valid(f"exclusion, {size} accounts, {i}", trie.root_hash, address, nodes, None))
    cases.append(valid("exclusion, empty trie", EMPTY_ROOT, rng.randbytes(20), [], None))
    return cases


def shared_prefixes(rng: random.Random) -> list[Case]:
    """Tries whose keys share long prefixes: long extensions, and embedded nodes where the values are short.

    Accounts are never short enough to be embedded; so these prove absence, by what stands beside the account's path.
    """
    cases = []
    for depth in (1, 2, 9, 10, 31, 32, 61, 62, 63):
        address = rng.randbytes(20)
        key = _nibbles(keccak256(address))
        account = [b"\x01", b"", EMPTY_ROOT, keccak256(b"")]

        trie = HexaryTrie({})
        trie[_key(key)] = rlp.encode(account)
        trie[_sibling(rng, key, depth)] = b"\x05"
        nodes = proof_of(trie, _key(key))
        cases.append(valid(f"inclusion, sibling at depth {depth}", trie.root_hash, address, nodes, account))

        # Two short leaves that share one nibble less than the key shares with the first of them: a leaf of another key.
        trie = HexaryTrie({})
        near = _sibling(rng, key, depth)
        trie[near] = b"\x01"
        trie[_sibling(rng, _nibbles(near), depth - 1)] = b"\x02"
        nodes = proof_of(trie, _key(key))
        cases.append(valid(f"exclusion, leaf of another key at depth {depth}", trie.root_hash, address, nodes, None))

        # Two short leaves that part at `depth`, neither of them where the key goes: an empty child.
        trie = HexaryTrie({})
        first, second = (key[depth] + 1) % 16, (key[depth] + 2) % 16
        trie[_key([*key[:depth], first, *key[depth + 1 :]])] = b"\x01"
        trie[_key([*key[:depth], second, *key[depth + 1 :]])] = b"\x02"
        nodes = proof_of(trie, _key(key))
        cases.append(valid(f"exclusion, empty child at depth {depth}", trie.root_hash, address, nodes, None))

        # The same, below an extension that leaves the key's path one nibble earlier.
        trie = HexaryTrie({})
        away = _nibbles(_sibling(rng, key, depth - 1))
        trie[_key([*away[:depth], first, *away[depth + 1 :]])] = b"\x01"
        trie[_key([*away[:depth], second, *away[depth + 1 :]])] = b"\x02"
        nodes = proof_of(trie, _key(key))
        cases.append(valid(f"exclusion, extension elsewhere at depth {depth}", trie.root_hash, address, nodes, None))
    return cases


# ---------------------------------------------------------------------------------------------------- spoiled proofs


def cut_and_mixed(rng: random.Random) -> list[Case]:
    """Genuine nodes that are cut off, surplus, out of order, forged, or of something else."""
    trie, accounts = state_trie(rng, 300)
    root = trie.root_hash
    address, *others = sorted(accounts, key=lambda a: (-len(proof_of(trie, keccak256(a))), a))
    nodes = proof_of(trie, keccak256(address))
    other = next(a for a in others if keccak256(a)[0] >> 4 != keccak256(address)[0] >> 4)
    leaf = nodes[-1]
    forged = leaf[:-1] + bytes([leaf[-1] ^ 1])
    middle = nodes[1][:40] + bytes([nodes[1][40] ^ 1]) + nodes[1][41:]
    another, _ = state_trie(rng, 300)
    truncated, surplus = "ProofTruncated(uint256)", "ProofNotConsumed(uint256,uint256)"
    mismatch = "NodeHashMismatch(uint256,bytes32,bytes32)"
    return [
        refused("nothing for a trie that is not empty", root, address, [], truncated),
        refused("cut off at a branch", root, address, nodes[:-1], truncated),
        refused("root alone", root, address, nodes[:1], truncated),
        refused(
            "last byte missing",
            root,
            address,
            [],
            "RlpPayloadTruncated(uint256,uint256,uint256)",
            raw=b"".join(nodes)[:-1],
        ),
        refused("surplus node: the leaf twice", root, address, [*nodes, leaf], surplus),
        refused("surplus node: the root", root, address, [*nodes, nodes[0]], surplus),
        refused("trailing byte", root, address, [], surplus, raw=b"".join(nodes) + b"\x00"),
        refused("first node missing", root, address, nodes[1:], mismatch),
        refused("inner node missing", root, address, [nodes[0], *nodes[2:]], mismatch),
        refused("inner node twice", root, address, [*nodes[:2], *nodes[1:]], mismatch),
        refused("leaf forged", root, address, [*nodes[:-1], forged], mismatch),
        refused("leaf alone, forged", root, address, [forged], mismatch),
        refused("inner node forged", root, address, [nodes[0], middle, *nodes[2:]], mismatch),
        refused("root forged", root, address, [nodes[0][:40] + b"\0\0\0" + nodes[0][43:], *nodes[1:]], mismatch),
        refused("another account's proof", root, address, proof_of(trie, keccak256(other)), mismatch),
        refused("another block's proof", another.root_hash, address, nodes, mismatch),
        refused("a node for the empty trie", EMPTY_ROOT, address, [leaf], mismatch),
        refused("the empty trie's node", EMPTY_ROOT, address, [], "RlpNotList(uint256)", raw=b"\x80"),
    ]


def crafted_leaves(address: bytes) -> list[Case]:
    """Tries of one leaf that no client makes, under the very root of this leaf."""
    key = keccak256(address)
    path = b"\x20" + key
    account = [b"\x01", b"\x02", EMPTY_ROOT, keccak256(b"")]
    value = rlp.encode(account)

    def leaf(name: str, error: str, items: list[Any]) -> Case:
        node = rlp.encode(items)
        return refused(name, keccak256(node), address, [node], error)

    def raw_leaf(name: str, error: str, node: bytes) -> Case:
        return refused(name, keccak256(node), address, [node], error)

    def holding(name: str, error: str, fields: list[Any]) -> Case:
        return leaf(name, error, [path, rlp.encode(fields)])

    string, wrong = "RlpNotString(uint256)", "RlpWrongLength(uint256,uint256,uint256)"
    inner = rlp.encode(path) + rlp.encode(value)
    return [
        leaf("leaf with a list as its value", string, [path, account]),
        leaf("leaf with a list as its path", string, [[path], value]),
        leaf("leaf with an empty value", "LeafValueEmpty(uint256)", [path, b""]),
        leaf("leaf with an empty path", "HexPrefixEmpty(uint256)", [b"", value]),
        leaf("leaf of 62 nibbles", "LeafDepth(uint256,uint256)", [path[:-1], value]),
        leaf("leaf of 63 nibbles", "LeafDepth(uint256,uint256)", [bytes([0x30 | key[0] >> 4]) + key[1:], value]),
        leaf("leaf of 65 nibbles", "LeafDepth(uint256,uint256)", [b"\x31" + key, value]),
        leaf("leaf of 66 nibbles", "LeafDepth(uint256,uint256)", [path + b"\0", value]),
        leaf("leaf with a flag of 4", "HexPrefixFlag(uint256,uint256)", [b"\x40" + key, value]),
        leaf("leaf with a flag of 15", "HexPrefixFlag(uint256,uint256)", [b"\xf0" + key, value]),
        leaf("leaf with padding", "HexPrefixPadding(uint256,uint256)", [b"\x21" + key, value]),
        leaf("leaf taken for an extension", "PathTooLong(uint256,uint256)", [b"\x00" + key, keccak256(value)]),
        raw_leaf("list header in long form", "RlpLengthNotMinimal(uint256,uint256)", b"\xf8\x02\x20\x01"),
        raw_leaf("list length with leading zero", "RlpLengthLeadingZero(uint256)", b"\xf9\0" + _long(inner) + inner),
        raw_leaf("path byte with a header", "RlpByteNotMinimal(uint256)", b"\xc4\x81\x20\x81\x80"),
        raw_leaf("a string for a node", "RlpNotList(uint256)", rlp.encode(inner)),
        raw_leaf(
            "value longer than the leaf",
            "RlpPayloadTruncated(uint256,uint256,uint256)",
            b"\xf8" + _long(inner[:-1]) + inner[:-1],
        ),
        holding("account of three items", "RlpHeaderTruncated(uint256)", account[:3]),
        holding("account of five items", "AccountItemsLeft(uint256)", [*account, b""]),
        holding("account nonce with leading zero", "RlpScalarLeadingZero(uint256)", [b"\0\x01", *account[1:]]),
        holding("account balance of zero byte", "RlpScalarLeadingZero(uint256)", [b"\x01", b"\0", *account[2:]]),
        holding("account balance of 33 bytes", "RlpScalarTooLong(uint256,uint256)", [b"", b"\x01" * 33, *account[2:]]),
        holding("account with a list as its nonce", string, [[], *account[1:]]),
        holding("account with a short storage root", wrong, [*account[:2], EMPTY_ROOT[:31], account[3]]),
        holding("account with a long code hash", wrong, [*account[:3], account[3] + b"\0"]),
        holding("account with items swapped", wrong, [account[2], account[3], b"\x01", b"\x02"]),
        leaf("account with trailing byte", "AccountNotConsumed(uint256,uint256)", [path, value + b"\0"]),
        leaf("account that is a string", "RlpNotList(uint256)", [path, rlp.encode(keccak256(b""))]),
        leaf("account that ends too early", "RlpPayloadTruncated(uint256,uint256,uint256)", [path, value[:-1]]),
    ]


def crafted_inner_nodes(address: bytes) -> list[Case]:
    """Branches and extensions that no client makes, under the very root of these."""
    key = keccak256(address)
    nibbles = _nibbles(key)
    account = rlp.encode([b"\x01", b"\x02", EMPTY_ROOT, keccak256(b"")])
    below = rlp.encode([bytes([0x30 | nibbles[1]]) + key[1:], account])  # the account's leaf below a root branch
    children: list[Any] = [b""] * 16
    children[nibbles[0]] = keccak256(below)
    beside = (nibbles[0] + 1) % 16
    children[beside] = ZERO

    def root(name: str, error: str, items: list[Any], *more: bytes) -> Case:
        node = rlp.encode(items)
        return refused(name, keccak256(node), address, [node, *more], error)

    def branch(name: str, error: str, index: int, child: Any, *more: bytes) -> Case:
        changed = list(children)
        changed[index] = child
        return root(name, error, [*changed, b""], *more)

    count, reference = "NodeItemCount(uint256,uint256)", "InvalidReference(uint256,uint256)"
    narrow, long = "BranchTooNarrow(uint256,uint256)", "EmbeddedNodeTooLong(uint256,uint256)"
    one_nibble, short_leaf = bytes([0x10 | nibbles[0]]), rlp.encode([b"\x20", b"\x01"])
    longest_embedded = rlp.encode([b"\x20", bytes(28)])
    extended = rlp.encode([bytes([0x10 | nibbles[1]]), ZERO])
    return [
        root("branch of 18 items", count, [*children, b"", b""], below),
        root("branch of 16 items", count, children, below),
        root("branch of 15 items", count, children[:15], below),
        root("node of 3 items", count, [ZERO, ZERO, b""]),
        root("leaf with a third item", reference, [b"\x20" + key, account, b""]),
        root("node of 1 item", count, [b"\x20" + key]),
        root("node of no items", count, []),
        root("branch with a value", "BranchValuePresent(uint256)", [*children, b"\x01"], below),
        root("branch with a list as its value", "RlpNotString(uint256)", [*children, []], below),
        branch("branch of one child", narrow, beside, b"", below),
        root("branch of no child", narrow, [b""] * 17),
        branch("child of 31 bytes", reference, nibbles[0], ZERO[:31], below),
        branch("child of 33 bytes", reference, nibbles[0], bytes(33), below),
        branch("child of one byte", reference, nibbles[0], b"\x01"),
        branch("child beside the path of 20 bytes", reference, beside, bytes(20), below),
        branch("embedded leaf of 32 bytes and more", long, nibbles[0], [bytes([0x30 | nibbles[1]]) + key[1:], account]),
        branch("embedded node of 32 bytes beside the path", long, beside, [b"\x20", bytes(29)], below),
        branch("embedded node given again", "LeafDepth(uint256,uint256)", nibbles[0], [b"\x20", b"\x01"], short_leaf),
        branch(
            "hash of a node that is to be embedded",
            "HashedNodeTooShort(uint256,uint256)",
            nibbles[0],
            keccak256(short_leaf),
            short_leaf,
        ),
        branch(
            "hash of a node of 31 bytes",
            "HashedNodeTooShort(uint256,uint256)",
            nibbles[0],
            keccak256(longest_embedded),
            longest_embedded,
        ),
        branch("embedded node of no items", count, nibbles[0], []),
        root("extension with no path", "ExtensionPathEmpty(uint256)", [b"\0", keccak256(below)], below),
        root("extension with no child", "ExtensionChildEmpty(uint256)", [one_nibble, b""]),
        root("extension to 31 bytes", reference, [one_nibble, ZERO[:31]]),
        root("extension to an account", reference, [one_nibble, account]),
        root("extension to a leaf", "ExtensionChildNotBranch(uint256)", [one_nibble, keccak256(below)], below),
        root("extension to an embedded leaf", "ExtensionChildNotBranch(uint256)", [one_nibble, [b"\x20", b"\x01"]]),
        root(
            "extension to an extension", "ExtensionChildNotBranch(uint256)", [one_nibble, keccak256(extended)], extended
        ),
        root("extension of 64 nibbles", "PathTooLong(uint256,uint256)", [b"\0" + key, ZERO]),
        root("extension of 66 nibbles", "PathTooLong(uint256,uint256)", [b"\0" + key + b"\0", ZERO]),
        root("extension with padding", "HexPrefixPadding(uint256,uint256)", [b"\x01" + key[:4], ZERO]),
        root("extension cut off", "ProofTruncated(uint256)", [b"\0" + key[:4], ZERO]),
        below_the_key(address),
    ]


def below_the_key(address: bytes) -> Case:
    """A branch below the last nibble: an extension of 63 nibbles, a branch, and another branch."""
    nibbles = _nibbles(keccak256(address))
    lowest = rlp.encode([ZERO, ZERO, *[b""] * 15])
    children: list[Any] = [b""] * 17
    children[nibbles[63]] = keccak256(lowest)
    children[(nibbles[63] + 1) % 16] = ZERO
    branch = rlp.encode(children)
    path = bytes([0x10 | nibbles[0]]) + bytes(16 * nibbles[i] + nibbles[i + 1] for i in range(1, 63, 2))
    root = rlp.encode([path, keccak256(branch)])
    return refused(
        "branch below the last nibble",
        keccak256(root),
        address,
        [root, branch, lowest],
        "PathTooLong(uint256,uint256)",
    )


# -------------------------------------------------------------------------------------------------------------- bytes


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _scalar(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _long(payload: bytes) -> bytes:
    return bytes([len(payload)])


def _nibbles(key: bytes) -> list[int]:
    return [nibble for byte in key for nibble in (byte >> 4, byte & 15)]


def _key(nibbles: list[int]) -> bytes:
    return bytes(16 * high + low for high, low in zip(nibbles[::2], nibbles[1::2], strict=True))


def _sibling(rng: random.Random, key: list[int], shared: int) -> bytes:
    """Return a key that shares exactly ``shared`` nibbles with ``key``."""
    parted = (key[shared] + 1 + rng.randrange(15)) % 16
    return _key([*key[:shared], parted, *(rng.randrange(16) for _ in range(63 - shared))])


def main() -> None:
    """Write the file."""
    rng = random.Random(SEED)
    cases = [
        *random_tries(rng),
        *shared_prefixes(rng),
        *cut_and_mixed(rng),
        *crafted_leaves(rng.randbytes(20)),
        *crafted_inner_nodes(rng.randbytes(20)),
    ]
    names = [case["name"] for case in cases]
    if len(set(names)) != len(names):
        raise ValueError("two cases have one name")
    OUTPUT.write_text(json.dumps({"seed": SEED, "cases": cases}, indent=1) + "\n")
    print(f"{OUTPUT.name}: {len(cases)} cases, {sum(bool(case['refusedBy']) for case in cases)} of them to be refused")


if __name__ == "__main__":
    main()
