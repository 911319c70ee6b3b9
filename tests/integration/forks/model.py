"""What must hold of a replica whatever happens to its chains, small enough to be read (I1–I9 of the design).

The model knows both chains as lists of blocks and the anchor as a list of accepted ones. It is told what was done, says
what the contracts must answer to it, and is then compared with them.

- I1 *mirror*: an active replica's storage is the source's at the recorded block.
- I2 *no strict read* of a revoked block, or while the anchor is stopped.
- I3 *accepted only*: a replica goes to a block that stands and is at least safe.
- I4 *forward*, unless the recorded block is revoked.
- I5 *no state twice by chance*: each transition ends at exactly one named block, or changes nothing.
- I6 *reachable*: from wherever it is, every accepted canonical block that I4 lets it go to can be gone to.
- I7 *revocation* takes what is above its head, once and for all in its epoch, and never what is final.
- I8 *no overwriting*: a contradiction changes no accepted block; it freezes, or is refused. Only what is final
  displaces what is safe, and then that is known as revoked.
- I9 *recovered is like new*: the storage depends on the recorded block alone, not on the way to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Block:
    """A block of the source, ever made: its place, its hash, and all values of the contract in it."""

    number: int
    hash: bytes
    values: tuple[int, ...]


@dataclass(frozen=True)
class Accepted:
    """A block that the anchor accepted once. Revoked blocks stay on the list: I7."""

    block: Block
    is_final: bool
    is_revoked: bool = False


@dataclass(frozen=True)
class Target:
    """What the target chain knows. A reorganisation of the target goes back to an earlier one of these, whole."""

    accepted: tuple[Accepted, ...]
    recorded: Block
    is_frozen: bool = False

    def standing(self) -> list[Accepted]:
        return [one for one in self.accepted if not one.is_revoked]

    def find(self, block_hash: bytes) -> Accepted | None:
        return next((one for one in self.accepted if one.block.hash == block_hash), None)

    def level(self, block_hash: bytes) -> str:
        found = self.find(block_hash)
        if found is None:
            return "unknown"
        return "revoked" if found.is_revoked else "final" if found.is_final else "safe"

    def newest(self) -> Accepted | None:
        return max(self.standing(), key=lambda one: one.block.number, default=None)

    def may_go(self, block_hash: bytes) -> str:
        """Return the name of the error that keeps the replica from going to a block; empty where nothing does."""
        found = self.find(block_hash)
        if self.is_frozen:
            return "AnchorNotActive"
        if found is None or found.is_revoked:
            return "BlockNotAccepted"  # I3
        if found.block.number <= self.recorded.number and self.level(self.recorded.hash) != "revoked":
            return "BlockNotNewer"  # I4
        return ""  # I6

    def may_read(self) -> str:
        """Return the name of the error that a strict reader gets; empty where the value is served."""
        if self.is_frozen:
            return "AnchorDown"
        return "Revoked" if self.level(self.recorded.hash) == "revoked" else ""  # I2

    def gone(self, block_hash: bytes) -> Target:
        found = self.find(block_hash)
        assert found is not None and not self.may_go(block_hash)
        return replace(self, recorded=found.block)

    def with_block(self, block: Block, *, final: bool) -> Target | None:
        """Accept a block, attested to or as an ancestor at its descendant's level; ``None`` where it is refused.

        Another block at its number is displaced where it is only safe and this one final; two final ones freeze (I8).
        """
        assert not self.is_frozen
        other = next((one for one in self.standing() if one.block.number == block.number and one.block != block), None)
        if other is not None and not final:
            return None
        if other is not None and other.is_final:
            return replace(self, is_frozen=True)
        known = self.find(block.hash)
        if known is not None and not known.is_revoked:
            final = final or known.is_final
        others = tuple(
            replace(one, is_revoked=True) if one is other else one for one in self.accepted if one is not known
        )
        return replace(self, accepted=(*others, Accepted(block, final)))

    def revoked_above(self, head: Block | None) -> Target | None:
        """Revoke what is above a block that stands, everything where ``None``; ``None`` where that is refused (I7)."""
        above = -1 if head is None else head.number
        if any(one.is_final and one.block.number > above for one in self.standing()):
            return None
        taken = tuple(replace(one, is_revoked=one.is_revoked or one.block.number > above) for one in self.accepted)
        return replace(self, accepted=taken)


@dataclass
class Model:
    """Both chains: the source's canonical branch, the genesis of the story first, and the target with its past.

    ``past`` holds the target's states by block number, for its reorganisations.
    """

    branch: list[Block]
    target: Target
    past: dict[int, Target] = field(default_factory=dict)

    def is_canonical(self, block: Block) -> bool:
        return block in self.branch

    def dropped(self) -> list[Accepted]:
        """Return the standing blocks that a signer with the source's chain before him can revoke: see I7."""
        top = self.branch[-1].number
        final = [one.block.number for one in self.target.standing() if one.is_final and one.block in self.branch]
        settled = max(final, default=-1)
        return [
            one for one in self.target.standing() if settled < one.block.number <= top and one.block not in self.branch
        ]

    def head_below_dropped(self) -> Block | None:
        """Return what a revocation lets stand: the highest standing block below all dropped ones."""
        lowest = min(one.block.number for one in self.dropped())
        below = [one.block for one in self.target.standing() if one.block.number < lowest]
        return max(below, key=lambda block: block.number, default=None)
