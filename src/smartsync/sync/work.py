"""Work that takes several transactions: each is written down, and whoever waits is told how far it is."""

from __future__ import annotations

from smartsync.results import Progress, Step
from smartsync.submit import Sender, step_of


class Work:
    """What is done step by step on the target chain. ``steps`` grows with each transaction sent."""

    __slots__ = ()

    sender: Sender
    on_progress: Progress | None
    steps: list[Step]

    async def _transact(self, to: str, data: bytes, what: str) -> None:
        """Send a transaction to a contract. Raises as ``Sender.send``; what was sent before stays in ``steps``."""
        receipt = await self.sender.send(to, data, what=what)
        self.steps.append(step_of(what, receipt))

    def _progress(self, phase: str, done: int = 0, total: int = 0) -> None:
        if self.on_progress:
            self.on_progress(phase, done, total)
