import json

from eth_utils.address import to_checksum_address

from smartsync.errors import ReplicaError
from smartsync.results import Step, Supplied

REPLICA = to_checksum_address("0x" + "aa" * 20)
IMPLEMENTATION = to_checksum_address("0x" + "1b" * 20)
COPY = to_checksum_address("0x" + "2c" * 20)
STEP = Step(f"supply {IMPLEMENTATION}", "0x" + "cd" * 32, 548349, 3740)
SUPPLIED = Supplied(REPLICA, "EIP-1967", IMPLEMENTATION, COPY, (STEP,))


def test_supply_shows_implementation_copy_and_gas(run, fake) -> None:
    fake.answers["supply"] = SUPPLIED
    result = run("supply", REPLICA)
    assert result.exit_code == 0
    assert fake.asked("supply") == ((REPLICA,), {})
    for shown in (REPLICA, "EIP-1967", IMPLEMENTATION, COPY, STEP.tx_hash):
        assert shown in result.stdout
    assert "already" not in result.stdout


def test_supply_json_has_all_of_it(run, fake) -> None:
    fake.answers["supply"] = SUPPLIED
    document = json.loads(run("supply", REPLICA, "--json").stdout)
    assert set(document) == {"replica", "kind", "implementation", "copy", "steps"}
    assert (document["implementation"], document["copy"]) == (IMPLEMENTATION, COPY)


def test_supply_nothing_to_do_says_so(run, fake) -> None:
    fake.answers["supply"] = Supplied(REPLICA, "EIP-1967", IMPLEMENTATION, COPY, ())
    assert "all is there already" in run("supply", REPLICA).stdout


def test_supply_of_no_proxy_exits_6(run, fake) -> None:
    fake.answers["supply"] = ReplicaError(f"{REPLICA} is not the replica of a proxy", hint="nothing is needed")
    assert run("supply", REPLICA).exit_code == 6


def test_supply_replica_that_is_no_address_exits_2(run, fake) -> None:
    assert run("supply", "0x12").exit_code == 2
    assert fake.calls == []
