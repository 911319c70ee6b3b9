from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR

import pytest

from smartsync.amounts import duration, ether, gwei, moment


@pytest.mark.parametrize(
    ("wei", "told"), [(0, "0"), (1, "0.000000001"), (10**9, "1"), (15 * 10**8, "1.5"), (10**12, "1000")]
)
def test_gwei_is_exact(wei: int, told: str) -> None:
    assert gwei(wei) == told


def test_ether_is_rounded_as_asked() -> None:
    assert ether(123_456_789 * 10**10, ROUND_FLOOR) == "1.234"
    assert ether(123_456_789 * 10**10, ROUND_CEILING) == "1.235"
    assert ether(1, ROUND_FLOOR) == "0.000000000000000001"


def test_moment_and_duration_of_any_number_are_told() -> None:
    assert moment(0) == "1970-01-01 00:00:00 UTC"
    assert moment(2**64 - 1) == f"second {2**64 - 1}"
    assert duration(90_061) == "1 day, 1:01:01"
    assert duration(2**64) == f"{2**64} s"
