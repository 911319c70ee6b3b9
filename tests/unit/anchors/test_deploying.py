"""What a charter refuses without asking anybody; what needs nodes is in tests/integration/anchors."""

from __future__ import annotations

from typing import Any

import pytest

from smartsync.anchors.deploying import MAX_SECONDS, MAX_SIGNERS, QuorumCharter, VetoCharter, ordered_quorum
from smartsync.contracts import encode_deployment
from smartsync.errors import ConfigError

ONE, TWO, THREE = ("0x" + digit * 40 for digit in "abc")
NOBODY = "0x" + "00" * 20


def test_ordered_quorum_by_address_not_by_text() -> None:
    assert ordered_quorum(["0x" + "B" * 40, ONE, "0x" + "0" * 39 + "f"], 2) == [
        "0x" + "0" * 39 + "f",
        ONE,
        "0x" + "B" * 40,
    ]


@pytest.mark.parametrize(
    ("signers", "threshold", "message"),
    [
        ([], 1, "signers, each once"),
        ([ONE, ONE], 2, "signers, each once"),
        ([NOBODY, ONE], 2, "zero address"),
        ([ONE, TWO], 1, "1 of 2 is not a quorum"),
        ([ONE, TWO, THREE], 4, "4 of 3 is not a quorum"),
        ([f"0x{number:040x}" for number in range(1, MAX_SIGNERS + 2)], 200, "256 signers are too many"),
    ],
)
def test_ordered_quorum_none_refused(signers: list[str], threshold: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ordered_quorum(signers, threshold)


def test_quorum_charter_of_is_what_the_constructor_takes() -> None:
    arguments = QuorumCharter([TWO, ONE], 2, 5, 60).of(1, b"\x01" * 32)
    assert arguments == [1, b"\x01" * 32, [ONE, TWO], 2, 5, 60, NOBODY]
    assert encode_deployment("QuorumAnchor", arguments)


@pytest.mark.parametrize("seconds", [-1, MAX_SECONDS, 2**64])
def test_quorum_charter_of_seconds_out_of_range_refused(seconds: int) -> None:
    for charter in (QuorumCharter([ONE], 1, max_drift_s=seconds), QuorumCharter([ONE], 1, delay_s=seconds)):
        with pytest.raises(ConfigError, match=f"{seconds} seconds is out of range"):
            charter.of(1, b"\x01" * 32)


def test_ordered_quorum_hint_names_the_one_threshold_or_the_range() -> None:
    for signers, hint in (([ONE], "give --threshold 1"), ([ONE, TWO, THREE], "give a --threshold from 2 to 3")):
        with pytest.raises(ConfigError, match=r"^--threshold: 9 of") as caught:
            ordered_quorum(signers, 9)
        assert caught.value.hint == hint


async def test_veto_charter_delay_that_is_too_short_names_what_it_is_measured_by() -> None:
    chain: Any = None
    with pytest.raises(ConfigError, match="--delay: 30 seconds is out of range") as caught:
        await VetoCharter(ONE, [TWO], 30).arguments(chain, chain)
    assert "from 901 to " in caught.value.hint and "more than --max-drift, which is 900" in caught.value.hint
