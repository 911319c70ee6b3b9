"""How a state is shown: how bad it is, what it means, and what an operator can do about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from smartsync.relayer.states import UNSEEN

Weight: TypeAlias = Literal["bad", "held", "work", "wait", "good", "over"]
"""How bad a state is, the worst first: each has a colour and a shape of its own."""

WEIGHTS: tuple[Weight, ...] = ("bad", "held", "work", "wait", "good", "over")


@dataclass(frozen=True, slots=True)
class Standing:
    """What a state means (``words``), and what can be done (``advice``, empty where nothing has to be)."""

    weight: Weight
    words: str
    advice: str = ""


STANDINGS: dict[str, Standing] = {
    "exact": Standing("good", "The replica has what it is to have."),
    "behind": Standing("work", "A sync is due, or under way."),
    "waiting": Standing("wait", "Its policy waits for more."),
    UNSEEN: Standing("wait", "Nobody has looked at it yet."),
    "anchor-behind": Standing(
        "held",
        "A sync is wanted, and the anchor does not accept the block for it.",
        "See whether the anchor's signers, or whoever updates it, are at work; the anchor's page says what it accepts.",
    ),
    "source-stalled": Standing(
        "held", "The source chain has had no new block for long.", "See whether the source chain itself has stopped."
    ),
    "source-behind": Standing(
        "held", "The source node is behind its chain.", "See whether the node is catching up, or configure another one."
    ),
    "target-full": Standing(
        "held",
        "The target chain takes no transaction of this size or price now.",
        "It is tried again. Where it lasts, raise max_fee_gwei of the chain, or sync more often.",
    ),
    "fee-too-high": Standing(
        "held",
        "A transaction would pay more per gas than its policy allows.",
        "Wait for lower fees, or raise max_fee_gwei.",
    ),
    "gas-spent": Standing(
        "held", "The day's gas is used up, by its policy.", "Wait, or raise max_gas_a_day of its policy."
    ),
    "source-limited": Standing(
        "held",
        "The source node answers less often than it is asked.",
        "Raise poll_s of the chain, configure more nodes, or pay for more.",
    ),
    "target-limited": Standing(
        "held",
        "The target node answers less often than it is asked.",
        "Raise poll_s of the source chain, configure more nodes, or pay for more.",
    ),
    "anchor-stopped": Standing(
        "bad",
        "The anchor is paused, expired or frozen.",
        "The anchor's page says which, and since when. Whoever governs it has to act.",
    ),
    "orphaned": Standing(
        "bad",
        "The replica stands at a block that the source has dropped.",
        "It recovers once the anchor accepts a newer block or revokes that one. Do not rely on it until then.",
    ),
    "source-down": Standing(
        "bad", "No node of the source chain answers.", "Start the node, or configure another one and send SIGHUP."
    ),
    "source-wrong": Standing(
        "bad",
        "The source node's answers are wrong, or of another chain.",
        "Ask another node: this one lies, is broken, or is not of this chain.",
    ),
    "target-down": Standing(
        "bad", "No node of the target chain answers.", "Start the node, or configure another one and send SIGHUP."
    ),
    "no-funds": Standing("bad", "The paying account has too little.", "Send it what the reason says is missing."),
    "slots-unknown": Standing(
        "bad",
        "Not all of its slots are known, so that no exact sync can be made.",
        "Give its storage layout and keys (layout, keys), or a node that tells all slots.",
    ),
    "unreadable": Standing(
        "bad",
        "It is a proxy without a proven copy of what it delegates to: reads are refused.",
        "The reason says what is missing, and whether smartsync supply can bring it.",
    ),
    "ended": Standing(
        "over", "The source contract has ended.", "smartsync halt records it; then take it out of the configuration."
    ),
    "failing": Standing("bad", "Something else is wrong.", "The reason says what; the log says more."),
}

GONE = Standing("over", "The configuration does not have it any more, and nobody looks at it.")
"""Of a replica that was taken out of the configuration: whatever was wrong with it then is nobody's trouble now."""

_OTHER = Standing("bad", "This state is not known to the page.", "The reason says more.")


def standing_of(state: str) -> Standing:
    """Return how a state is shown."""
    return STANDINGS.get(state, _OTHER)


KINDS: dict[str, tuple[Weight, str]] = {
    "sync": ("good", "synced"),
    "recovered": ("held", "recovered"),
    "supplied": ("good", "supplied"),
    "accepted": ("good", "block accepted"),
    "reorganisation": ("bad", "reorganisation"),
    "revoked": ("held", "blocks revoked"),
    "equivocation": ("bad", "equivocation"),
    "anchor_stopped": ("bad", "anchor stopped"),
    "anchor_resumed": ("good", "anchor active again"),
}
"""What can happen, by its word in the history."""


def kind_of(word: str) -> tuple[Weight, str]:
    """Return how bad it is what happened, and what it is called."""
    return KINDS.get(word, ("wait", word.replace("_", " ").replace("-", " ")))


ANCHORS: dict[str, Weight] = {"active": "good", "paused": "held", "expired": "bad", "frozen": "bad"}
"""An anchor's status."""
