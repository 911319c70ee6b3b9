import json
from pathlib import Path

import pytest
from eth_account import Account

from smartsync.errors import TooFewKeys
from smartsync.results import AcceptedBlock, Step

ANCHOR = "0x" + "22" * 20
HASH = bytes(range(32))
HASH_TEXT = "0x" + HASH.hex()
STEP = Step("sync", "0x" + "cd" * 32, 221066, 740)
KEYS = ["0x" + f"{number:02x}" * 32 for number in (1, 2, 3)]
ADDRESSES = [Account.from_key(key).address for key in KEYS]


def test_attest_without_attestors_uses_own_account(run, fake) -> None:
    fake.answers["attest"] = AcceptedBlock(7, HASH, "safe", (STEP,))
    result = run("attest")
    args, kwargs = fake.asked("attest")
    assert args[0] == ANCHOR
    assert [account.address for account in args[1]] == [ADDRESSES[0]]
    assert kwargs == {"block": None}
    assert "Source block 7 is accepted\n" in result.stdout
    assert HASH_TEXT in result.stdout
    assert ["level", "safe"] in [line.split() for line in result.stdout.splitlines()]
    assert json.loads(run("attest", "--json").stdout)["level"] == "safe"


def test_attest_finalized_is_passed_on_other_words_are_not(run, fake) -> None:
    fake.answers["attest"] = AcceptedBlock(7, HASH, "safe", (STEP,))
    assert run("attest", "--block", "finalized").exit_code == 0
    assert fake.asked("attest")[1] == {"block": "finalized"}
    assert run("attest", "--block", "soon").exit_code == 2


def test_attest_keys_of_environment_each_once(run, fake, monkeypatch) -> None:
    monkeypatch.setenv("SMARTSYNC_ATTESTOR_KEYS", f"{KEYS[1]}, {KEYS[2]},{KEYS[1]},")
    fake.answers["attest"] = AcceptedBlock(7, HASH, "final", ())
    result = run("attest", "--block", "7")
    assert [account.address for account in fake.asked("attest")[0][1]] == ADDRESSES[1:]
    assert "accepted already" in result.stdout


def test_attest_bad_key_of_environment_named_by_place_only(run, fake, monkeypatch) -> None:
    monkeypatch.setenv("SMARTSYNC_ATTESTOR_KEYS", f"{KEYS[1]},0xdeadbeef")
    result = run("attest", "--debug")
    assert result.exit_code == 2
    assert "SMARTSYNC_ATTESTOR_KEYS: entry 2 is not a private key" in result.stderr
    assert "deadbeef" not in result.output
    assert fake.calls == []


def test_attest_keystores_and_own_keystore_have_own_passwords(run, fake, monkeypatch, tmp_path: Path) -> None:
    for name, key, password in (("me", KEYS[0], "mine"), ("a", KEYS[1], "theirs"), ("b", KEYS[2], "theirs")):
        (tmp_path / f"{name}.json").write_text(json.dumps(Account.encrypt(key, password, iterations=2)))
    monkeypatch.delenv("SMARTSYNC_PRIVATE_KEY")
    monkeypatch.setenv("SMARTSYNC_KEYSTORE_PASSWORD", "mine")
    monkeypatch.setenv("SMARTSYNC_ATTESTOR_KEYSTORE_PASSWORD", "theirs")
    fake.answers["attest"] = AcceptedBlock(7, HASH, "safe", (STEP,))
    options = ("--attestor-keystore", "a.json", "--attestor-keystore", "b.json", "--keystore", "me.json")
    result = run("attest", *options)
    assert result.exit_code == 0, result.output
    assert [account.address for account in fake.asked("attest")[0][1]] == ADDRESSES[1:]
    assert fake.asked("connect")[1]["account"].address == ADDRESSES[0]


@pytest.mark.parametrize(
    ("variables", "options", "place"),
    [
        ({}, (), "SMARTSYNC_PRIVATE_KEY"),
        ({"SMARTSYNC_ATTESTOR_KEYS": KEYS[1]}, (), "SMARTSYNC_ATTESTOR_KEYS"),
        ({}, ("--keystore", "me.json"), "the keystore me.json"),
        (
            {"SMARTSYNC_ATTESTOR_KEYS": KEYS[1]},
            ("--attestor-keystore", "me.json"),
            "me.json and SMARTSYNC_ATTESTOR_KEYS",
        ),
    ],
)
def test_attest_key_that_is_no_signers_told_with_the_signers_and_its_place(
    run, fake, monkeypatch, variables: dict[str, str], options: tuple[str, ...], place: str
) -> None:
    Path("me.json").write_text(json.dumps(Account.encrypt(KEYS[0], "mine", iterations=2)))
    for name, value in ({"SMARTSYNC_KEYSTORE_PASSWORD": "mine"} | variables).items():
        monkeypatch.setenv(name, value)
    fake.answers["attest"] = TooFewKeys(1, [ADDRESSES[2]], [ADDRESSES[0]])
    result = run("attest", *options)
    assert result.exit_code == 8, result.output
    assert f"needs 1 of its 1 signers, 0 of them are given: {ADDRESSES[0]} is not a signer" in result.stderr
    assert f"give keys of 1 of its signers: {ADDRESSES[2]}." in result.stderr
    assert f"{place}; others are taken from" in result.stderr
    assert "smartsync anchor update --from URL" in result.stderr
