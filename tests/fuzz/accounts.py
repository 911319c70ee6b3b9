"""Random account proofs, true and spoiled: what leads from a storage root to a state root."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass

from smartsync.errors import InvalidWitness
from smartsync.keccak import keccak256
from smartsync.witness import encode_account_proof, state_root_of
from tests.fuzz.cases import neighbour
from tests.fuzz.engine import Claim
from tests.fuzz.mutations import mutations
from tests.fuzz.scene import Scene
from tests.oracle import OracleTrie

SHARED = 64
"""Cases that share a state trie, each with an account of its own."""

DEEPEST = 63
"""At this depth no branch of a state trie lies: two addresses would share 63 nibbles. The engine takes what is right
below such a branch for a leaf, whatever hash it is."""


@dataclass(frozen=True)
class AccountCase:
    """An account in a state trie: the claim is true of the block with this state root (32 bytes)."""

    claim: Claim
    state_root: bytes

    def spoiled(self, rng: random.Random, count: int) -> list[tuple[str, Claim]]:
        """Return about ``count`` claims that are not true, and their kinds."""
        true = self.claim
        found: dict[Claim, str] = {}
        for kind, proof in _spoiled_proofs(rng, true.account_proof, count - 1):
            found[Claim(true.address, true.storage_root, true.code_hash, proof)] = kind
        digest = rng.choice((bytes(32), rng.randbytes(32)))
        other = rng.choice(
            (
                ("another address", Claim(_address(rng), true.storage_root, true.code_hash, true.account_proof)),
                ("another storage root", Claim(true.address, digest, true.code_hash, true.account_proof)),
                ("another code hash", Claim(true.address, true.storage_root, digest, true.account_proof)),
                ("swapped hashes", Claim(true.address, true.code_hash, true.storage_root, true.account_proof)),
            )
        )
        return [*((kind, claim) for claim, kind in found.items()), other]


def account_case(seed: int, index: int, storage_root: bytes) -> AccountCase:
    """Return an account with this storage root (32 bytes) for case ``index`` of a seed."""
    rng = random.Random(f"{seed}/{index}/account")
    state = _state(seed, index // SHARED).copy() if rng.random() < 0.9 else OracleTrie()
    address, code_hash = _address(rng), rng.randbytes(32)
    key = keccak256(bytes.fromhex(address[2:]))
    for depth in rng.sample(range(DEEPEST), rng.choice((0, 0, 1, 2, 5))):
        state.put(neighbour(rng, key, depth), _account(rng, rng.randbytes(32), rng.randbytes(32)))
    state.put(key, _account(rng, storage_root, code_hash))
    proof = encode_account_proof(state.root, address, state.proof(key))
    return AccountCase(Claim(address, storage_root, code_hash, proof), state.root)


def claimed(claim: Claim) -> bytes | None:
    """Return the state root that Python makes of a claim, ``None`` where it refuses."""
    try:
        return state_root_of(claim.address, claim.storage_root, claim.code_hash, claim.account_proof)
    except InvalidWitness:
        return None


def is_too_deep(claim: Claim) -> bool:
    """Whether the proof starts with a branch where no state trie has any."""
    size = claim.account_proof[0] if claim.account_proof else 0
    return claim.account_proof[1 + size : 2 + size] == bytes((DEEPEST,))


@functools.lru_cache(2)
def _state(seed: int, number: int) -> OracleTrie:
    rng = random.Random(f"{seed}/state {number}")
    state = OracleTrie()
    for _ in range(rng.choice((1, 2, 10, 50, 200, 500))):
        state.put(rng.randbytes(32), _account(rng, rng.randbytes(32), rng.randbytes(32)))
    return state


def _account(rng: random.Random, storage_root: bytes, code_hash: bytes) -> list[int | bytes]:
    nonce = rng.choice((0, 1, rng.randrange(256), rng.randrange(2**64)))
    return [nonce, rng.choice((0, 1, rng.randrange(2**90), rng.randrange(2**256))), storage_root, code_hash]


def _address(rng: random.Random) -> str:
    return "0x" + rng.randbytes(20).hex()


def _spoiled_proofs(rng: random.Random, proof: bytes, count: int) -> list[tuple[str, bytes]]:
    """Spoil the bytes in front of the branches, and the branches as those of a witness."""
    size = 1 + proof[0]
    branches = mutations(rng, Scene(proof[size:]), count - 1) if len(proof) > size else []
    front = [
        ("flip a bit in front", _flipped(rng, proof, size)),
        ("cut in front", proof[: rng.randrange(size)]),
        ("shift the front", bytes((rng.choice((proof[0] - 1, proof[0] + 1, 43, 255)),)) + proof[1:]),
        ("lengthen the front", bytes((proof[0] + 1,)) + proof[1:size] + rng.randbytes(1) + proof[size:]),
    ]
    return [rng.choice(front), *((kind, proof[:size] + spoiled) for kind, spoiled in branches)]


def _flipped(rng: random.Random, proof: bytes, size: int) -> bytes:
    at = rng.randrange(size)
    return proof[:at] + bytes((proof[at] ^ 1 << rng.randrange(8),)) + proof[at + 1 :]
