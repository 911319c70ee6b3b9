"""A job: what is to be done about something of a pair of chains. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from smartsync.relayer.queueing.lane import LOOKS

Kind: TypeAlias = Literal["look", "tend", "mind", "follow"]
"""A look at a part of a pair's replicas; what is due at a replica, or at an anchor; what somebody left unfinished."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done.

    Whoever does it looks first whether it is still to be done: so it may be done twice, and by anybody.

    Parameters
    ----------
    subject
        Of a look the name of the part; else whose transactions it is about, as the journal calls it.
    tries
        How often in a row it has failed before.
    """

    kind: Kind
    pair: str
    subject: str
    tries: int = 0

    @property
    def name(self) -> str:
        """Of all jobs with one name, one at most waits."""
        return f"{self.kind} {self.subject} of {self.pair}"

    @property
    def lock(self) -> str:
        """Of all jobs with one lock, one at most is at work: what transacts for one subject, in whichever pair."""
        return self.name if self.kind == "look" else self.subject

    @property
    def lane(self) -> str:
        """The name of the lane in which it waits."""
        return f"{self.pair}{LOOKS}" if self.kind == "look" else self.pair

    @property
    def priority(self) -> int:
        """Higher ones go first: on anchors and on what holds a nonce others wait."""
        return 0 if self.kind == "tend" else 1

    @property
    def address(self) -> str:
        """The replica's or anchor's."""
        return self.subject.partition(" ")[0]

    @property
    def fields(self) -> dict[str, str]:
        """What it is about, for each line of the log that is written while it is done."""
        about = {"look": "part", "tend": "replica", "mind": "anchor", "follow": "address"}[self.kind]
        return {"job": self.kind, "pair": self.pair, about: self.subject if self.kind == "look" else self.address}


Perform: TypeAlias = Callable[[Job], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Count:
    """How many jobs of a pair wait although they are due, how many are for later, and how many are at work."""

    due: int = 0
    later: int = 0
    at_work: int = 0


class Queue(Protocol):
    """Jobs that wait, and the doing of them."""

    async def defer(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """Have jobs done as soon as somebody is free.

        Returns
        -------
        Sequence[Job]
            Those that are in the queue only now. Of the others one by that name is at work, or waits, perhaps for a
            time.

        Raises
        ------
        StateUnavailable
            The queue is in a database that does not answer.
        """
        ...

    async def again(self, job: Job, in_s: float) -> None:
        """Have the job that is at work done again, not before some seconds have passed; unless one waits already.

        Raises
        ------
        StateUnavailable
            The queue is in a database that does not answer.
        """
        ...

    async def work(self, perform: Perform) -> None:
        """Do what waits, until stopped. What is under way then is ended first; the rest is left to others.

        Cancelling it does the same.
        """
        ...

    def stop(self) -> None:
        """Begin nothing more."""
        ...

    async def counts(self) -> Mapping[str, Count]:
        """Return how many jobs there are, by pair.

        Raises
        ------
        StateUnavailable
            The queue is in a database that does not answer.
        """
        ...
