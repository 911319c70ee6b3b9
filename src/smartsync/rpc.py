"""JSON-RPC over HTTP: batches, time-outs, and retries where a retry can help.

The transport is aiohttp, as in web3.py, and not web3.py's own ``AsyncHTTPProvider``: that one (8.0) opens a connection
per request, drops the JSON-RPC error inside an answer of HTTP status 4xx (where hosted nodes put it), does not notice
that a batch's answer lacks a call, and logs the endpoint with its path, which is where hosted nodes have their key.

Source: JSON-RPC 2.0; EIP-1474 for the error codes.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp

from smartsync.errors import ConfigError, NodeError, NodeUnreachable, RpcError
from smartsync.exchange import Exchange, Fault, Observe
from smartsync.node_errors import LIMITED, may_pass, may_pass_alone, rpc_error
from smartsync.url_secrets import without_secrets_of

Call = tuple[str, Sequence[Any]]
"""A method and its parameters."""

TOO_LARGE = 413
"""HTTP's status, and the code of the RpcError where a node's gateway refuses by it without JSON-RPC."""

_BACKOFF_S = 0.25
_MAX_WAIT_S = 30.0
_TRANSIENT_STATUS = frozenset({429, 502, 503, 504})
_MAX_NESTING = 500
_MAX_BODY = 256 * 1024 * 1024
_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]', re.S)
_NESTS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_TOO_OFTEN, _GATEWAY_TIMEOUT = 429, 504
_REFUSES_BATCH = frozenset({400, TOO_LARGE, 500})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ONCE = re.compile(r"eth_(sendTransaction|sign)|debug_set")
_REPEATABLE = re.compile(r"(eth|net|web3|debug|trace|rpc|txpool|erigon|ots)_")


class _Transient(Exception):
    """The exchange failed in a way that may pass. ``unsent`` where the node surely did nothing."""

    def __init__(
        self, text: str, kind: Fault, *, unsent: bool = False, wait_s: float = 0.0, timed_out: bool = False
    ) -> None:
        super().__init__(text)
        self.text, self.kind, self.unsent, self.wait_s, self.timed_out = text, kind, unsent, wait_s, timed_out


class JsonRpc(Protocol):
    """What a chain is read by: one node (`Rpc`), or several (`smartsync.failover`)."""

    @property
    def host(self) -> str:
        """The host, for messages."""

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Return the result of one call, as `Rpc.call`."""

    async def batch(self, calls: Sequence[Call], *, return_errors: bool = False) -> list[Any]:
        """Return the results of many calls, as `Rpc.batch`."""

    async def aclose(self) -> None:
        """Close the connections."""


