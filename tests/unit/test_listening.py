from __future__ import annotations

import pytest

from smartsync.errors import ConfigError
from smartsync.listening import Listen, parse_listen, require_token

DEFAULT = "127.0.0.1:8650"
TOKEN = "SMARTSYNC_SOME_TOKEN"
SECRET = "0123456789abcdef"


@pytest.mark.parametrize(("text", "listen", "is_loopback"), [
    ("127.0.0.1:8650", Listen("127.0.0.1", 8650), True),
    ("127.8.9.1:0", Listen("127.8.9.1", 0), True),
    ("localhost:80", Listen("localhost", 80), True),
    ("[::1]:8650", Listen("::1", 8650), True),
    ("0.0.0.0:8650", Listen("0.0.0.0", 8650), False),  # noqa: S104
    ("[::]:8650", Listen("::", 8650), False),
    ("10.0.0.7:8650", Listen("10.0.0.7", 8650), False),
    ("attestor.example:443", Listen("attestor.example", 443), False),
    ("127.0.0.1.example:443", Listen("127.0.0.1.example", 443), False),
])  # fmt: skip
def test_parse_listen_known(text: str, listen: Listen, is_loopback: bool) -> None:
    assert parse_listen(text, "--listen", DEFAULT) == listen
    assert parse_listen(text, "--listen", DEFAULT).is_loopback == is_loopback


@pytest.mark.parametrize(
    "text", ["", "8650", ":8650", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:8650", "a:-1"]
)
def test_parse_listen_unknown_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--listen"):
        parse_listen(text, "--listen", DEFAULT)


@pytest.mark.parametrize("token", ["", "short", "x" * 15, "sixteen letters and spaces", "é" * 20, "tab\t" * 8])
def test_require_token_beyond_loopback_missing_or_weak_refused(token: str) -> None:
    with pytest.raises(ConfigError) as caught:
        require_token(Listen("0.0.0.0", 8650), {TOKEN: token}, TOKEN, "and give it to your relayers")  # noqa: S104
    assert TOKEN in caught.value.message
    assert not token or token not in caught.value.message


def test_require_token_loopback_needs_none_but_takes_one() -> None:
    home = Listen("127.0.0.1", 8650)
    assert require_token(home, {}, TOKEN, "and give it to your relayers") is None
    assert require_token(home, {TOKEN: SECRET}, TOKEN, "and give it to your relayers") == SECRET
    with pytest.raises(ConfigError, match="at least 16"):
        require_token(home, {TOKEN: "short"}, TOKEN, "and give it to your relayers")
