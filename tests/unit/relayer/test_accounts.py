from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from eth_account import Account

from smartsync.errors import KeyUnavailable
from smartsync.relayer.accounts import key_for, unlock
from smartsync.relayer.tables import KeyTable

ONE, OTHER = "11" * 32, "22" * 32
PASSWORD = "a password of an operator"


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    file = tmp_path / "one.json"
    file.write_text(json.dumps(Account.encrypt(ONE, PASSWORD, kdf="pbkdf2", iterations=1)))
    return file


def test_unlock_of_environment_and_of_keystore(keystore: Path) -> None:
    environ = {
        "SMARTSYNC_KEY_HOT_ONE": OTHER,
        "SMARTSYNC_KEY_COLD_PASSWORD": PASSWORD,
        "SMARTSYNC_PRIVATE_KEY": "33" * 32,
    }
    found = unlock({"hot-one": KeyTable(), "cold": KeyTable(keystore=keystore)}, environ)
    assert {name: account.address for name, account in found.items()} == {
        "hot-one": Account.from_key(OTHER).address,
        "cold": Account.from_key(ONE).address,
    }


def test_unlock_keys_and_passwords_from_files(keystore: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"0x{OTHER}\n")
    (tmp_path / "password").write_text(f"{PASSWORD}\r\n")
    environ = {
        "SMARTSYNC_KEY_HOT_FILE": str(tmp_path / "key"),
        "SMARTSYNC_KEY_COLD_PASSWORD_FILE": str(tmp_path / "password"),
    }
    found = unlock({"hot": KeyTable(), "cold": KeyTable(keystore=keystore)}, environ)
    assert [account.address for account in found.values()] == [Account.from_key(one).address for one in (OTHER, ONE)]


def test_unlock_file_of_a_key_that_is_wrong_told_with_the_others_and_without_its_content(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(OTHER[2:])
    environ = {"SMARTSYNC_KEY_A_FILE": str(tmp_path / "none"), "SMARTSYNC_KEY_B_FILE": str(tmp_path / "key")}
    with pytest.raises(KeyUnavailable) as caught:
        unlock({"a": KeyTable(), "b": KeyTable()}, environ)
    assert (
        f"[keys.a]: the file {tmp_path / 'none'} that SMARTSYNC_KEY_A_FILE names cannot be read" in caught.value.message
    )
    assert "[keys.b]: the environment variable SMARTSYNC_KEY_B is not a private key" in caught.value.message
    assert OTHER[2:] not in caught.value.message


def test_unlock_all_problems_told_at_once_and_no_secret(keystore: Path, tmp_path: Path) -> None:
    keys = {
        "absent": KeyTable(),
        "short": KeyTable(),
        "locked": KeyTable(keystore=keystore),
        "wrong": KeyTable(keystore=keystore),
        "lost": KeyTable(keystore=tmp_path / "lost.json"),
        "fine": KeyTable(),
        "twin": KeyTable(),
    }
    environ = {
        "SMARTSYNC_KEY_SHORT": OTHER[2:],
        "SMARTSYNC_KEY_WRONG_PASSWORD": PASSWORD[::-1],
        "SMARTSYNC_KEY_FINE": ONE,
        "SMARTSYNC_KEY_TWIN": "0x" + ONE,
    }
    with pytest.raises(KeyUnavailable) as caught:
        unlock(keys, environ)
    told = caught.value.message
    for secret in (OTHER[2:], ONE, PASSWORD, PASSWORD[::-1]):
        assert secret not in told
    places = [line.removeprefix("- ").partition(":")[0] for line in told.splitlines()[1:]]
    assert places == [f"[keys.{name}]" for name in keys if name != "fine"]
    assert "set SMARTSYNC_KEY_ABSENT to it, or give keystore" in told
    assert "the environment variable SMARTSYNC_KEY_SHORT is not a private key" in told
    assert "set SMARTSYNC_KEY_LOCKED_PASSWORD to its password" in told
    assert f"this is the account of fine, {Account.from_key(ONE).address}" in told
    assert "--keystore FILE" not in told and "SMARTSYNC_PRIVATE_KEY" not in told


def replicas(count: int) -> list[str]:
    return [f"0x{number:040x}" for number in range(count)]


def test_unlock_locked_keystore_is_not_said_to_be_asked_for_in_a_terminal(keystore: Path) -> None:
    """A service asks nobody."""
    with pytest.raises(KeyUnavailable, match="is locked; set SMARTSYNC_KEY_COLD_PASSWORD to its password") as caught:
        unlock({"cold": KeyTable(keystore=keystore)}, {})
    assert "terminal" not in caught.value.in_full


def test_key_for_spreads_evenly_and_does_not_depend_on_order_or_case() -> None:
    keys = ["a", "b", "c"]
    shares = Counter(key_for(keys, replica) for replica in replicas(3_000))
    assert set(shares) == set(keys)
    assert all(900 < share < 1_100 for share in shares.values())
    for replica in replicas(50):
        assert key_for(keys, replica) == key_for(keys[::-1], replica.upper())
    assert key_for(["a"], replicas(1)[0]) == "a"


def test_key_for_added_key_takes_from_others_and_moves_nothing_between_them() -> None:
    moved = 0
    for replica in replicas(1_000):
        before, after = key_for(["a", "b"], replica), key_for(["a", "b", "c"], replica)
        assert after in (before, "c")
        moved += after != before
    assert 250 < moved < 420
