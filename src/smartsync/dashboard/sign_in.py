"""Signing in with a browser: a form that takes the token, and a cookie for whoever knows it."""

from __future__ import annotations

import html
from importlib.resources import files

from aiohttp import web
from yarl import URL

from smartsync.dashboard.access import COOKIE, SESSION_S, Access

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in – SmartSync relayer</title>
<link rel="stylesheet" href="/sign-in.css">
</head>
<body>
<main>
<h1>SmartSync relayer</h1>
<form method="post" action="/sign-in">
<input type="hidden" name="next" value="{next}">
<input type="text" autocomplete="username" value="relayer" hidden>
{problem}<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus{described}>
<button type="submit">Sign in</button>
</form>
<p>The token is the relayer's <code>SMARTSYNC_RELAYER_TOKEN</code>.</p>
</main>
</body>
</html>
"""
_WRONG = '<p id="problem" role="alert">That is not the token.</p>\n'


def add_sign_in(application: web.Application, access: Access) -> None:
    """Add ``/sign-in`` and ``/sign-out``."""

    async def show(request: web.Request) -> web.Response:
        if access.is_signed_in(request.headers, request.cookies):
            raise web.HTTPSeeOther("/")
        return sign_in_page(URL("/"), status=200)

    async def sign_in(request: web.Request) -> web.Response:
        try:
            form = await request.post()
        except (ValueError, LookupError, RuntimeError, web.RequestPayloadError):
            # Anybody may send anything here: that is nothing for the log.
            raise web.HTTPBadRequest(reason="this is no form") from None
        token, to = form.get("token"), URL(own_path(form.get("next")), encoded=True)
        if access.needs_token and not (isinstance(token, str) and access.is_token(token.strip())):
            return sign_in_page(to, status=401, is_wrong=True)
        answer = web.Response(status=303, headers={"Location": str(to)})
        if access.needs_token:
            is_secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
            answer.set_cookie(
                COOKIE, access.session(), max_age=SESSION_S, httponly=True, samesite="Strict", secure=is_secure
            )
        return answer

    async def sign_out(_: web.Request) -> web.Response:
        answer = web.Response(status=303, headers={"Location": "/sign-in"})
        answer.del_cookie(COOKIE, httponly=True, samesite="Strict")
        return answer

    async def style(_: web.Request) -> web.Response:
        sheet = files("smartsync.dashboard").joinpath("sign_in.css").read_text("utf-8")
        return web.Response(text=sheet, content_type="text/css", headers={"Cache-Control": "max-age=3600"})

    application.router.add_get("/sign-in", show)
    application.router.add_post("/sign-in", sign_in)
    application.router.add_post("/sign-out", sign_out)
    application.router.add_get("/sign-in.css", style)


def sign_in_page(to: URL, *, status: int, is_wrong: bool = False) -> web.Response:
    """Return the form.

    Parameters
    ----------
    to
        Where to go on afterwards: a url of this relayer's, only the path and the query of which count.
    """
    page = _PAGE.format(
        next=html.escape(own_path(str(to.relative() if to.is_absolute() else to))),
        problem=_WRONG if is_wrong else "",
        described=' aria-invalid="true" aria-describedby="problem"' if is_wrong else "",
    )
    return web.Response(status=status, text=page, content_type="text/html")


def own_path(to: object) -> str:
    """Return where to go on: a path of this relayer's, ``/`` for anything that could lead elsewhere."""
    if not isinstance(to, str) or not to.startswith("/") or to.startswith("//"):
        return "/"
    # Browsers take \ for /, and drop control characters, before they read a url.
    is_plain = to.isascii() and to.isprintable() and "\\" not in to and " " not in to
    return to if is_plain else "/"
