"""What is told of a request to a node: for whoever counts them. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Fault: TypeAlias = Literal["unreachable", "timed-out", "rate-limited", "gateway", "broken", "invalid"]
"""Why a request was of no use: no connection, no answer in time, too many requests, a gateway's answer (502 to 504), a
connection that ended, an answer that is none."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request to a node.

    Parameters
    ----------
    host
        Of the node, without the path of its url.
    calls
        How many JSON-RPC calls were in it.
    seconds
        How long it took.
    fault
        Why it was of no use, ``None`` where it was: an error by JSON-RPC is an answer, but for one of load.
    """

    host: str
    calls: int
    seconds: float
    fault: Fault | None


Observe: TypeAlias = Callable[[Exchange], None]
