"""What stands before every page: who may see it, and what its browser may do with it."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from smartsync.dashboard.access import Access
from smartsync.dashboard.sign_in import add_sign_in, sign_in_page
from smartsync.errors import SmartSyncError
from smartsync.relayer.variables import TOKEN

logger = logging.getLogger(__name__)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SIGNED_IN = web.RequestKey("signed_in", bool)
"""Whether whoever asks may see everything."""

OPEN = frozenset({"/healthz", "/readyz", "/sign-in", "/sign-in.css"})
"""Paths that are answered without the token; how much, is up to their handlers, by `SIGNED_IN`."""

CONTENT_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; img-src 'self'"
)
"""What a page may load: files of its own, and nothing that stands in it as a script or a style."""

_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "smartsync",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_OWN = ("same-origin", "none")
"""What a browser says in ``Sec-Fetch-Site`` of what a page of ours, or the visitor himself, asks for."""


def guard(application: web.Application, access: Access) -> None:
    """Give an application the middleware and the headers; before it starts."""
    application.middlewares.append(_guarded(access))
    application.on_response_prepare.append(_with_headers)
    add_sign_in(application, access)


def _guarded(access: Access) -> Middleware:
    @web.middleware
    async def guarded(request: web.Request, handler: _Handler) -> web.StreamResponse:
        if not access.is_host(request.headers.get("Host", "")):
            hint = f"ask for it as localhost or 127.0.0.1; under another name it is served with a token ({TOKEN}) only"
            return refusal(request, 421, "WrongHost", "this relayer has no such name", hint)
        if not _is_of_this_site(request):
            return refusal(request, 403, "CrossSite", "another site's page asked for this", "sign in on this page")
        request[SIGNED_IN] = access.is_signed_in(request.headers, request.cookies)
        if not request[SIGNED_IN] and request.path not in OPEN:
            return _unauthorized(request)
        return await _answered(request, handler)

    return guarded


def _is_of_this_site(request: web.Request) -> bool:
    """Whether no other site's page asks for this behind its visitor's back; a link to a page of ours may be there.

    Where no token is needed, such a page could have nodes asked for as many transactions as it has pictures.
    """
    headers = request.headers
    is_link = headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document"
    is_read = request.method in ("GET", "HEAD")
    return headers.get("Sec-Fetch-Site", "none") in _OWN or (is_read and is_link)


async def _answered(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Turn every error into an answer that tells no more than its reader may know."""
    try:
        return await handler(request)
    except SmartSyncError as error:
        return refusal(request, 503 if error.retryable else 500, type(error).__name__, error.message, error.hint)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        answer = refusal(request, error.status, "NotServed", error.reason, "look at / for what there is")
        answer.headers.update({name: error.headers[name] for name in ("Allow",) if name in error.headers})
        return answer
    except Exception as error:
        # Its text may hold anything, also the path of a node's url: where it happened has to do, for the log too.
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error("the web page failed: unexpected %s\n%s", type(error).__name__, where)
        return refusal(request, 500, "UnexpectedError", "this page failed", "the relayer's log has more")


def _unauthorized(request: web.Request) -> web.Response:
    if wants_page(request):
        return sign_in_page(request.rel_url, status=401)
    hint = f"send the relayer's token ({TOKEN}) as Authorization: Bearer TOKEN; browsers sign in at /sign-in"
    answer = refusal(request, 401, "Unauthorized", "the token is missing or wrong", hint)
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def wants_page(request: web.Request) -> bool:
    """Whether whoever asks is a person with a browser."""
    return "text/html" in request.headers.get("Accept", "")


def refusal(request: web.Request, status: int, error: str, message: str, hint: str) -> web.Response:
    """Return an error: as text for people, else as JSON."""
    if wants_page(request):
        return web.Response(status=status, text=f"{message}\n{hint}\n")
    return web.json_response({"error": error, "message": message, "hint": hint}, status=status)


async def _with_headers(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS.items():
        response.headers[name] = value
    # What is seen here is of now, and not for whoever has the browser next.
    response.headers.setdefault("Cache-Control", "no-store")
