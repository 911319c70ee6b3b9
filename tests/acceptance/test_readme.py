"""What the README shows in Python is run as it stands there."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from smartsync.testing import Node
from tests.acceptance.sample import change, deployed_sample

README = Path(__file__).parents[2] / "README.md"
SOURCE_CHANGES = "...  # the source changes"


async def test_python_in_the_readme_forks_and_syncs(
    ganache: Node, hardhat: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.S)
    assert block.count(SOURCE_CHANGES) == 1
    assert len([line for line in block.splitlines() if line.strip()]) <= 12, "ten lines or so, as promised"
    contract = deployed_sample(ganache)
    given = {
        "source_url": ganache.url,
        "target_url": hardhat.url,
        "account": hardhat.accounts[4],
        "contract": contract,
        "source_changes": lambda: change(ganache, contract, 1, 0xC0FFEE),
    }
    names: dict[str, Any] = {}
    body = textwrap.indent(block.replace(SOURCE_CHANGES, "source_changes()"), "    ")
    exec(f"async def readme({', '.join(given)}):\n{body}", names)  # noqa: S102  # it is our own text
    await names["readme"](**given)
    shown = capsys.readouterr().out
    assert shown.count("SlotChange(") == 1
    assert f"old=41, new={0xC0FFEE}" in shown
    assert re.search(r"\[\d{5,}\]$", shown.strip()), "the gas of the one transaction"
