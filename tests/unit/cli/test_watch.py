import asyncio
import json
import logging
import re
import signal
from dataclasses import replace

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address

from smartsync.discovery.hints import NO_HINTS
from smartsync.errors import BlockNotAccepted
from smartsync.results import (
    AnchorResumed,
    AnchorStopped,
    AnchorUpdate,
    EquivocationReported,
    Recovered,
    ReorganisationSeen,
    Revoked,
    Step,
    SyncResult,
)
from smartsync.types import SlotChange

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
REPLICA = to_checksum_address("0x" + "aa" * 20)
HASH = bytes(range(32))
STEP = Step("sync", "0x" + "cd" * 32, 221066, 740)
INSERT = SlotChange(bytes(31) + b"\x01", 0, 5)
UPDATE = SlotChange(bytes(31) + b"\x02", 6, 2**256 - 1)
DELETE = SlotChange(bytes(31) + b"\x03", 8, 0)
KEYS = ["0x" + f"{number:02x}" * 32 for number in (1, 2, 3)]
ADDRESSES = [Account.from_key(key).address for key in KEYS]
SYNCED = SyncResult(REPLICA, 100, 110, HASH, (INSERT, UPDATE, DELETE), (STEP,))


def test_watch_error_that_no_retry_mends_ends_it(run, fake) -> None:
    async def fail() -> None:
        raise BlockNotAccepted("frozen")

    fake.answers["watch"] = [SYNCED, fail]
    result = run("watch", REPLICA, "--json")
    assert result.exit_code == 8
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["event"] for event in events] == ["sync", "failed"]
    assert events[1]["error"] == "BlockNotAccepted"


def test_watch_events_as_lines_of_json(run, fake) -> None:
    fake.answers["watch"] = [SYNCED, BlockNotAccepted("block 111 is not accepted"), SYNCED]
    result = run("watch", REPLICA, "--json", "--interval", "0.5", "--every-blocks", "3")
    assert result.exit_code == 0
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["event"] for event in events] == ["sync", "retry", "sync", "stopped"]
    assert events[0]["result"]["to_block"] == 110
    assert events[1]["message"] == "block 111 is not accepted"
    assert all(re.fullmatch(TIME, event.pop("time")) for event in events)
    assert events[3] == {"event": "stopped", "replica": REPLICA, "syncs": 2, "recoveries": 0, "block_number": 110}
    options = {"attestors": [], "signers": None, "update": False, "slots": None, "hints": NO_HINTS}
    assert fake.asked("watch") == ((REPLICA,), {"interval_s": 0.5, "every_blocks": 3, **options})


def test_watch_events_as_text(run, fake) -> None:
    fake.answers["watch"] = [SYNCED, BlockNotAccepted("block 111 is not accepted", hint="have it accepted")]
    result = run("watch", REPLICA)
    assert "synced: block 100 -> 110  slots 3 (1 insert, 1 update, 1 delete)  gas 221066  0xcdcd" in result.stdout
    assert "will try again: block 111 is not accepted (hint: have it accepted)" in result.stderr
    assert result.stdout.endswith("  stopped after 1 sync, the replica stands at source block 110\n")
    for line in (result.stdout + result.stderr).splitlines():
        assert re.match(TIME + "  ", line), line


ANCHOR = to_checksum_address("0x" + "22" * 20)
OTHER = bytes(31) + b"\x07"
SEEN = ReorganisationSeen(REPLICA, ANCHOR, 110, HASH, OTHER, "safe", revoking=True)
REVOKED = Revoked(ANCHOR, 105, OTHER, 2, (STEP,))
RECOVERED = Recovered(REPLICA, 110, HASH, 106, OTHER, (DELETE,), (STEP,))
STOPPED = AnchorStopped(ANCHOR, "frozen", 1_795_392_000)
RESUMED = AnchorResumed(ANCHOR, 1_795_392_500, 3)


def test_watch_of_a_fork_says_what_it_saw_and_did(run, fake) -> None:
    fake.answers["watch"] = [SYNCED, SEEN, REVOKED, RECOVERED, STOPPED, RESUMED]
    lines = [re.sub(f"^{TIME}  ", "", line) for line in run("watch", REPLICA).stdout.splitlines()]
    _, seen, revoked, recovered, stopped, resumed, last = lines
    old, new = "0x" + HASH.hex(), "0x" + OTHER.hex()
    assert seen == f"reorganisation: the source has dropped block 110 {old} (safe) for {new}; revoking it"
    above = f"every block above 105 of the anchor {ANCHOR}, of which the source has dropped 2"
    assert revoked == f"revoked: {above}  gas 221066  {STEP.tx_hash}"
    assert recovered.startswith(f"recovered: orphaned block 110 {old} -> 106 {new}  slots 1 (1 delete)  gas 221066  0x")
    assert stopped.startswith(f"anchor {ANCHOR} is frozen (since 1795392000 (2026-11-23")
    assert resumed.startswith(f"anchor {ANCHOR} is active again") and resumed.endswith("epoch 3")
    assert last == "stopped after 2 syncs, 1 of them from an orphaned block, the replica stands at source block 106"


