from __future__ import annotations

import pytest

from smartsync.types import SlotChange


@pytest.mark.parametrize(("old", "new", "kind"), [(0, 1, "insert"), (1, 2, "update"), (1, 0, "delete")])
def test_kind_of_change_by_its_values(old: int, new: int, kind: str) -> None:
    assert SlotChange(bytes(32), old, new).kind == kind
