import json
from dataclasses import replace

from eth_utils.address import to_checksum_address

from smartsync.discovery.hints import NO_HINTS
from smartsync.results import Step, SyncResult
from smartsync.types import SlotChange

REPLICA = to_checksum_address("0x" + "aa" * 20)
HASH = bytes(range(32))
STEP = Step("sync", "0x" + "cd" * 32, 221066, 740)
INSERT = SlotChange(bytes(31) + b"\x01", 0, 5)
UPDATE = SlotChange(bytes(31) + b"\x02", 6, 2**256 - 1)
DELETE = SlotChange(bytes(31) + b"\x03", 8, 0)
SYNCED = SyncResult(REPLICA, 100, 110, HASH, (INSERT, UPDATE, DELETE), (STEP,))


def test_sync_shows_blocks_changes_and_gas(run, fake) -> None:
    fake.answers["sync"] = SYNCED
    result = run("sync", REPLICA, "--block", "110")
    assert result.exit_code == 0
    assert fake.asked("sync") == ((REPLICA,), {"block": 110, "slots": None, "hints": NO_HINTS})
    assert "3 (1 insert, 1 update, 1 delete)" in result.stdout
    assert STEP.tx_hash in result.stdout


def test_sync_json_has_exact_integers_and_kinds(run, fake) -> None:
    fake.answers["sync"] = SYNCED
    changes = json.loads(run("sync", REPLICA, "--json").stdout)["changes"]
    assert changes[1] == {"kind": "update", "slot": "0x" + UPDATE.slot.hex(), "old": 6, "new": 2**256 - 1}
    assert [change["kind"] for change in changes] == ["insert", "update", "delete"]


def test_sync_nothing_to_do_says_so(run, fake) -> None:
    fake.answers["sync"] = SyncResult(REPLICA, 110, 110, HASH, (), ())
    shown = run("sync", REPLICA).stdout
    assert "stands at source block 110 already" in shown and "The source is at" not in shown


def test_sync_nothing_to_do_yet_says_what_has_to_be_done_first(run, fake) -> None:
    hint = "have a newer one accepted: smartsync anchor update"
    fake.answers["sync"] = SyncResult(REPLICA, 110, 110, HASH, (), (), 114, hint)
    shown = run("sync", REPLICA).stdout
    assert "stands at source block 110 already" in shown
    assert f"The source is at block 114, of which the anchor accepts none that is newer: {hint}." in shown
    document = json.loads(run("sync", REPLICA, "--json").stdout)
    assert (document["source_head"], document["hint"]) == (114, hint)


def test_sync_of_a_proxy_shows_its_implementation_and_warns_where_reads_are_refused(run, fake) -> None:
    implementation = to_checksum_address("0x" + "1b" * 20)
    fake.answers["sync"] = replace(SYNCED, implementation=implementation)
    shown = run("sync", REPLICA).stdout
    assert implementation in shown and "refuses" not in shown
    fake.answers["sync"] = replace(SYNCED, unreadable="there is no contract at 0x1b")
    assert "refuses to be read: there is no contract at 0x1b." in run("sync", REPLICA).stdout
    assert json.loads(run("sync", REPLICA, "--json").stdout)["unreadable"] == "there is no contract at 0x1b"