def test_watch_of_a_fork_as_lines_of_json(run, fake) -> None:
    fake.answers["watch"] = [SEEN, REVOKED, RECOVERED, STOPPED, RESUMED]
    events = [json.loads(line) for line in run("watch", REPLICA, "--json").stdout.splitlines()]
    names = ["reorganisation", "revoked", "recovered", "anchor_stopped", "anchor_resumed", "stopped"]
    assert [event["event"] for event in events] == names
    assert events[0]["result"]["revoking"] is True
    assert events[1]["result"]["head_hash"] == "0x" + OTHER.hex()
    assert events[2]["result"]["changes"] == [
        {"kind": "delete", "slot": "0x" + DELETE.slot.hex(), "old": DELETE.old, "new": 0}
    ]
    assert (events[5]["syncs"], events[5]["recoveries"], events[5]["block_number"]) == (1, 1, 106)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (replace(SEEN, revoking=False), "waiting for the anchor to revoke it"),
        (replace(SEEN, revoking=False, level="revoked"), "the anchor has revoked it"),
        (replace(SEEN, revoking=False, level="final"), "(final) for 0x" + OTHER.hex() + "; no anchor revokes a final"),
        (replace(REVOKED, head_number=0, head_hash=bytes(32)), "revoked: every block of the anchor"),
    ],
)
def test_watch_of_a_fork_says_who_is_waited_for(run, fake, event: object, words: str) -> None:
    fake.answers["watch"] = [event]
    assert words in run("watch", REPLICA).stdout


def test_watch_tells_of_accepted_blocks_and_reported_signers(run, fake) -> None:
    accepted = AnchorUpdate(111, HASH, "final", (STEP,))
    reported = EquivocationReported(ANCHOR, ADDRESSES[1], 7, b"\x07", "frozen", (STEP,))
    fake.answers["watch"] = [accepted, replace(accepted, level="pending", usable_from=1_800_000_000), reported]
    first, second, third, _ = run("watch", REPLICA).stdout.splitlines()
    assert f"  accepted: source block 111 0x{HASH.hex()} (final)  gas 221066" in first
    assert "  offered, waits for a veto until 1800000000 (2027-01-15 08:00:00 UTC): source block 111 " in second
    assert f"signer {ADDRESSES[1]} has signed two hashes of block 7; reported to the anchor {ANCHOR}" in third
    assert "which is frozen  gas 221066" in third
    events = [json.loads(line) for line in run("watch", REPLICA, "--json").stdout.splitlines()]
    assert [event["event"] for event in events] == ["accepted", "accepted", "equivocation", "stopped"]
    assert events[2]["result"]["evidence"] == "0x07"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watch_ended_by_signal_exit_0_with_last_word(run, fake, number: signal.Signals) -> None:
    async def interrupted() -> None:
        signal.raise_signal(number)
        await asyncio.sleep(30)

    before = signal.getsignal(signal.SIGTERM)
    fake.answers["watch"] = [SYNCED, interrupted]
    result = run("watch", REPLICA)
    assert result.exit_code == 0
    assert "stopped after 1 sync" in result.stdout
    assert "error" not in result.stderr
    assert fake.closed
    assert signal.getsignal(signal.SIGTERM) is before


def test_watch_warnings_that_are_logged_are_lines_with_their_time(run, fake) -> None:
    async def pass_over() -> None:
        logging.getLogger("smartsync.anchors.asking").warning("attestor passed over: %s", "one.example: no answer")

    fake.answers["watch"] = [pass_over]
    result = run("watch", REPLICA)
    assert re.search(f"^{TIME}  warning: attestor passed over: one.example: no answer$", result.stderr, re.M)
    assert not any(type(handler).__name__ == "Lines" for handler in logging.getLogger("smartsync").handlers)


def test_watch_hint_of_several_lines_is_one_line(run, fake) -> None:
    fake.answers["watch"] = [BlockNotAccepted("too few", hint="do this\ndo that")]
    assert "will try again: too few (hint: do this; do that)\n" in run("watch", REPLICA).stderr


def test_watch_attest_uses_own_account_where_no_attestors(run, fake) -> None:
    fake.answers["watch"] = []
    assert run("watch", REPLICA, "--attest").exit_code == 0
    assert [account.address for account in fake.asked("watch")[1]["attestors"]] == ADDRESSES[:1]


def test_watch_from_attestors_fetches_their_signatures(run, fake) -> None:
    fake.answers["watch"] = []
    assert run("watch", REPLICA, "--from", "http://one.example/key", "--from", "http://two.example").exit_code == 0
    options = fake.asked("watch")[1]
    assert repr(options["signers"]) == "RemoteSigners(one.example, two.example)"
    assert options["attestors"] == []


def test_watch_update_needs_no_signatures(run, fake) -> None:
    fake.answers["watch"] = []
    assert run("watch", REPLICA, "--update").exit_code == 0
    options = fake.asked("watch")[1]
    assert (options["update"], options["signers"]) == (True, None)


def test_watch_with_own_keys_and_attestors_is_refused(run, fake) -> None:
    result = run("watch", REPLICA, "--attest", "--from", "http://one.example")
    assert result.exit_code == 2
    assert "take one of them" in result.stderr
    assert not fake.calls
