"""Several nodes of one chain: where one does not answer, does not serve what is asked for, or lies, the next is asked.

Two ways to ask. `Failover.call` and `Failover.batch` are those of `Rpc` and look at nothing but whether there is an
answer. `Failover.verified` is for what can be checked: all that one check is about comes from one node, so it is known
who lied when it fails. That node is named in the log and not asked for an hour, unless no other is left: what it says
is checked anyway.

The nodes may be at different heads. As long as it answers, the first one that was given is asked, so that what is read
one after the other is of one head; where one has not seen a block yet that another one has told of, that one is asked.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Literal, TypeVar

from smartsync import answers
from smartsync.errors import (
    AnchorError,
    BlockUnavailable,
    ConfigError,
    IncompleteSlots,
    MethodMissing,
    NodeError,
    NodeUnreachable,
    NonCanonicalTrie,
    ProofError,
    RpcError,
    SmartSyncError,
    WrongChain,
)
from smartsync.exchange import Observe
from smartsync.node_errors import is_of_load
from smartsync.refusals import unavailable
from smartsync.rpc import Call, Rpc, is_repeatable

_T = TypeVar("_T")

logger = logging.getLogger(__name__)

_ASIDE_S = 30.0
"""Seconds that a node is left aside after a failure, twice as long after each further one."""

_LONGEST_ASIDE_S = 600.0
_REMEMBERED_S = 3600.0
"""Seconds that a lie, or a method that it lacks, is held against a node: services run for months, nodes are mended."""
_RETRIES = 1
_ROUNDS = 3
"""How often all nodes are asked where none of them can be reached."""

_BACKOFF_S = 0.5

_FINDS = frozenset(
    {"eth_getBlockByNumber", "eth_getBlockByHash", "eth_getTransactionByHash", "eth_getTransactionReceipt"}
)
"""Methods that answer null where a node does not have what another one may have."""


def connect(
    urls: str | Sequence[str],
    role: Literal["source", "target"],
    *,
    timeout_s: float = 30.0,
    chain_id: int | None = None,
    observe: Observe | None = None,
) -> Rpc | Failover:
    """Return what to ask for one chain: a node, or several that stand in for each other.

    Parameters
    ----------
    observe
        Is told of each request to any of them.

    Raises
    ------
    ConfigError
        There is no url, one is no HTTP url, or one is given twice.
    """
    given = [urls] if isinstance(urls, str) else list(urls)
    if not given:
        raise ConfigError(f"no url of a {role} node is given")
    if len(given) == 1:
        advice = (
            f"check that this {role} node runs and that its url is right: no other one stands in for it. How to give "
            "several: docs/how-to/choose-nodes.md"
        )
        return Rpc(given[0], timeout_s=timeout_s, advice=advice, observe=observe)
    if len(set(given)) < len(given):
        raise ConfigError(f"a url of a {role} node is given twice", hint="another node is of use where it is another")
    nodes = [Rpc(url, timeout_s=timeout_s, retries=_RETRIES, repeats_timeouts=False, observe=observe) for url in given]
    return Failover(nodes, role, chain_id=chain_id)


class _Endpoint:
    """One of the nodes, and what is known of it by now."""

    def __init__(self, rpc: Rpc) -> None:
        self.rpc = rpc
        self.chain_id: int | None = None
        self.distrusted_until = self.aside_until = 0.0
        self._lacks: dict[str, tuple[MethodMissing, float]] = {}
        self._failures = 0

    @property
    def lied(self) -> bool:
        return time.monotonic() < self.distrusted_until

    @property
    def is_aside(self) -> bool:
        return time.monotonic() < self.aside_until

    def set_aside(self, error: NodeError) -> None:
        """Leave it aside for a while, longer each time."""
        asked_s = error.wait_s if isinstance(error, NodeUnreachable) else 0.0
        wait_s = min(_ASIDE_S * 2**self._failures, _LONGEST_ASIDE_S)
        self._failures += 1
        self.aside_until = time.monotonic() + max(wait_s, asked_s)
        logger.info("%s is left aside for %.0f s: %s", self.rpc.host, max(wait_s, asked_s), error.message)

    async def outcomes(self, calls: Sequence[Call], wanted: Sequence[int]) -> dict[int, Any]:
        """Return the results, or RpcErrors, of some of the calls; not asked for is what it is known to lack."""
        now = time.monotonic()
        lacks = {method: error for method, (error, until) in self._lacks.items() if now < until}
        asked = [i for i in wanted if calls[i][0] not in lacks]
        told = await self.rpc.batch([calls[i] for i in asked], return_errors=True)
        for i, outcome in zip(asked, told, strict=True):
            if isinstance(outcome, MethodMissing):
                self._lacks[calls[i][0]] = outcome, now + _REMEMBERED_S
            elif isinstance(outcome, RpcError) and is_of_load(outcome):
                self.set_aside(outcome)
        return {i: lacks[calls[i][0]] for i in wanted if i not in asked} | dict(zip(asked, told, strict=True))

    def answered(self) -> None:
        self.aside_until, self._failures = 0.0, 0


class Failover:
    """Several nodes of one chain, to be used as an `Rpc`.

    Parameters
    ----------
    nodes
        In the order in which they are preferred; closed by `aclose`.
    role
        For messages.
    chain_id
        What all of them must say (EIP-155); None for what the first of them says that answers.
    """

    def __init__(
        self, nodes: Sequence[Rpc], role: Literal["source", "target"] = "source", *, chain_id: int | None = None
    ) -> None:
        self._endpoints = [_Endpoint(node) for node in nodes]
        self._role, self._chain_id = role, chain_id

    def __repr__(self) -> str:
        return f"Failover({self.host})"

    @property
    def host(self) -> str:
        """The hosts of the nodes, for messages."""
        return " and ".join(endpoint.rpc.host for endpoint in self._trusted())

    @property
    def nodes(self) -> list[Rpc]:
        """The nodes that have not lied, those that answer first; all of them where each has."""
        endpoints = self._trusted()
        return [endpoint.rpc for endpoint in sorted(endpoints, key=lambda endpoint: endpoint.is_aside)]

    async def aclose(self) -> None:
        """Close the connections to all nodes."""
        for endpoint in self._endpoints:
            await endpoint.rpc.aclose()

    async def agree(self) -> None:
        """Check that all nodes that answer are on one chain; the others are checked before they are asked.

        Raises
        ------
        WrongChain
            One is on another; names it.
        """
        for endpoint in self._endpoints:
            try:
                await self._require_chain(endpoint)
            except NodeError as error:
                endpoint.set_aside(error)

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Return the result of one call, of the first node that has one.

        Raises
        ------
        NodeError
            As `Rpc.call`, where no node has.
        WrongChain
            A node is on another chain than the others.
        """
        (outcome,) = await self.batch([(method, params)], return_errors=True)
        if isinstance(outcome, RpcError):
            raise outcome
        return outcome

    async def batch(self, calls: Sequence[Call], *, return_errors: bool = False) -> list[Any]:
        """Return the results of many calls, in their order, each of the first node that has one.

        Raises
        ------
        NodeError
            As `Rpc.batch`, where no node has.
        WrongChain
            A node is on another chain than the others.
        """
        found: dict[int, Any] = {}
        wanted = list(range(len(calls)))

        async def ask(endpoint: _Endpoint) -> bool:
            for i, outcome in (await endpoint.outcomes(calls, wanted)).items():
                if i not in found or not _is_elsewhere(calls[i][0], outcome):
                    found[i] = outcome
            wanted[:] = [i for i in wanted if _is_elsewhere(calls[i][0], found[i])]
            return not wanted

        once = not all(is_repeatable(method) for method, _ in calls)
        failures = await self._ask_in_turn(ask, once=once) if calls else []
        if len(found) < len(calls):
            raise _asked_alone(failures[0]) if once and len(self._trusted()) > 1 else _worst(failures)
        outcomes = [found[i] for i in range(len(calls))]
        if not return_errors:
            for outcome in outcomes:
                if isinstance(outcome, RpcError):
                    raise outcome
        return outcomes

    async def verified(self, ask: Callable[[Rpc], Awaitable[_T]]) -> _T:
        """Return what ``ask`` makes of one node's answers, of the first node with which it does not fail.

        Raises
        ------
        ProofError, NonCanonicalTrie
            What no node proves, and one got wrong: of the first that did.
        NodeError, AnchorError
            No node serves it, or each has another block than the anchor.
        WrongChain
            A node is on another chain than the others.
        """
        found: list[_T] = []

        async def ask_one(endpoint: _Endpoint) -> bool:
            found.append(await ask(endpoint.rpc))
            return True

        failures = await self._ask_in_turn(ask_one, spares=False)
        if found:
            return found[0]
        raise _worst(failures)

    async def _ask_in_turn(
        self, ask: Callable[[_Endpoint], Awaitable[bool]], *, once: bool = False, spares: bool = True
    ) -> list[SmartSyncError]:
        """Ask one node after the other until ``ask`` says that it is enough, and return what failed until then.

        Those left aside come last; with ``spares`` they are not asked where another one has answered, if only that it
        does not have it: what is not there yet is asked for again and again. With ``once`` no other is asked where it
        is not known whether the first did what was asked.
        """
        failures: list[SmartSyncError] = []
        for attempt in itertools.count(1):
            answered = False
            for endpoint in self._in_turn():
                if spares and answered and endpoint.is_aside:
                    continue
                try:
                    await self._require_chain(endpoint)
                    done = await ask(endpoint)
                    if not endpoint.is_aside:
                        endpoint.answered()
                    answered = True
                    if done:
                        return failures
                except IncompleteSlots:
                    raise
                except (ProofError, NonCanonicalTrie) as error:
                    self._distrust(endpoint, error)
                    failures.append(error)
                    answered = True
                except (RpcError, AnchorError) as error:
                    failures.append(error)
                    answered = True
                except NodeError as error:
                    if not _is_answer(error):
                        endpoint.set_aside(error)
                    answered = answered or _is_answer(error)
                    failures.append(error)
                    if once:
                        return failures
            if answered or once or attempt == _ROUNDS:
                return failures
            await asyncio.sleep(_BACKOFF_S * attempt)
        raise AssertionError("unreachable")

    def _trusted(self) -> list[_Endpoint]:
        return [endpoint for endpoint in self._endpoints if not endpoint.lied] or self._endpoints

    def _in_turn(self) -> Iterator[_Endpoint]:
        """Yield the nodes to ask, those left aside last."""
        endpoints = self._trusted()
        first = [endpoint for endpoint in endpoints if not endpoint.is_aside]
        yield from first
        yield from (endpoint for endpoint in endpoints if endpoint not in first)

    def _distrust(self, endpoint: _Endpoint, error: SmartSyncError) -> None:
        endpoint.distrusted_until = time.monotonic() + _REMEMBERED_S
        logger.warning(
            "%s answered what does not verify, and is not asked again while another node answers: %s",
            endpoint.rpc.host,
            error.message,
        )

    async def _require_chain(self, endpoint: _Endpoint) -> None:
        """Check that a node is on the chain of the others, before it is asked anything else."""
        if endpoint.chain_id is None:
            endpoint.chain_id = answers.quantity(await endpoint.rpc.call("eth_chainId"), "chain id")
        if self._chain_id is None:
            self._chain_id = endpoint.chain_id
        if endpoint.chain_id != self._chain_id:
            raise WrongChain(self._role, endpoint.rpc.host, self._chain_id, endpoint.chain_id)


