import asyncio
import json
import signal

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address

from smartsync.errors import BlockNotAccepted
from smartsync.results import Step, SyncResult
from smartsync.types import SlotChange

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
    assert events[3] == {"event": "stopped", "replica": REPLICA, "syncs": 2, "block_number": 110}
    assert fake.asked("watch") == ((REPLICA,), {"interval_s": 0.5, "every_blocks": 3, "attestors": [], "slots": None})


def test_watch_events_as_text(run, fake) -> None:
    fake.answers["watch"] = [SYNCED, BlockNotAccepted("block 111 is not accepted")]
    result = run("watch", REPLICA)
    assert "block 100 -> 110  slots 3 (1 insert, 1 update, 1 delete)  gas 221066  " + STEP.tx_hash in result.stdout
    assert "will try again: block 111 is not accepted" in result.stderr
    assert result.stdout.endswith("stopped after 1 sync, the replica stands at source block 110\n")


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


def test_watch_attest_uses_own_account_where_no_attestors(run, fake) -> None:
    fake.answers["watch"] = []
    assert run("watch", REPLICA, "--attest").exit_code == 0
    assert [account.address for account in fake.asked("watch")[1]["attestors"]] == ADDRESSES[:1]
