"""`docs/explain/how-a-transition-is-proven.md` shows what `explain` shows: its tree, and the picture beside it."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console

from smartsync.cli.witness_tree import tree
from smartsync.explaining.drawing import draw
from smartsync.explaining.picture import STYLE
from smartsync.explaining.recomputing import change_of

FOLDER = Path(__file__).parents[3] / "docs" / "explain"
PAGE = (FOLDER / "how-a-transition-is-proven.md").read_text("utf-8")
PICTURE = (FOLDER / "transition.svg").read_text("utf-8")

_listing = PAGE.split("The whole witness, 75 bytes:")[1].split("```")[1]
WITNESS = bytes.fromhex("".join(re.split(r" {2,}", line)[0] for line in _listing.splitlines()))
DRAWING = draw(WITNESS, {(8).to_bytes(32, "big"): 300})


def test_page_shows_the_tree_that_explain_shows() -> None:
    console = Console(file=StringIO(), width=120, markup=False, emoji=False, highlight=False)
    tree(console, DRAWING, {one.slot: change_of(one, None) for one in DRAWING.writes})
    shown = PAGE.split("## To see it")[1].split("```")[1].strip("\n")
    assert console.file.getvalue().rstrip("\n") == shown  # type: ignore[attr-defined]  # a StringIO


def test_page_picture_is_of_this_witness_and_as_it_is_drawn_today() -> None:
    ElementTree.fromstring(PICTURE)  # noqa: S314  # our own
    assert STYLE in PICTURE, "draw it again: SMARTSYNC_DRAW_PAGE=1 pytest tests/integration/test_explain.py -k example"
    for root in (DRAWING.old_root, DRAWING.new_root):
        assert root is not None and f"0x{root.hex()}" in PICTURE
    assert "300 → nothing" in PICTURE and "deleted" in PICTURE