def _is_elsewhere(method: str, outcome: object) -> bool:
    """Whether another node may have what this one has not."""
    if isinstance(outcome, RpcError):
        return isinstance(outcome, MethodMissing) or is_of_load(outcome) or unavailable(outcome, "") is not None
    return outcome is None and method in _FINDS


def _is_answer(error: NodeError) -> bool:
    """Whether a node answered, if only that it does not have the block: that is no reason to leave it aside."""
    return isinstance(error, (RpcError, BlockUnavailable))


def _worst(failures: Sequence[SmartSyncError]) -> SmartSyncError:
    """Return the failure to tell of: a lie before a refusal, a refusal before silence; the others are in its hint."""
    first = min(failures, key=_weight)
    others = "; ".join(dict.fromkeys(error.message for error in failures if error.message != first.message))
    if others:
        first.hint = f"{first.hint}; of other nodes: {others}" if first.hint else f"of other nodes: {others}"
    return first


def _asked_alone(error: SmartSyncError) -> SmartSyncError:
    """Return a failure with why none of the other nodes stood in: they might do once more what has been done."""
    why = "no other node was asked, for it is not known whether this one did what it was asked for"
    error.hint = f"{error.hint}; {why}" if error.hint else why
    return error


def _weight(error: SmartSyncError) -> int:
    if isinstance(error, (ProofError, NonCanonicalTrie)):
        return 0
    return 2 if isinstance(error, NodeUnreachable) else 1