class Rpc:
    """One node. Use it as an async context manager, or close it with `aclose`.

    Parameters
    ----------
    url
        ``http://`` or ``https://``. Only its host is ever shown or logged: hosted nodes have their key in the path.
    timeout_s
        Seconds for one exchange.
    retries
        How often an exchange that failed in a way that may pass is repeated, waiting twice as long each time; once
        where it took too long. A call that is not safe to repeat is repeated only where the node surely did nothing.
    batch_size
        Calls in one request. Halved for good where the node refuses a batch or does not answer all of it.
    repeats_timeouts
        Whether what took too long is repeated, too: not where another node can be asked instead.
    advice
        The hint where it does not answer.
    observe
        Is told of each request.

    Raises
    ------
    ConfigError
        Where ``url`` is not an HTTP url.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 30.0,
        retries: int = 3,
        batch_size: int = 100,
        repeats_timeouts: bool = True,
        advice: str = "check that the node runs and that its url is right",
        observe: Observe | None = None,
    ) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("a node's url must start with http:// or https:// and name a host")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.host = f"{host}:{port}" if port else host
        self._url, self._timeout_s, self._retries = url, timeout_s, retries
        self._batch_size, self._repeats_timeouts = max(1, batch_size), repeats_timeouts
        self._advice, self._observe = advice, observe
        self._ids = itertools.count(1)
        self._plain = without_secrets_of(url)
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"Rpc({self.host})"

    async def __aenter__(self) -> Rpc:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. The next call would open new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Return the result of one call, as the node's JSON says it.

        Raises
        ------
        NodeUnreachable
            No answer in time, or none that can be used, after all retries.
        MethodMissing
            The node does not have the method.
        RpcError
            The node answered with another error.
        NodeError
            The answer is not JSON-RPC.
        """
        outcome = await self._single((method, params))
        if isinstance(outcome, RpcError):
            raise outcome
        return outcome

    async def batch(self, calls: Sequence[Call], *, return_errors: bool = False) -> list[Any]:
        """Return the results of many calls, in their order.

        Parameters
        ----------
        calls
            Any number; sent in requests of the batch size.
        return_errors
            Whether an ``RpcError`` takes the place of a result that the node refused; else the first one is raised.

        Raises
        ------
        NodeError
            As in `call`.
        """
        outcomes: list[Any] = []
        while len(outcomes) < len(calls):
            chunk = calls[len(outcomes) : len(outcomes) + self._batch_size]
            outcomes += await self._chunk(chunk)
            if not return_errors:
                for outcome in outcomes[-len(chunk) :]:
                    if isinstance(outcome, RpcError):
                        raise outcome
        return outcomes

    async def _single(self, call: Call) -> Any:
        request = self._request(call)
        answer = await self._exchange(request, call[0], repeatable=is_repeatable(call[0]))
        if isinstance(answer, list) and len(answer) == 1:
            answer = answer[0]
        return self._outcome(call[0], answer)

    async def _chunk(self, calls: Sequence[Call]) -> list[Any]:
        """Send calls as one request and return their outcomes: results or RpcErrors."""
        if len(calls) == 1:
            return [await self._single(calls[0])]
        requests = [self._request(call) for call in calls]
        name = f"batch of {len(calls)} calls"
        repeatable = all(is_repeatable(method) for method, _ in calls)
        answer = await self._exchange(requests, name, repeatable=repeatable)
        by_id = {item.get("id"): item for item in answer if _has_plain_id(item)} if isinstance(answer, list) else {}
        answers = [by_id.get(request["id"]) for request in requests]
        if any(item is None for item in answers):
            if not repeatable:
                raise NodeError(f"{self.host} did not answer every call of a {name}")
            half = len(calls) // 2
            self._batch_size = min(self._batch_size, half)
            return await self._chunk(calls[:half]) + await self._chunk(calls[half:])
        return [
            await self._single(call) if repeatable and may_pass_alone(item) else self._outcome(call[0], item)
            for call, item in zip(calls, answers, strict=True)
        ]

    def _request(self, call: Call) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": call[0], "params": list(call[1])}

    def _outcome(self, method: str, answer: object) -> Any:
        """Return the result that an answer holds, or the RpcError that it is."""
        if not isinstance(answer, Mapping):
            raise NodeError(
                f"{method}: {self.host} answered something that is not JSON-RPC: {self._plain(answer)[:120]}"
            )
        error = answer.get("error")
        if error is not None:
            return rpc_error(method, error, self.host, self._plain)
        if "result" not in answer:
            raise NodeError(f"{method}: {self.host} answered neither a result nor an error")
        return answer["result"]

    async def _exchange(self, payload: object, name: str, *, repeatable: bool) -> Any:
        """Post a request, again and again while that can help, and return the JSON answer (None: a batch refused)."""
        for attempt in itertools.count():
            wait_s = _BACKOFF_S * 2**attempt
            try:
                answer = await self._post(payload, name)
                if attempt == self._retries or not repeatable or not may_pass(answer):
                    return answer
            except _Transient as failure:
                # What took so long twice is not a matter of luck.
                slow = isinstance(failure.__cause__, TimeoutError)
                in_vain = slow and (attempt > 0 or not self._repeats_timeouts)
                if attempt == self._retries or in_vain or not (repeatable or failure.unsent):
                    raise NodeUnreachable(
                        f"{name}: {self.host}: {failure.text}" + (f" ({attempt + 1} attempts)" if attempt else ""),
                        hint=LIMITED if failure.kind == "rate-limited" else self._advice,
                        timed_out=failure.timed_out,
                        wait_s=min(failure.wait_s, _MAX_WAIT_S),
                        limited=failure.kind == "rate-limited",
                    ) from failure.__cause__
                wait_s = max(wait_s, min(failure.wait_s, _MAX_WAIT_S))
            await asyncio.sleep(wait_s)

    async def _post(self, payload: object, name: str) -> Any:
        """Post once, and tell of it; not where it was called off."""
        began, calls = time.monotonic(), len(payload) if isinstance(payload, list) else 1

        def tell(fault: Fault | None) -> None:
            if self._observe is not None:
                self._observe(Exchange(self.host, calls, time.monotonic() - began, fault))

        try:
            answer = await self._answer(payload, name)
        except (_Transient, NodeError) as error:
            tell(error.kind if isinstance(error, _Transient) else "invalid")
            raise
        items = answer if isinstance(answer, list) else [answer]
        tell("rate-limited" if any(map(may_pass, items)) else None)
        return answer

    async def _answer(self, payload: object, name: str) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout_s))
        try:
            # A redirection could lead anywhere, also into the network that this runs in; and it turns POST into GET.
            async with self._session.post(self._url, json=payload, allow_redirects=False) as response:
                status, wait = response.status, response.headers.get("Retry-After", "")
                body = await self._body(response, name)
        except aiohttp.ClientConnectorError as error:
            raise _Transient(
                f"cannot connect: {error.strerror or error.os_error}", "unreachable", unsent=True
            ) from error
        except TimeoutError as error:
            raise _Transient(f"no answer within {self._timeout_s:g} s", "timed-out", timed_out=True) from error
        except (aiohttp.ClientError, OSError) as error:
            raise _Transient(f"the connection failed: {type(error).__name__}", "broken") from error
        if status in _TRANSIENT_STATUS:
            is_limit = status == _TOO_OFTEN
            raise _Transient(
                f"HTTP status {status}" + (", too many requests" if is_limit else ""),
                "rate-limited" if is_limit else "gateway",
                unsent=is_limit,
                wait_s=_seconds(wait),
                timed_out=status == _GATEWAY_TIMEOUT,
            )
        if status in _REDIRECTS:
            raise NodeError(
                f"{name}: {self.host} answered with a redirection (HTTP status {status}), which is not followed",
                hint="give the url that it leads to; often that is https:// instead of http://",
            )
        answer = _parsed(body)
        if answer is None or (status >= 400 and not _is_json_rpc(answer)):
            if isinstance(payload, list) and status in _REFUSES_BATCH:
                return None
            if status == TOO_LARGE:
                return {"error": {"code": TOO_LARGE, "message": "HTTP status 413: request or answer too large"}}
            what = (
                f"HTTP status {status}"
                if status >= 400
                else f"no JSON: {self._plain(body.decode('latin-1')).encode('latin-1')[:60]!r}"
            )
            raise NodeError(f"{name}: {self.host} answered {what}", hint="check the node's url and key")
        return answer

    async def _body(self, response: aiohttp.ClientResponse, name: str) -> bytes:
        """Return what a node sent, unpacked, as long as that is no more than any answer has to be."""
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > _MAX_BODY:
                raise NodeError(f"{name}: {self.host} answered more than {_MAX_BODY} bytes")
        return bytes(body)


