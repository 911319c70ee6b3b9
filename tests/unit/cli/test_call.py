import json

import pytest
from eth_utils.address import to_checksum_address

from smartsync.results import CallComparison, CallOutcome

REPLICA = to_checksum_address("0x" + "aa" * 20)
SOURCE = to_checksum_address("0x" + "bb" * 20)
ANCHOR = "0x" + "22" * 20
HASH = bytes(range(32))
HASH_TEXT = "0x" + HASH.hex()


SIGNATURE = "pair(uint256,address)(uint256,bytes32)"


def _outcome(number: int) -> CallOutcome:
    return CallOutcome(True, (number, HASH), "", number.to_bytes(32, "big") + HASH)


def test_call_agreeing_shows_both_and_exit_0(run, fake) -> None:
    fake.answers["call"] = CallComparison(SIGNATURE, 100, _outcome(7), _outcome(7))
    result = run("call", REPLICA, SIGNATURE, "0x2a", SOURCE, "--from", ANCHOR)
    assert result.exit_code == 0
    assert fake.asked("call") == ((REPLICA, SIGNATURE, ["0x2a", SOURCE]), {"sender": ANCHOR})
    assert ["uint256", "7", "7"] in [line.split() for line in result.stdout.splitlines()]
    assert ["bytes32", HASH_TEXT, HASH_TEXT] in [line.split() for line in result.stdout.splitlines()]
    assert "The answers agree." in result.stdout


def test_call_differing_exit_6(run, fake) -> None:
    fake.answers["call"] = CallComparison(
        SIGNATURE, 100, _outcome(7), CallOutcome(False, (), "NotActive()", b"\x01", True)
    )
    result = run("call", REPLICA, SIGNATURE, "1", SOURCE)
    assert result.exit_code == 6
    assert "reverts: NotActive()" in result.stdout
    assert "The answers DIFFER." in result.stdout


def test_call_json_has_hex_bytes_and_integers(run, fake) -> None:
    fake.answers["call"] = CallComparison(SIGNATURE, 100, _outcome(7), _outcome(8))
    result = run("call", REPLICA, SIGNATURE, "1", SOURCE, "--json")
    assert result.exit_code == 6
    document = json.loads(result.stdout)
    assert document["agree"] is False
    assert document["source"]["values"] == [7, HASH_TEXT]
    assert document["replica"]["raw"] == "0x" + (8).to_bytes(32, "big").hex() + HASH.hex()


@pytest.mark.parametrize(
    "args",
    [
        ("balanceOf",),
        ("balanceOf(adress)(uint256)", SOURCE),
        ("balanceOf(address)(uint256)",),
        ("balanceOf(address)(uint256)", "0x12"),
        ("f(uint8)(bool)", "256"),
        ("f(uint256[])(bool)", "1,2"),
        ("f(bytes32)(bool)", "zz"),
    ],
)
def test_call_bad_signature_or_argument_refused_before_connecting(run, fake, args: tuple[str, ...]) -> None:
    result = run("call", REPLICA, *args)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert fake.calls == []


def test_call_negative_number_after_dashes_taken(run, fake) -> None:
    fake.answers["call"] = CallComparison("f(int256)(bool)", 1, _outcome(1), _outcome(1))
    assert run("call", REPLICA, "f(int256)(bool)", "--", "-5").exit_code == 0
    assert fake.asked("call")[0][2] == ["-5"]


def test_call_without_from_says_address_zero(run, fake) -> None:
    fake.answers["call"] = CallComparison("f()(bool)", 1, _outcome(1), _outcome(1))
    run("call", REPLICA, "f()(bool)")
    assert fake.asked("call")[1] == {"sender": "0x" + "00" * 20}


def test_call_bad_from_refused(run, fake) -> None:
    result = run("call", REPLICA, "f()(bool)", "--from", "me")
    assert result.exit_code == 2
    assert "the option --from: 'me' is not an address" in result.stderr


def test_call_answer_of_another_type_is_not_called_a_revert(run, fake) -> None:
    undecoded = CallOutcome(False, (), "the answer of 0 bytes is not (uint256,bytes32)", b"")
    fake.answers["call"] = CallComparison(SIGNATURE, 100, undecoded, _outcome(7))
    shown = run("call", REPLICA, SIGNATURE, "1", SOURCE).stdout
    assert "the answer of 0 bytes is not" in shown and "reverts" not in shown
