"""Signing in with a browser."""

from __future__ import annotations

import logging

import pytest

from smartsync.dashboard.access import COOKIE
from smartsync.dashboard.sign_in import own_path
from tests.unit.dashboard.conftest import SECRET, Serving

BROWSER = {"Accept": "text/html"}


async def test_sign_in_right_token_leads_back_with_a_cookie(serving: Serving) -> None:
    async with serving() as client:
        form = {"token": SECRET, "next": "/?page=2"}
        async with client.post("/sign-in", data=form, headers=BROWSER, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/?page=2")
            cookie = answer.cookies[COOKIE]
            assert cookie["httponly"] and cookie["samesite"] == "Strict" and cookie["path"] == "/"
            assert not cookie["secure"] and SECRET not in cookie.value
        async with client.get("/", headers=BROWSER) as answer:
            assert answer.status == 200 and "all replicas" in await answer.text()
        async with client.post("/sign-out", headers=BROWSER, allow_redirects=False) as answer:
            assert answer.status == 303
        async with client.get("/", headers=BROWSER) as answer:
            assert answer.status == 401


async def test_sign_in_behind_tls_makes_a_cookie_for_tls_only(serving: Serving) -> None:
    asked = {"data": {"token": SECRET}, "headers": {"X-Forwarded-Proto": "https"}}
    async with serving() as client, client.post("/sign-in", **asked, allow_redirects=False) as answer:
        assert answer.cookies[COOKIE]["secure"]


@pytest.mark.parametrize("body", ["", "token=", "token=another-token-of-some-length", "token=%ff", "token=%ed%a0%80"])
async def test_sign_in_wrong_token_says_so(serving: Serving, body: str) -> None:
    headers = BROWSER | {"Content-Type": "application/x-www-form-urlencoded"}
    async with serving() as client, client.post("/sign-in", data=body, headers=headers) as answer:
        assert answer.status == 401 and not answer.cookies
        assert 'role="alert"' in await answer.text()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=a", b"x"),
        (
            "multipart/form-data; boundary=a",
            b'--a\r\nContent-Disposition: form-data; name="token"\r\nContent-Transfer-Encoding: b\r\n\r\n--a--\r\n',
        ),
        ("application/x-www-form-urlencoded; charset=none-such", b"token=x"),
        ("application/x-www-form-urlencoded", b"\xff\xfe"),
    ],
)
async def test_sign_in_what_is_no_form_is_refused_without_a_line_in_the_log(
    serving: Serving, caplog: pytest.LogCaptureFixture, kind: str, body: bytes
) -> None:
    """Whoever has no token must not be able to fill the log."""
    headers = {"Content-Type": kind}
    async with serving() as client, client.post("/sign-in", data=body, headers=headers) as answer:
        assert answer.status == 400 and not answer.cookies
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


async def test_sign_in_where_no_token_is_needed_leads_on(serving: Serving) -> None:
    async with serving(token=None) as client:
        async with client.get("/sign-in", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/")
        async with client.post("/sign-in", data={}, allow_redirects=False) as answer:
            assert answer.status == 303 and not answer.cookies


@pytest.mark.parametrize("to", [
    "//evil.example", "https://evil.example", "/\\evil.example", "\\/evil.example", "/\t/evil.example", "javascript:x",
    "/ /evil.example", "", None, "evil", "/\n//evil.example", "/é",
])  # fmt: skip
async def test_sign_in_leads_nowhere_else(serving: Serving, to: str | None) -> None:
    assert own_path(to) == "/"
    if to is not None:
        async with serving() as client:
            form = {"token": SECRET, "next": to}
            async with client.post("/sign-in", data=form, allow_redirects=False) as answer:
                assert answer.headers["Location"] == "/"


async def test_form_writes_a_hostile_path_as_text(serving: Serving) -> None:
    path = "/%22%3E%3Cscript%3Ealert(1)%3C/script%3E?a=%22'<>"
    async with serving() as client, client.get(path, headers=BROWSER) as answer:
        text = await answer.text()
    assert answer.status == 401 and "<script" not in text and "'<>" not in text
