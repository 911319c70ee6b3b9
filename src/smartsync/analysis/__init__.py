"""Before a fork: what of a contract will work on another chain, what will not, and what it takes.

`analyze` asks the nodes; what it finds in code and figures is pure (`findings`, `cost`). Nothing is sent.
"""

from smartsync.analysis.examining import analyze
from smartsync.analysis.names import read_abi
from smartsync.analysis.report import (
    Analysis,
    ChangeReport,
    CodeReport,
    Cost,
    CostReport,
    Finding,
    FunctionReport,
    ProxyReport,
    StorageReport,
)

__all__ = [
    "Analysis",
    "ChangeReport",
    "CodeReport",
    "Cost",
    "CostReport",
    "Finding",
    "FunctionReport",
    "ProxyReport",
    "StorageReport",
    "analyze",
    "read_abi",
]