def _parsed(body: bytes) -> Any:
    """Return what a JSON text says, or None where it is none, or nested so deep that it can only be an attack.

    Python's parser recurses in C. Its own guard is the recursion limit, which py_ecc (it comes with eth-account) sets
    so high that the stack is at its end first: the process would die of some ten thousand brackets.
    """
    depth = 0
    if body.count(b"[") + body.count(b"{") > _MAX_NESTING:
        for token in _TOKENS.finditer(body):
            depth += _NESTS.get(body[token.start()], 0)
            if depth > _MAX_NESTING:
                return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def is_repeatable(method: str) -> bool:
    """Whether calling twice is the same as calling once. Sending one raw transaction twice is: it has one nonce."""
    return _REPEATABLE.match(method) is not None and _ONCE.match(method) is None


def _has_plain_id(item: object) -> bool:
    return isinstance(item, Mapping) and isinstance(item.get("id"), int)


def _is_json_rpc(answer: object) -> bool:
    first = answer[0] if isinstance(answer, list) and answer else answer
    return isinstance(first, Mapping) and ("error" in first or "result" in first)


def _seconds(header: str) -> float:
    """Return the seconds of a Retry-After header; 0 where it holds a date or nothing."""
    return float(header) if header.isascii() and header.isdigit() else 0.0
