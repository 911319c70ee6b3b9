from __future__ import annotations

import pytest

from smartsync.relayer.lateness import late_after_s


@pytest.mark.parametrize(
    ("poll_s", "late_s"), [(0.05, 90.0), (12.0, 90.0), (18.0, 90.0), (60.0, 300.0), (86_400.0, 432_000.0)]
)
def test_late_after_five_looks_and_never_before_ninety_seconds(poll_s: float, late_s: float) -> None:
    assert late_after_s(poll_s) == late_s
