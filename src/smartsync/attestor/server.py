"""The HTTP face of an attestor: its signatures, for relayers who need not be trusted.

What is served can be checked by anybody and changes nothing by being served, so that the worst that a stranger can do
is to ask often. Against that: each answer is worked out once for all who ask, and so many heights in a second.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import traceback
from collections.abc import Awaitable, Callable

from aiohttp import web

from smartsync.anchors.asking import TOKEN
from smartsync.anchors.documents import encode_signed
from smartsync.attestor.service import Attested, Attestor, Look
from smartsync.attestor.sharing import Budget, Shared
from smartsync.document import to_json
from smartsync.errors import (
    AnchorError,
    AnchorMismatch,
    AttestorStopped,
    ConfigError,
    NodeError,
    NotAttestable,
    ProofError,
    ReplicaError,
    SmartSyncError,
)

logger = logging.getLogger(__name__)


DEFAULT_LISTEN = "127.0.0.1:8650"

TOKEN_ADVICE = (
    "and give it to your relayers. Without a token the attestor serves this machine only: --listen " + DEFAULT_LISTEN
)
"""Where a token is missing, or too short."""

_NEWEST = -1
_MAX_DIGITS = 20
_HEIGHTS_AT_ONCE = 30
_HEIGHTS_PER_S = 2.0
_MAX_BODY = 1024
_STATUS_WITHIN_S = 5.0

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Serves an attestor.

    Parameters
    ----------
    token
        What callers must show; None where everybody may ask.
    version
        Of this software, for the status.
    fresh_s
        Seconds for which an answer is given again instead of being worked out anew.
    """

    def __init__(self, attestor: Attestor, *, token: str | None, version: str, fresh_s: float = 2.0) -> None:
        self._attestor, self._version = attestor, version
        self._token = None if token is None else token.encode("ascii")
        self._looks: Shared[str, Look] = Shared(lambda _: attestor.look(), fresh_s)
        self._attestations: Shared[int, Attested] = Shared(
            lambda number: attestor.attest(None if number == _NEWEST else number), fresh_s
        )
        self._revocations: Shared[str, Attested] = Shared(lambda _: attestor.revocation(), fresh_s)
        self._heights = Budget(_HEIGHTS_AT_ONCE, _HEIGHTS_PER_S)

    def application(self) -> web.Application:
        """Return the service."""
        application = web.Application(middlewares=[self._guarded], client_max_size=_MAX_BODY)
        handlers = {
            "/": self._index,
            "/v1/status": self._status,
            "/v1/attestations/latest": self._latest,
            "/v1/attestations/{number}": self._numbered,
            "/v1/revocation": self._revocation,
        }
        for path, handler in handlers.items():
            application.router.add_get(path, handler, allow_head=False)
        self._paths = [path for path in handlers if path != "/"]
        application.on_cleanup.append(self._close)
        return application

    async def look(self) -> Look:
        """Return how the attestor stands, asked anew now and then only."""
        return await self._looks.get("")

    async def _index(self, _: web.Request) -> web.Response:
        return web.json_response({"service": "smartsync attestor", "version": self._version, "paths": self._paths})

    async def _status(self, _: web.Request) -> web.Response:
        try:
            look = await asyncio.wait_for(self.look(), _STATUS_WITHIN_S)
        except TimeoutError:
            told = f"a node takes longer than {_STATUS_WITHIN_S:g} s to answer"
            look = Look("waiting", told, hint="see to the nodes, of the source chain and of the target chain")
        attestor, (chain_id, genesis_hash) = self._attestor, self._attestor.following.source
        return web.json_response(
            {
                "signer": attestor.signer,
                "anchor": attestor.anchor,
                "target_chain_id": attestor.target_chain_id,
                "source_chain_id": chain_id,
                "source_genesis_hash": to_json(genesis_hash),
                "follow": attestor.following.follow,
                "state": look.state,
                "reason": look.reason,
                "hint": look.hint,
                "newest": None if look.number is None else {"number": look.number, "hash": to_json(look.block_hash)},
                "version": self._version,
            }
        )

    async def _latest(self, _: web.Request) -> web.Response:
        return _document(await self._attestations.get(_NEWEST))

    async def _numbered(self, request: web.Request) -> web.Response:
        text = request.match_info["number"]
        if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and int(text) < 2**64):
            return _refusal(400, "BadNumber", "a block's number is decimal digits, and below 2^64", "correct the path")
        number = int(text)
        if not self._attestations.has(number):
            look = await self.look()
            if look.number is not None and number > look.number:
                raise NotAttestable(
                    f"block {number} cannot be attested yet, the newest one that can is block {look.number}",
                    hint="wait, or ask for an older block",
                )
            # The newest costs nothing: it is what relayers are after, and nobody is to keep it from them.
            if number != look.number and not self._heights.take():
                return _refusal(
                    429, "TooManyRequests", "too many different blocks were asked for", "ask again in a few seconds"
                )
        return _document(await self._attestations.get(number))

    async def _revocation(self, _: web.Request) -> web.Response:
        return _document(await self._revocations.get(""))

    @web.middleware
    async def _guarded(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Ask for the token, and turn every error into JSON."""
        if not self._is_allowed(request):
            answer = _refusal(
                401,
                "Unauthorized",
                "the token is missing or wrong",
                f"ask the attestor's operator for it, and send it as Authorization: Bearer TOKEN; smartsync does, with "
                f"the environment variable {TOKEN}",
            )
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        try:
            return await handler(request)
        except SmartSyncError as error:
            told = error.as_dict()
            del told["exit_code"]  # of a command, which this is not
            return web.json_response(to_json(told), status=_status_of(error))
        except web.HTTPException as error:
            answer = _refusal(error.status, "NotServed", error.reason, "GET / lists what is served; GET only")
            answer.headers.update({name: error.headers[name] for name in ("Allow",) if name in error.headers})
            return answer
        except Exception as error:
            # Its text may hold anything, also the path of a node's url: where it happened has to do, for the log too.
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error("unexpected %s\n%s", type(error).__name__, where)
            return _refusal(500, "UnexpectedError", "the attestor failed", "its operator finds more in its log")

    def _is_allowed(self, request: web.Request) -> bool:
        if self._token is None:
            return True
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        same = hmac.compare_digest(shown.strip().encode("utf-8", "surrogateescape"), self._token)
        return same and scheme.lower() == "bearer"

    async def _close(self, _: web.Application) -> None:
        await self._looks.aclose()
        await self._attestations.aclose()
        await self._revocations.aclose()


def _document(attested: Attested) -> web.Response:
    return web.json_response(encode_signed(attested.terms, attested.statement, attested.signed))


def _refusal(status: int, error: str, message: str, hint: str) -> web.Response:
    told = {"error": error, "message": message, "hint": hint, "retryable": status in (429, 503)}
    return web.json_response(told, status=status)


def _status_of(error: SmartSyncError) -> int:
    if isinstance(error, NotAttestable):
        return 404
    # What a node causes, whichever kind it is of: nobody who asks can. Among them are a node that is on another chain
    # now, one that does not know which block is finalized, one that shows no anchor; and a record that cannot be read.
    if isinstance(error, (NodeError, ConfigError, ProofError, ReplicaError, AnchorMismatch, AttestorStopped)):
        return 503
    return 409 if isinstance(error, AnchorError) else 500
