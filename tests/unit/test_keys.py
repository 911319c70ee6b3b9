from __future__ import annotations

import json
import traceback
from pathlib import Path

import pytest
from eth_account import Account

from smartsync.errors import KeyUnavailable
from smartsync.keys import load_account

KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
OTHER_KEY = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "key.json"
    path.write_text(json.dumps(Account.encrypt("0x" + KEY, "open sesame", kdf="pbkdf2", iterations=10)))
    return path


def never(text: str) -> str:
    raise AssertionError("nobody is to be asked")


def test_load_account_keystore_with_password_of_environment_goes_first(keystore: Path) -> None:
    env = {"SMARTSYNC_KEYSTORE_PASSWORD": "open sesame", "SMARTSYNC_PRIVATE_KEY": OTHER_KEY}
    assert load_account(keystore, env, never).address == ADDRESS


def test_load_account_keystore_password_is_asked_for(keystore: Path) -> None:
    asked: list[str] = []

    def prompt(text: str) -> str:
        asked.append(text)
        return "open sesame"

    assert load_account(keystore, {}, prompt).address == ADDRESS
    assert "key.json" in asked[0]


@pytest.mark.parametrize("key", [KEY, "0x" + KEY, f"  0x{KEY}\n"])
def test_load_account_environment_key_is_taken(key: str) -> None:
    assert load_account(None, {"SMARTSYNC_PRIVATE_KEY": key}, never).address == ADDRESS


def test_load_account_typed_key_is_the_last_resort() -> None:
    assert load_account(None, {}, lambda text: KEY).address == ADDRESS


def test_load_account_no_key_at_all_says_how_to_give_one() -> None:
    with pytest.raises(KeyUnavailable) as caught:
        load_account()
    assert caught.value.message == "no key is given"
    for way in ("--keystore FILE", "SMARTSYNC_PRIVATE_KEY", "geth account new", "cast wallet new"):
        assert way in caught.value.hint


@pytest.mark.parametrize("key", ["hunter2", KEY[:-2], KEY + "00", "00" * 32, "ff" * 32, "0x" + "z" * 64])
def test_load_account_bad_key_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(KeyUnavailable) as caught:
        load_account(None, {"SMARTSYNC_PRIVATE_KEY": key})
    assert key not in "".join(traceback.format_exception(caught.value))
    assert key not in str(caught.value.as_dict())


@pytest.mark.parametrize(("key", "hint"), [("hunter2", "64 hex digits"), ("00" * 32, "is zero or too large")])
def test_load_account_bad_key_says_what_is_wrong_with_it(key: str, hint: str) -> None:
    with pytest.raises(KeyUnavailable) as caught:
        load_account(None, {"SMARTSYNC_PRIVATE_KEY": key})
    assert hint in caught.value.hint
    assert ("64 hex digits" in caught.value.hint) is (key == "hunter2")


def test_load_account_wrong_password_is_refused_without_showing_it(keystore: Path) -> None:
    password = "2".join(("hunter", ""))
    with pytest.raises(KeyUnavailable, match="cannot be unlocked") as caught:
        load_account(keystore, {"SMARTSYNC_KEYSTORE_PASSWORD": password})
    assert "that is set in the environment is wrong" in caught.value.hint
    assert password not in "".join(traceback.format_exception(caught.value))


def test_load_account_keystore_locked_and_nobody_to_ask_is_refused(keystore: Path) -> None:
    with pytest.raises(KeyUnavailable, match="locked") as caught:
        load_account(keystore, {})
    assert "set SMARTSYNC_KEYSTORE_PASSWORD" in caught.value.hint and "terminal" in caught.value.hint
    with pytest.raises(KeyUnavailable) as caught:
        load_account(keystore, {}, lambda text: "sesame?")
    assert "the password that was typed is wrong" in caught.value.hint


@pytest.mark.parametrize("content", ["", "no json", "[]", "{}", '{"version": 3}', KEY])
def test_load_account_not_a_keystore_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(content)
    with pytest.raises(KeyUnavailable, match="not a keystore") as caught:
        load_account(path, {"SMARTSYNC_KEYSTORE_PASSWORD": "x"})
    assert "geth account new" in caught.value.hint


@pytest.mark.parametrize("content", ['{"version": 3, "crypto": {}}', '{"version": 9, "crypto": 7}'])
def test_load_account_damaged_keystore_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(content)
    with pytest.raises(KeyUnavailable, match="damaged"):
        load_account(path, {"SMARTSYNC_KEYSTORE_PASSWORD": "x"})


def test_load_account_missing_keystore_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyUnavailable, match="cannot read") as caught:
        load_account(tmp_path / "none.json", {})
    assert "give the path of a keystore file" in caught.value.hint and "geth account new" in caught.value.hint
    with pytest.raises(KeyUnavailable):
        load_account(tmp_path, {})
