"""What of a configuration changed: what a relayer has to do when it reads the file again. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from smartsync.relayer.configuration import Configuration
from smartsync.relayer.replicas import Replica

Key = TypeVar("Key", bound=Hashable)

ReplicaKey = tuple[str, str]
"""A pair's name, and a replica's address on its target chain."""


@dataclass(frozen=True, slots=True)
class Difference(Generic[Key]):
    """What of one kind was added, removed, or is there still and another one; in the order of the file."""

    added: tuple[Key, ...] = ()
    removed: tuple[Key, ...] = ()
    changed: tuple[Key, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed from one configuration to another.

    Parameters
    ----------
    pairs
        Those are changed, too, of which a chain or a key is another one now: they have to be connected anew.
    replicas
        Those are changed of which the policy or what is known of the slots is another one, be it by the pair's.
    jobs
        Whether the number of jobs is another one.
    restart
        Keys of ``[relayer]`` that changed and count only from the next start on; ``token`` is the variable.
    """

    chains: Difference[str]
    keys: Difference[str]
    pairs: Difference[str]
    replicas: Difference[ReplicaKey]
    jobs: bool
    restart: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.chains or self.keys or self.pairs or self.replicas or self.jobs or self.restart)

    def words(self) -> Iterator[str]:
        """Yield what changed, for a log: names and addresses, and no values."""
        kinds: tuple[tuple[str, Difference[str] | Difference[ReplicaKey]], ...] = (
            ("chain", self.chains),
            ("key", self.keys),
            ("pair", self.pairs),
            ("replica", self.replicas),
        )
        for kind, found in kinds:
            for how in ("added", "removed", "changed"):
                for key in getattr(found, how):
                    yield f"{kind} {key if isinstance(key, str) else f'{key[1]} of {key[0]}'}: {how}"
        if self.jobs:
            yield "[relayer] jobs: changed"
        for name in self.restart:
            yield f"[relayer] {name}: changed, which counts only after a restart"


def changes(old: Configuration, new: Configuration) -> Changes:
    """Return what has to be done to go on by another configuration."""
    restart = [name for name in ("state", "listen") if getattr(old.relayer, name) != getattr(new.relayer, name)]
    if old.token != new.token:
        restart.append("token")
    return Changes(
        _difference(old.chains, new.chains),
        _difference(old.keys, new.keys),
        _difference(_connections(old), _connections(new)),
        _difference(_by_key(old), _by_key(new)),
        old.relayer.jobs != new.relayer.jobs,
        tuple(restart),
    )


def _difference(old: Mapping[Key, object], new: Mapping[Key, object]) -> Difference[Key]:
    return Difference(
        tuple(key for key in new if key not in old),
        tuple(key for key in old if key not in new),
        tuple(key for key in new if key in old and new[key] != old[key]),
    )


def _connections(configuration: Configuration) -> dict[str, object]:
    """Return, by pair, everything that its connections are made of; its replicas' policy is not part of that."""
    return {
        name: (
            pair.model_dump(exclude={"policy"}),
            configuration.chains[pair.source],
            configuration.chains[pair.target],
            [configuration.keys[key] for key in pair.keys],
            configuration.attestor_tokens.get(name),
        )
        for name, pair in configuration.pairs.items()
    }


def _by_key(configuration: Configuration) -> dict[ReplicaKey, Replica]:
    return {(replica.pair, replica.address): replica for replica in configuration.replicas}
