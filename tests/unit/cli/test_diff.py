from eth_utils.address import to_checksum_address

from smartsync.discovery.hints import NO_HINTS
from smartsync.sync import SyncPlan
from smartsync.types import SlotChange

REPLICA = to_checksum_address("0x" + "aa" * 20)
INSERT = SlotChange(bytes(31) + b"\x01", 0, 5)
UPDATE = SlotChange(bytes(31) + b"\x02", 6, 2**256 - 1)
DELETE = SlotChange(bytes(31) + b"\x03", 8, 0)


def test_diff_lists_slot_by_slot(run, fake) -> None:
    fake.answers["diff"] = SyncPlan(REPLICA, 100, 120, (INSERT, UPDATE, DELETE), 777, "prestateTracer")
    result = run("diff", REPLICA, "--block", "120")
    assert result.exit_code == 0
    assert fake.asked("diff") == ((REPLICA,), {"block": 120, "slots": None, "hints": NO_HINTS})
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["insert", "0x" + INSERT.slot.hex(), "0x0", "0x5"] in lines
    assert ["update", "0x" + UPDATE.slot.hex(), "0x6", "0x" + "ff" * 32] in lines
    assert ["delete", "0x" + DELETE.slot.hex(), "0x8", "0x0"] in lines
    assert "777" in result.stdout
