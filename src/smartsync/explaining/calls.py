"""Which call of a hub a transaction made: by its calldata, or what a trace shows of a call further inside. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smartsync.answers import Log
from smartsync.contracts import decode_call, decode_logs, event_topic
from smartsync.errors import InvalidWitness
from smartsync.witness import WriteItem, decode_witness

STEPS = ("sync", "fill", "prepare", "commit")
"""The hub's functions that take a witness, or perform one."""

EVENTS = {"ReplicaSynced": ("sync", "commit"), "ReplicaFilled": ("fill",), "TransitionPrepared": ("prepare",)}
"""What each of these leaves behind: exactly one event a call."""


@dataclass(frozen=True, slots=True)
class HubCall:
    """One call of a hub: its function, its calldata, and its arguments by name."""

    hub: str
    function: str
    data: bytes
    arguments: Mapping[str, Any]

    @property
    def replica(self) -> str:
        """The replica that it is about."""
        return str(self.arguments["replica"])

    @property
    def items(self) -> bytes:
        """The witness, of a commit the writes."""
        return bytes(self.arguments["writes" if self.function == "commit" else "witness"])

    @property
    def block_hash(self) -> bytes | None:
        """The source block's 32-byte hash; a fill leads to none."""
        found = self.arguments.get("blockHash")
        return None if found is None else bytes(found)

    @property
    def slots(self) -> list[bytes]:
        """The slots (32 bytes each) that it writes. Raises ``InvalidWitness``."""
        return [item.slot for item in decode_witness(self.items) if isinstance(item, WriteItem)]

    @property
    def writes(self) -> dict[bytes, int]:
        """What it writes, by slot; nothing where it only proves, or is malformed."""
        try:
            items = () if self.function == "prepare" else decode_witness(self.items)
        except InvalidWitness:
            return {}
        return {item.slot: item.value for item in items if isinstance(item, WriteItem)}


@dataclass(frozen=True, slots=True)
class HubEvent:
    """What a hub recorded: the event's name and its arguments."""

    hub: str
    name: str
    arguments: Mapping[str, Any]

    @property
    def root(self) -> bytes | None:
        """The replica's storage root (32 bytes) from then on; a part of a witness leaves it as it is."""
        found = self.arguments.get("storageRoot", self.arguments.get("newRoot"))
        return None if found is None else bytes(found)

    def is_of(self, call: HubCall) -> bool:
        """Whether a call would leave this event behind."""
        return (
            call.hub == self.hub
            and call.function in EVENTS[self.name]
            and call.replica == self.arguments["replica"]
            and call.block_hash == self.arguments.get("blockHash")
        )


def hub_call(hub: str, data: bytes) -> HubCall | None:
    """Return the call that calldata makes, where it is of a hub's ABI."""
    decoded = decode_call("Hub", data)
    return None if decoded is None else HubCall(hub, decoded.name, data, decoded.arguments)


def hub_events(logs: Sequence[Log]) -> list[HubEvent]:
    """Return what hubs recorded, in order. Warning: anybody's contract can leave such events."""
    topics = {event_topic("Hub", name): name for name in EVENTS}
    found = []
    for log in logs:
        name = topics.get(log.topics[0]) if log.topics else None
        for arguments in decode_logs("Hub", [log], name) if name else ():
            found.append(HubEvent(log.address, name or "", arguments))
    return found


def traced_calls(trace: object, hubs: Collection[str]) -> list[HubCall]:
    """Return the calls of these hubs' steps in a trace of geth's ``callTracer``, in their order; none that was undone.

    What is no such trace has none.
    """
    found = []
    for to, data in _frames(trace):
        hub = next((hub for hub in hubs if hub.lower() == to), None)
        call = hub_call(hub, data) if hub else None
        if call is not None and call.function in STEPS:
            found.append(call)
    return found


def _frames(trace: object) -> Iterator[tuple[str, bytes]]:
    """Yield recipient (lower case) and calldata of all messages that stand, the outer before the inner ones."""
    waiting = [trace]
    while waiting:
        frame = waiting.pop()
        if not isinstance(frame, Mapping) or frame.get("error") is not None:
            continue
        inner = frame.get("calls")
        waiting += reversed(inner) if isinstance(inner, list) else ()
        to, data = frame.get("to"), frame.get("input")
        if frame.get("type") == "CALL" and isinstance(to, str) and isinstance(data, str):
            try:
                yield to.lower(), bytes.fromhex(data.removeprefix("0x"))
            except ValueError:
                continue
