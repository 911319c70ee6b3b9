from __future__ import annotations

import io

import pytest
from rich.console import Console

from smartsync.cli.relayer.rebuild import _draw
from smartsync.relayer.rebuilding import Rebuilt


@pytest.mark.parametrize(("check", "is_said"), [(False, True), (True, False)])
def test_draw_says_that_what_the_database_lacked_is_there_now(check: bool, is_said: bool) -> None:
    """By itself "not in the database" reads as if it had failed."""
    stream = io.StringIO()
    _draw(Console(file=stream, width=120), [Rebuilt("a-b", differences=("ENS: not in the database",))], "", check=check)
    told = stream.getvalue()
    assert "ENS: not in the database" in told
    assert ("what the database lacked, and has now:" in told) is is_said
