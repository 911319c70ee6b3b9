from __future__ import annotations

import pytest

from smartsync.relayer.clock import JUMP_S, Jumps


@pytest.mark.parametrize("jumped_s", [86_400.0, -86_400.0, JUMP_S, -JUMP_S])
def test_jumps_are_noticed_once(jumped_s: float) -> None:
    jumps = Jumps()
    assert jumps.by(1_000.0, 10.0) == 0.0, "of the first look nothing is known"
    assert jumps.by(1_012.0, 22.0) == 0.0
    assert jumps.by(1_024.0 + jumped_s, 34.0) == jumped_s
    assert jumps.by(1_036.0 + jumped_s, 46.0) == 0.0


def test_jumps_of_a_clock_that_is_adjusted_are_none() -> None:
    jumps = Jumps()
    assert [jumps.by(1_000.0 + look * 12.1, look * 12.0) for look in range(100)] == [0.0] * 100
