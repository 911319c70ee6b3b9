from __future__ import annotations

import pytest

from smartsync.url_secrets import without_secrets_of


@pytest.mark.parametrize(
    ("url", "told", "plain"),
    [
        ("https://eth.example/v3/0a1b2c3d4e", "no project 0A1b2c3d4e here", "no project (hidden) here"),
        ("https://eth.example/?apikey=0a1b2c3d4e", "key 0a1b2c3d4e is spent", "key (hidden) is spent"),
        ("https://eth.example/abcdefghijklmnop", "no abcdefghijklmnop", "no (hidden)"),
        ("https://some:pass@eth.example/", "some:pass", "(hidden):(hidden)"),
        ("https://eth.example/v2/a%2Fb34567/x", "POST /v2/a/b34567/x", "POST /v2/(hidden)/x"),
        ("https://eth.example/ethereum/mainnet/v1", "ethereum mainnet is down", "ethereum mainnet is down"),
        ("http://127.0.0.1:8545", "127.0.0.1:8545", "127.0.0.1:8545"),
    ],
)
def test_without_secrets_of_a_url_hides_what_may_be_a_key_and_no_words(url: str, told: str, plain: str) -> None:
    assert without_secrets_of(url)(told) == plain
