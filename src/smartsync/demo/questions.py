"""The questions that the demo puts to originals and replicas, and how their answers are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from smartsync.demo.ens import NOBODY, node_of, resolver_address
from smartsync.demo.stage import ROLES, Stage, account
from smartsync.demo.uniswap import position_key
from smartsync.results import CallOutcome

_ETHER = 10**18
Shown = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Question:
    """A view function with arguments. ``label`` names it for people, ``shown`` writes its values for them."""

    label: str
    signature: str
    arguments: tuple[object, ...]
    shown: Shown


@dataclass(frozen=True, slots=True)
class Answer:
    """What original and replica said, as text and as values; ``agree``: it was the same to the byte."""

    label: str
    signature: str
    arguments: tuple[object, ...]
    block_number: int
    source: str
    replica: str
    source_values: tuple[object, ...]
    replica_values: tuple[object, ...]
    agree: bool


async def ask(stage: Stage, replica: str, questions: Sequence[Question]) -> list[Answer]:
    """Put each question to the original, at the replica's recorded block, and to the replica."""
    answers = []
    for question in questions:
        told = await stage.client.call(replica, question.signature, question.arguments)
        original, copy = (_written(question.shown, outcome) for outcome in (told.source, told.replica))
        answers.append(
            Answer(
                question.label,
                question.signature,
                question.arguments,
                told.block_number,
                original,
                copy,
                told.source.values,
                told.replica.values,
                told.agree,
            )
        )
    return answers


def ens_questions() -> list[Question]:
    """Ask for a name that is given away, one that is removed, and one that is new."""
    return [
        _ens("owner", "alice.eth", "address", person),
        _ens("resolver", "alice.eth", "address", person),
        _ens("owner", "bob.eth", "address", person),
        _ens("ttl", "bob.eth", "uint64", _seconds),
        _ens("owner", "dave.eth", "address", person),
        _ens("ttl", "dave.eth", "uint64", _seconds),
    ]


def pool_questions(observation: int, bob: tuple[int, int], alice: tuple[int, int]) -> list[Question]:
    """Ask for price, liquidity, an observation, and the positions between these ticks with their lower ticks."""
    slot0 = "slot0()(uint160,int24,uint16,uint16,uint16,uint8,bool)"
    ticks = "ticks(int24)(uint128,int128,uint256,uint256,int56,uint160,uint32,bool)"
    positions = "positions(bytes32)(uint128,uint256,uint256,uint128,uint128)"
    observed = "observations(uint256)(uint32,int56,uint160,bool)"
    growth = "feeGrowthGlobal0X128()(uint256)"
    return [
        Question("price", slot0, (), lambda root, *_: f"{(root / 2**96) ** 2:.6f}"),
        Question("liquidity", "liquidity()(uint128)", (), _ether),
        Question(f"observation {observation}", observed, (observation,), _observation),
        Question("fee growth", growth, (), lambda grown: f"{grown / 2**128:.3e}"),
        Question("bob's position", positions, (position_key("bob", *bob),), lambda size, *_: _ether(size)),
        Question(f"tick {bob[0]:,}", ticks, (bob[0],), lambda gross, *_: _ether(gross)),
        Question("alice's position", positions, (position_key("alice", *alice),), lambda size, *_: _ether(size)),
        Question(f"tick {alice[0]:,}", ticks, (alice[0],), lambda gross, *_: _ether(gross)),
    ]


def person(address: str) -> str:
    """Return who an address is to the demo."""
    known = {account(role).address.lower(): role for role in ROLES}
    known |= {resolver_address(name).lower(): name for name in ("resolver 1", "resolver 2")} | {NOBODY: "—"}
    return known.get(address.lower(), address)


def _ens(function: str, name: str, kind: str, shown: Shown) -> Question:
    return Question(f"{name} {function}", f"{function}(bytes32)({kind})", (node_of(name),), shown)


def _written(shown: Shown, outcome: CallOutcome) -> str:
    values: tuple[Any, ...] = outcome.values
    return shown(*values) if outcome.ok else f"reverts: {outcome.error}"


def _seconds(seconds: int) -> str:
    return f"{seconds:,} s" if seconds else "—"


def _ether(amount: int) -> str:
    return f"{amount / _ETHER:,.0f}" if amount else "—"


def _observation(timestamp: int, tick_sum: int, *_: object) -> str:
    # An observation that was made room for and not written yet has the time 1.
    return f"{tick_sum:,} tick·s" if timestamp > 1 else "—"
