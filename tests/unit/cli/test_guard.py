import json

import pytest
from eth_utils.address import to_checksum_address

from smartsync.errors import TransactionReverted
from smartsync.results import Guard, Step

REPLICA = to_checksum_address("0x" + "aa" * 20)
GUARD = to_checksum_address("0x" + "bb" * 20)
STEP = Step("deploy ReaderGuard", "0x" + "cd" * 32, 321066, 1740)


def test_guard_shows_address_and_policy(run, fake) -> None:
    fake.answers["guard"] = Guard(GUARD, REPLICA, 3600, "final", (STEP,))
    result = run("guard", REPLICA, "--max-age", "3600")
    assert result.exit_code == 0
    assert fake.asked("guard") == ((REPLICA,), {"max_age_s": 3600, "level": "final"})
    assert all(shown in result.stdout for shown in (GUARD, REPLICA, "3600 s old", STEP.tx_hash))


def test_guard_json_is_one_document(run, fake) -> None:
    fake.answers["guard"] = Guard(GUARD, REPLICA, 60, "safe", (STEP,))
    document = json.loads(run("guard", REPLICA, "--max-age", "60", "--level", "safe", "--json").stdout)
    assert (document["guard"], document["max_age_s"], document["level"]) == (GUARD, 60, "safe")


def test_guard_of_a_stale_replica_exits_7(run, fake) -> None:
    fake.answers["guard"] = TransactionReverted("Stale(…)", name="Stale")
    assert run("guard", REPLICA, "--max-age", "60").exit_code == 7


@pytest.mark.parametrize("options", [[], ["--max-age", "0"], ["--max-age", "60", "--level", "pending"]])
def test_guard_without_a_policy_is_refused(run, fake, options) -> None:
    assert run("guard", REPLICA, *options).exit_code == 2
