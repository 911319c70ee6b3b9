"""`CONTRIBUTING.md` has every verb of the Makefile, and no other."""

from __future__ import annotations

import re

from tests.named_tests import ROOT


def test_page_has_every_verb_and_no_other() -> None:
    known = set(re.findall(r"^([a-z-]+):.*  ## ", (ROOT / "Makefile").read_text("utf-8"), re.M))
    told = set(re.findall(r"`make ([a-z-]+)", (ROOT / "CONTRIBUTING.md").read_text("utf-8")))
    assert told == known - {"help"}
