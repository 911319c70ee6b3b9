"""Who may see a relayer."""

from __future__ import annotations

import pytest

from smartsync.dashboard.access import COOKIE, SESSION_S, Access

SECRET = "a-token-of-some-length"


def bearer(token: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"Authorization": f"{scheme} {token}"}


@pytest.mark.parametrize("headers", [bearer(SECRET), bearer(SECRET, "bearer"), bearer(f" {SECRET} ")])
def test_is_signed_in_token_shown_passes(headers: dict[str, str]) -> None:
    assert Access(SECRET).is_signed_in(headers, {})


@pytest.mark.parametrize("headers", [
    {}, bearer(""), bearer(SECRET[:-1]), bearer(SECRET + "x"), bearer(SECRET.upper()), bearer(SECRET, "Basic"),
    bearer("\udcff"), bearer("\ud800"), {"Authorization": SECRET},
])  # fmt: skip
def test_is_signed_in_token_missing_or_wrong_refused(headers: dict[str, str]) -> None:
    assert not Access(SECRET).is_signed_in(headers, {})


def test_is_signed_in_no_token_needed_passes() -> None:
    assert Access(None).is_signed_in({}, {}) and not Access(None).needs_token


def test_is_token_where_there_is_none_is_false() -> None:
    assert not Access(None).is_token("")


def test_session_ends_by_itself_and_with_the_token() -> None:
    now = [1_800_000_000.0]
    access = Access(SECRET, lambda: now[0])
    cookie = access.session()
    assert SECRET not in cookie
    assert access.is_signed_in({}, {COOKIE: cookie})
    assert not Access(SECRET + "x", lambda: now[0]).is_signed_in({}, {COOKIE: cookie})
    now[0] += SESSION_S - 1
    assert access.is_signed_in({}, {COOKIE: cookie})
    now[0] += 1
    assert not access.is_signed_in({}, {COOKIE: cookie})


def test_session_that_was_made_longer_is_refused() -> None:
    access = Access(SECRET)
    ends, _, seal = access.session().partition(".")
    for forged in (
        f"{int(ends) + 1}.{seal}",
        f"{ends}.",
        ends,
        "",
        ".",
        f"{ends}.{seal[:-1]}0x",
        f"٣.{seal}",
        "9" * 30,
    ):
        assert not access.is_signed_in({}, {COOKIE: forged}), forged


@pytest.mark.parametrize("host", [
    "127.0.0.1", "127.0.0.1:8600", "127.9.9.9:1", "localhost", "LOCALHOST:8600", "[::1]", "[::1]:8600",
])  # fmt: skip
def test_is_host_of_this_machine_passes(host: str) -> None:
    assert Access(None).is_host(host)


@pytest.mark.parametrize("host", [
    "", "rebound.example", "rebound.example:8600", "localhost.example", "127.0.0.1.example:8600", "192.0.2.1:8600",
    "[2001:db8::1]:8600", "0.0.0.0:8600", ":8600", "localhost:8600@rebound.example",
])  # fmt: skip
def test_is_host_of_another_name_refused_without_a_token(host: str) -> None:
    assert not Access(None).is_host(host)
    assert Access(SECRET).is_host(host), "a reverse proxy's name: there the token is asked for"
