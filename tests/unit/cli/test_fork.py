import json
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address

from smartsync.discovery.hints import NO_HINTS
from smartsync.results import ForkResult, Step

REPLICA = to_checksum_address("0x" + "aa" * 20)
SOURCE = to_checksum_address("0x" + "bb" * 20)
ANCHOR = "0x" + "22" * 20
HASH = bytes(range(32))
HASH_TEXT = "0x" + HASH.hex()
STEP = Step("sync", "0x" + "cd" * 32, 221066, 740)
KEYS = ["0x" + f"{number:02x}" * 32 for number in (1, 2, 3)]
ADDRESSES = [Account.from_key(key).address for key in KEYS]
FORKED = ForkResult(REPLICA, SOURCE, 100, HASH, 3, (STEP, replace(STEP, what="activate", gas_used=1)))


def test_fork_defaults_asks_for_newest_block(run, fake) -> None:
    fake.answers["fork"] = FORKED
    result = run("fork", SOURCE)
    assert result.exit_code == 0
    assert fake.asked("fork") == ((SOURCE,), {"anchor": ANCHOR, "block": None, "slots": None, "hints": NO_HINTS})
    assert fake.asked("connect")[1]["account"].address == ADDRESSES[0]
    for shown in (REPLICA, SOURCE, HASH_TEXT, "221066", STEP.tx_hash, "2 transactions, 221067 gas in all"):
        assert shown in result.stdout
    assert result.stderr == "fork work 1/2\n"


def test_fork_block_and_slots_passed_on(run, fake, tmp_path: Path) -> None:
    fake.answers["fork"] = FORKED
    (tmp_path / "slots.txt").write_text("0x" + "00" * 32 + "\n")
    result = run("fork", SOURCE, "--block", "0x64", "--slots", "slots.txt")
    assert result.exit_code == 0
    assert fake.asked("fork")[1] == {"anchor": ANCHOR, "block": 100, "slots": {bytes(32)}, "hints": NO_HINTS}


def test_fork_json_is_one_document_progress_on_stderr(run, fake) -> None:
    fake.answers["fork"] = FORKED
    result = run("fork", SOURCE, "--json")
    document = json.loads(result.stdout)
    assert document["replica"] == REPLICA
    assert document["block_hash"] == HASH_TEXT
    assert document["steps"][0] == {
        "what": "sync",
        "tx_hash": STEP.tx_hash,
        "gas_used": 221066,
        "calldata_bytes": 740,
        "cost_wei": None,
    }
    assert "fork work" in result.stderr


LAYOUT = {
    "storage": [{"label": "x", "slot": "0", "type": "t_uint256"}],
    "types": {"t_uint256": {"encoding": "inplace", "numberOfBytes": "32"}},
}


def test_fork_layout_and_keys_are_passed_on_as_hints(run, fake, tmp_path: Path) -> None:
    fake.answers["fork"] = FORKED
    contracts = {"a.sol": {"Token": {"storageLayout": LAYOUT}, "Other": {"storageLayout": LAYOUT}}}
    (tmp_path / "layout.json").write_text(json.dumps({"contracts": contracts}))
    (tmp_path / "keys.txt").write_text(f"{SOURCE}\n")
    result = run("fork", SOURCE, "--layout", "layout.json", "--contract", "Token", "--keys", "keys.txt")
    assert result.exit_code == 0
    hints = fake.asked("fork")[1]["hints"]
    assert hints.layout.variables[0].name == "x"
    assert hints.words == (bytes(12) + bytes.fromhex(SOURCE[2:]),)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--layout", "gone.json"), "the layout gone.json cannot be read"),
        (("--layout", "bad.json"), "bad.json: there is no storage layout in it"),
        (("--keys", "bad.json"), "bad.json, line 1: not a key: '{}'"),
        (("--contract", "Token"), "a contract is named without a layout"),
        (("--slots", "slots.txt", "--keys", "slots.txt"), "would do nothing"),
    ],
)
def test_fork_hints_that_cannot_be_used_are_refused(run, fake, tmp_path: Path, options, says) -> None:
    (tmp_path / "bad.json").write_text("{}")
    (tmp_path / "slots.txt").write_text("1\n")
    result = run("fork", SOURCE, *options)
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.split())
    assert not fake.calls
