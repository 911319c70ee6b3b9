"""``smartsync demo``: all of it on two chains that are started here, with contracts that nobody here wrote.

``stage`` is where it plays; ``ens`` and ``uniswap`` are the originals, ``reader`` the contract that reads them;
``questions`` compares, ``attack`` forges, ``show`` writes to the terminal, and ``story`` knows the order.
"""

from __future__ import annotations

import json
import sys

from rich.console import Console

from smartsync.demo.report import as_json_document
from smartsync.demo.show import Show
from smartsync.demo.story import play

__all__ = ["run"]


async def run(console: Console, *, as_json: bool) -> int:
    """Play the demo and return the exit code: 0 if everything holds that it shows, else 1.

    Parameters
    ----------
    console
        Where it is shown.
    as_json
        Whether everything that happened is also written to stdout, as one JSON document.

    Raises
    ------
    ToolMissing
        The nodes or the contracts are not there: it needs a checkout of the repository after ``make setup``.
    SmartSyncError
        A step failed. The nodes are stopped in any case.
    """
    report = await play(Show(console))
    if as_json:
        sys.stdout.write(json.dumps(as_json_document(report), indent=2) + "\n")
        sys.stdout.flush()
    return 0 if report.ok else 1
