"""The package's docstring is a map of it, and a true one."""

from __future__ import annotations

import re
from pathlib import Path

from smartsync import anchors

MODULES = {path.stem: path for path in Path(anchors.__path__[0]).glob("*.py") if path.stem != "__init__"}
MAP = (anchors.__doc__ or "").split("A new kind touches")[0]
ORDER = re.findall(r"^- ``(\w+)``:", MAP, re.M)


def test_map_names_every_module_once() -> None:
    assert sorted(ORDER) == sorted(MODULES)


def test_map_is_in_the_order_of_the_imports() -> None:
    for place, name in enumerate(ORDER):
        imported = re.findall(r"^from smartsync\.anchors\.(\w+) import", MODULES[name].read_text("utf-8"), re.M)
        assert set(imported) <= set(ORDER[:place]), name
