"""How the chains, keys and pairs of a configuration fit together. Pure.

A table that is wrong in itself is ``None`` here: its problems are told already, and others may still name it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import TypeAlias

from smartsync.relayer.merging import contradictions
from smartsync.relayer.problems import Problems, named, readable
from smartsync.relayer.tables import ChainTable, KeyTable, PairTable
from smartsync.relayer.variables import key_variable

Chains: TypeAlias = Mapping[str, ChainTable | None]
Keys: TypeAlias = Mapping[str, KeyTable | None]
Pairs: TypeAlias = Mapping[str, PairTable | None]


def check_chains(problems: Problems, chains: Chains, pairs: Pairs) -> None:
    """Check that each chain is told of once, and used."""
    of_id: dict[int, str] = {}
    for name, chain in chains.items():
        if chain is not None and (other := of_id.setdefault(chain.chain_id, name)) != name:
            problems.tell(
                f"[chains.{readable(name)}] chain_id",
                f"{chain.chain_id} is the id of {readable(other)}, too: tell of a chain once, with all its nodes",
            )
    used = {end for pair in pairs.values() if pair is not None for end in (pair.source, pair.target)}
    for name in _unused(chains, used, pairs):
        problems.tell(
            f"[chains.{readable(name)}]", "no pair has it as its source or its target; remove it, or name it there"
        )


def check_keys(problems: Problems, keys: Keys, pairs: Pairs, environ: Mapping[str, str]) -> None:
    """Check that it is clear of each key where it comes from, and that it is used."""
    for name, key in keys.items():
        where = f"[keys.{readable(name)}]"
        if name.endswith("-password"):
            problems.tell(
                where, "a key's name does not end like that: its variable would be the password of another one"
            )
        if name.endswith("-file"):
            problems.tell(where, "a key's name does not end like that: its variable would name the file of another one")
        if key is not None and key.keystore is not None and environ.get(key_variable(name)):
            problems.tell(
                where,
                f"it has a keystore, and {key_variable(name)} is set: which of the two is the key? Unset "
                "the variable, or leave keystore out",
            )
    used = {name for pair in pairs.values() if pair is not None for name in (pair.keys or keys)}
    for name in _unused(keys, used, pairs):
        problems.tell(f"[keys.{readable(name)}]", "it is used on no pair: name it in keys of one, or remove it")


def _unused(names: Collection[str], used: set[str], pairs: Pairs) -> Iterator[str]:
    """Yield what no pair uses; nothing where a pair is wrong, or names what is not there: it may be meant for this."""
    is_clear = all(pair is not None and pair.source != pair.target for pair in pairs.values())
    if pairs and is_clear and used <= set(names):
        yield from (name for name in names if name not in used)


def check_pairs(problems: Problems, pairs: Pairs) -> None:
    """Check that there are pairs, each of two chains, that none is another one's twin or contradicts itself."""
    if not pairs:
        problems.tell("", "there is no [pairs.NAME]: it says which chain is mirrored on which, and by which hub")
    seen: dict[tuple[str, str, str], str] = {}
    for name, pair in pairs.items():
        if pair is None:
            continue
        where = f"[pairs.{readable(name)}]"
        if pair.source == pair.target:
            problems.tell(where, f"source and target are the same chain, {named(pair.source)}")
        for key, times in Counter(pair.keys).items():
            if times > 1:
                problems.tell(f"{where} keys", f"{named(key)} is named {times} times")
        other = seen.setdefault((pair.source, pair.target, pair.hub), name)
        if other != name:
            problems.tell(
                where, f"source, target and hub are those of the pair {readable(other)}: put its replicas there"
            )
        for problem in contradictions(pair.policy):
            problems.tell(f"{where} policy", problem)
