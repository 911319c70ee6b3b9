"""What must not be told."""

from __future__ import annotations

from pathlib import Path

import pytest

from smartsync.relayer.configuration import read_configuration
from smartsync.relayer.secrets import HIDDEN, Secrets
from tests.relayer_metrics import FILE

KEY = "ab" * 32
ENVIRON = {
    "SMARTSYNC_RELAYER_TOKEN": "the-relayers-own-token",
    "SMARTSYNC_ATTESTOR_TOKEN": "the-attestors-token",
    "SMARTSYNC_PAIR_MAIN_TO_BASE_TOKEN": "the-token-of-the-pair",
    "SMARTSYNC_KEY_MAIN": f"0x{KEY}",
    "SMARTSYNC_KEY_MAIN_PASSWORD": 'the "keystore\\ password',
    "PGPASSWORD": "the-databases-password",
    "SMARTSYNC_STATE_URL": "postgresql://smartsync:p%40ssw%2Frd@db.example/relayer",
    "SMARTSYNC_CHAIN_MAINNET_URLS": "https://node.example/v3/a-key-in-the-path?apikey=a-key-behind-it,"
    "https://user:a-password-in-it@other.example/rpc",
}


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    (tmp_path / "relayer.toml").write_text(
        FILE.replace("hub =", 'signers = ["https://attestor.example/a/long-path"]\nhub =')
    )
    secrets = Secrets()
    secrets.learn(read_configuration(ENVIRON, tmp_path / "relayer.toml"), ENVIRON)
    return secrets


@pytest.mark.parametrize("secret", [
    *("the-relayers-own-token", "the-attestors-token", "the-token-of-the-pair", KEY, f"0x{KEY}", KEY.upper()),
    *('the "keystore\\ password', "the-databases-password", "p@ssw/rd", "p%40ssw%2Frd"),
    *("a-key-in-the-path", "v3/a-key-in-the-path?apikey=a-key-behind-it", "a-key-behind-it", "a-password-in-it"),
    "long-path",
])  # fmt: skip
def test_hidden_takes_out_what_is_secret_wherever_it_stands(secrets: Secrets, secret: str) -> None:
    for text in (secret, f"cannot open {secret}: refused", f"'{secret}'", f"x{secret}x", f"{secret}{secret}"):
        told = secrets.hidden(text)
        assert secret not in told and HIDDEN in told, text


@pytest.mark.parametrize(("text", "told"), [
    ("at https://node.example/v9/not-known?x=1, which", "at https://node.example/… which"),
    ("https://a:b@node.example:8545/", "https://node.example:8545/"),
    ("'wss://node.example/ws/not-known'", "'wss://node.example/…'"),
    ("postgresql+psycopg://u:p@db.example:5432/name", "postgresql+psycopg://db.example:5432/…"),
    ("http://[::1]:8600, without", "http://[::1]:8600, without"),
    ("http://node.example#fragment-secret", "http://node.example/…"),
])  # fmt: skip
def test_hidden_leaves_of_any_url_the_host(secrets: Secrets, text: str, told: str) -> None:
    assert secrets.hidden(text) == told
    assert Secrets().hidden(text) == told, "also before anything is learnt"


@pytest.mark.parametrize("text", [
    "the sample: exact: nothing has changed", "0x" + "cd" * 32, "node.example: no answer within 30 s",
    "rpc and mainnet", "docs/how-to/choose-nodes.md", "",
])  # fmt: skip
def test_hidden_leaves_everything_else(secrets: Secrets, text: str) -> None:
    assert secrets.hidden(text) == text


def test_learn_adds_to_what_was_secret_before(secrets: Secrets, tmp_path: Path) -> None:
    (tmp_path / "relayer.toml").write_text(FILE)
    secrets.learn(read_configuration({}, tmp_path / "relayer.toml"), {})
    assert secrets.hidden("the-attestors-token") == HIDDEN


def test_learn_nothing_of_a_few_characters(tmp_path: Path) -> None:
    (tmp_path / "relayer.toml").write_text(FILE)
    environ = {"PGPASSWORD": "in"}
    secrets = Secrets()
    secrets.learn(read_configuration(environ, tmp_path / "relayer.toml"), environ)
    assert secrets.hidden("nothing in it") == "nothing in it"
