"""`docs/reference/relayer-states.md` has every state of a replica, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from smartsync.relayer.states import State

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "relayer-states.md").read_text("utf-8")


def test_page_has_every_state_and_no_other() -> None:
    told = re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.M)
    assert sorted(told) == sorted(get_args(State))
