import json

from eth_utils.address import to_checksum_address

from smartsync.results import Check, Verification

REPLICA = to_checksum_address("0x" + "aa" * 20)
HASH = bytes(range(32))
HASH_TEXT = "0x" + HASH.hex()


def test_verify_exact_exit_0(run, fake) -> None:
    fake.answers["verify"] = Verification(REPLICA, 100, True, (Check("code", True, "equal"),))
    result = run("verify", REPLICA)
    assert result.exit_code == 0
    assert "is exact at source block 100" in result.stdout


def test_verify_differing_exit_6_says_what(run, fake) -> None:
    found = (Check("code", True, "equal"), Check("storage", False, f"{HASH_TEXT} on the target"))
    fake.answers["verify"] = Verification(REPLICA, 100, False, found)
    result = run("verify", REPLICA)
    assert result.exit_code == 6
    assert ["differs", "storage", HASH_TEXT, "on", "the", "target"] in [
        line.split() for line in result.stdout.splitlines()
    ]
    assert "is NOT exact" in result.stdout


def test_verify_differing_json_is_the_report(run, fake) -> None:
    fake.answers["verify"] = Verification(REPLICA, 100, False, (Check("storage", False, "other"),))
    result = run("verify", REPLICA, "--json")
    assert result.exit_code == 6
    document = json.loads(result.stdout)
    assert document["exact"] is False
    assert document["checks"] == [{"name": "storage", "ok": False, "detail": "other", "needed": True}]
