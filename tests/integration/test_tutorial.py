"""What the tutorial shows of `smartsync analyze` is what it says of the playground's registry."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from smartsync.demo.ens import EnsRegistry
from smartsync.demo.stage import Stage, connected
from smartsync.testing import Node, ganache_node
from smartsync.testing.programs import tools_root

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "first-replica.md"

_VARIES = re.compile(r" \(\d+ s\)")
"""How long the playground took."""


@pytest.fixture(scope="module")
def shown() -> SimpleNamespace:
    """The command of the page, and what stands below it."""
    found = re.search(r"```sh\nsmartsync (analyze .*?)\n```\n\n```\n(.*?)\n```", PAGE.read_text("utf-8"), re.S)
    assert found is not None
    return SimpleNamespace(command=found[1], report=found[2])


def test_analyze_in_the_tutorial_reports_what_is_shown(shown: SimpleNamespace, hardhat: Node, tmp_path: Path) -> None:
    with ganache_node(chain_id=1337) as source:
        registry = asyncio.run(_registry(connected(source, hardhat)))
        (tmp_path / "playground").mkdir()
        (tmp_path / "node_modules").symlink_to(tools_root() / "node_modules")
        command = shown.command.replace("$SOURCE", registry).split()
        urls = {"SMARTSYNC_SOURCE_URL": source.url, "SMARTSYNC_TARGET_URL": hardhat.url}
        ran = subprocess.run(
            [sys.executable, "-m", "smartsync", *command],
            cwd=tmp_path / "playground",
            env=os.environ | urls | {"COLUMNS": "110"},
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert ran.returncode == 0, ran.stderr
    expected, actual = _lines(shown.report), _lines(ran.stdout)
    assert actual[: len(expected)] == expected


async def _registry(stage: Stage) -> str:
    async with stage.client:
        return (await EnsRegistry.deploy(stage)).address


def _lines(text: str) -> list[str]:
    """Return the lines of a report, its fees left out: they are in the last column of the table of costs."""
    lines = [line.rstrip() for line in text.splitlines()]
    costs = next(number for number, line in enumerate(lines) if line.startswith("transactions "))
    cut = [*lines[:costs], *(re.sub(r"\s+[\d.]+$", "", line) for line in lines[costs + 1 :])]
    return [_VARIES.sub("", line) for line in cut if not line.startswith("─")]
