import json

from eth_utils.address import to_checksum_address

from smartsync.errors import TransactionReverted
from smartsync.results import Step, SyncResult

REPLICA = to_checksum_address("0x" + "aa" * 20)
STEP = Step("record the source's end", "0x" + "cd" * 32, 121066, 740)


def test_halt_shows_block_and_gas(run, fake) -> None:
    fake.answers["halt"] = SyncResult(REPLICA, 100, 110, bytes(range(32)), (), (STEP,))
    result = run("halt", REPLICA, "--block", "110")
    assert result.exit_code == 0
    assert fake.asked("halt") == ((REPLICA,), {"block": 110})
    assert "110" in result.stdout and STEP.tx_hash in result.stdout


def test_halt_source_unchanged_exits_7(run, fake) -> None:
    fake.answers["halt"] = TransactionReverted("SourceUnchanged(blockHash=0x00)", name="SourceUnchanged")
    result = run("halt", REPLICA, "--json")
    assert result.exit_code == 7
    assert json.loads(result.stdout)["name"] == "SourceUnchanged"
