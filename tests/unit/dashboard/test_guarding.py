"""What stands before every page."""

from __future__ import annotations

import logging
import re

import pytest
from aiohttp import web

from smartsync.dashboard.guarding import CONTENT_POLICY
from smartsync.errors import NodeUnreachable, ReplicaError
from tests.unit.dashboard.conftest import SECRET, Serving

BEARER = {"Authorization": f"Bearer {SECRET}"}
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


async def test_page_token_shown_is_served(serving: Serving) -> None:
    async with serving() as client, client.get("/", headers=BEARER) as answer:
        assert answer.status == 200 and "all replicas" in await answer.text()


@pytest.mark.parametrize("path", ["/", "/metrics", "/nothing/here", "/sign-out", "//", "/healthz/", "/Sign-in"])
async def test_page_without_token_is_refused_whatever_it_is(serving: Serving, path: str) -> None:
    async with serving() as client, client.get(path) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        told = await answer.json()
        assert told["error"] == "Unauthorized" and "SMARTSYNC_RELAYER_TOKEN" in told["hint"]


async def test_page_token_in_the_url_is_not_taken(serving: Serving) -> None:
    async with serving() as client, client.get(f"/?token={SECRET}") as answer:
        assert answer.status == 401


async def test_page_without_token_shows_browsers_the_form(serving: Serving) -> None:
    async with serving() as client, client.get("/replicas/a?page=2", headers=BROWSER) as answer:
        text = await answer.text()
        assert answer.status == 401 and 'type="password"' in text and "all replicas" not in text
        assert 'value="/replicas/a?page=2"' in text


async def test_page_no_token_needed_is_served_under_this_machines_names_only(serving: Serving) -> None:
    async with serving(token=None) as client:
        async with client.get("/") as answer:
            assert answer.status == 200
        for host in ("rebound.example", "rebound.example:8600", ""):
            async with client.get("/", headers={"Host": host}) as answer:
                assert answer.status == 421 and (await answer.json())["error"] == "WrongHost"


@pytest.mark.parametrize(("path", "headers"), [("/", BEARER), ("/", {}), ("/nothing", BEARER), ("/sign-in.css", {})])
async def test_every_answer_has_the_headers(serving: Serving, path: str, headers: dict[str, str]) -> None:
    async with serving() as client, client.get(path, headers=headers) as answer:
        assert answer.headers["Content-Security-Policy"] == CONTENT_POLICY
        assert "unsafe" not in CONTENT_POLICY and "http" not in CONTENT_POLICY
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Server"] == "smartsync"
        assert "Cache-Control" in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_page_is_read_only(serving: Serving, method: str) -> None:
    async with serving() as client, client.request(method, "/", headers=BEARER) as answer:
        assert answer.status == 405 and answer.headers["Allow"] == "GET,HEAD"


async def test_post_by_another_sites_page_is_refused(serving: Serving) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    async with serving() as client, client.post("/sign-in", data={"token": SECRET}, headers=headers) as answer:
        assert answer.status == 403 and not answer.cookies


@pytest.mark.parametrize("token", [SECRET, None])
@pytest.mark.parametrize(
    ("site", "mode", "kind", "status"),
    [
        ("cross-site", "no-cors", "image", 403),
        ("same-site", "no-cors", "script", 403),
        ("cross-site", "navigate", "iframe", 403),
        ("cross-site", "cors", "empty", 403),
        ("cross-site", "navigate", "document", 200),
        ("same-origin", "cors", "empty", 200),
        ("none", "navigate", "document", 200),
    ],
)
async def test_get_by_another_sites_page_is_refused_but_for_a_link(
    serving: Serving, token: str | None, site: str, mode: str, kind: str, status: int
) -> None:
    """Where no token is needed, its pictures would have the relayer's nodes work."""
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": kind}
    async with serving(token=token) as client, client.get("/", headers=BEARER | headers) as answer:
        assert answer.status == status


async def test_failure_tells_nothing_of_itself(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    secret = "https://node.example/v3/key-in-the-path"

    def failing(app: web.Application) -> None:
        async def fail(_: web.Request) -> web.Response:
            raise ValueError(secret)

        app.router.add_get("/fails", fail)

    async with serving(failing) as client:
        for headers in (BEARER, BEARER | BROWSER):
            async with client.get("/fails", headers=headers) as answer:
                assert answer.status == 500 and "key-in" not in await answer.text()
    assert "unexpected ValueError" in caplog.text and "in fail" in caplog.text
    assert "key-in" not in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.ERROR}


@pytest.mark.parametrize(("error", "status"), [(NodeUnreachable("no answer"), 503), (ReplicaError("none such"), 500)])
async def test_error_of_our_own_is_told(serving: Serving, error: Exception, status: int) -> None:
    def failing(app: web.Application) -> None:
        async def fail(_: web.Request) -> web.Response:
            raise error

        app.router.add_get("/fails", fail)

    async with serving(failing) as client:
        async with client.get("/fails", headers=BEARER) as answer:
            assert answer.status == status and (await answer.json())["error"] == type(error).__name__
        async with client.get("/fails", headers=BEARER | BROWSER) as answer:
            assert answer.content_type == "text/plain" and str(error) in await answer.text()


async def test_body_that_is_large_is_refused(serving: Serving) -> None:
    async with serving() as client, client.post("/sign-in", data={"token": "x" * 10_000}) as answer:
        assert answer.status == 413


async def test_form_has_nothing_that_the_policy_forbids(serving: Serving) -> None:
    async with serving() as client:
        async with client.get("/sign-in", headers=BROWSER) as answer:
            text = await answer.text()
            assert answer.status == 200
        assert not re.search(r"<script|<style|style=|\son\w+=|https?:", text)
        (sheet,) = re.findall(r'href="([^"]+)"', text)
        async with client.get(sheet) as answer:
            assert answer.status == 200 and answer.content_type == "text/css"
