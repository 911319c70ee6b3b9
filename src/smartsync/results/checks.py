"""What was compared or probed, and what of a node."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was compared or probed; ``detail`` says what was found. What is not ``needed`` may fail."""

    name: str
    ok: bool
    detail: str
    needed: bool = True


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What ``doctor`` found about one node. ``role`` is ``source`` or ``target``."""

    role: str
    host: str
    client: str
    chain_id: int
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether everything needed works."""
        return all(check.ok or not check.needed for check in self.checks)
