"""Generate ``layouts.json``: contracts of ``layouts/`` with what their compilers say of their storage.

Run ``python tests/vectors/generate_layouts.py VYPER OLDER``, the programs being Vyper 0.4.3 and 0.3.10 (no dependencies
of this repository: ``pip install vyper==0.4.3`` into an environment of its own); solc is that of ``tools``. The output
is the same every time.

By contract: ``compiler``, ``creation`` (code in hex, without constructor arguments), ``layout`` as the compiler wrote
it, ``fill`` (the signature of what gives every variable a value).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SOURCES = HERE / "layouts"
OUTPUT = HERE / "layouts.json"
SOLC = HERE.parents[1] / "tools" / "solc"
FILL = {"Variables": "fill(address,address,uint256,bytes32,int24,string)", "Namespaced": "fill(address,address)"}


def main() -> int:
    """Compile all of them."""
    if len(sys.argv) != 3:
        print(__doc__)
        return 2
    made = solidity("Variables.sol")
    made["VyperVariables"] = vyper(sys.argv[1], "Variables.vy")
    made["OlderVyperVariables"] = vyper(sys.argv[2], "Older.vy")
    OUTPUT.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n", "utf-8")
    return 0


def solidity(file: str) -> dict[str, Any]:
    """Return the contracts of a file."""
    settings = {
        "evmVersion": "shanghai",
        "optimizer": {"enabled": True},
        "metadata": {"appendCBOR": False},
        "outputSelection": {"*": {"*": ["storageLayout", "evm.bytecode.object"]}},
    }
    source = {file: {"content": (SOURCES / file).read_text("utf-8")}}
    given = {"language": "Solidity", "sources": source, "settings": settings}
    told = json.loads(run([str(SOLC), "--standard-json"], json.dumps(given)))
    assert not [one for one in told.get("errors", ()) if one["severity"] == "error"], told["errors"]
    return {
        name: {
            "compiler": run([str(SOLC), "--version"]).splitlines()[-1].removeprefix("Version: "),
            "creation": one["evm"]["bytecode"]["object"],
            "layout": one["storageLayout"],
            "fill": FILL.get(name, ""),
        }
        for name, one in told["contracts"][file].items()
    }


def vyper(program: str, file: str) -> dict[str, Any]:
    """Return the contract of a file."""
    return {
        "compiler": f"vyper {run([program, '--version']).strip()}",
        "creation": run([program, "-f", "bytecode", str(SOURCES / file)]).strip().removeprefix("0x"),
        "layout": json.loads(run([program, "-f", "layout", str(SOURCES / file)])),
        "fill": FILL["Variables"],
    }


def run(command: list[str], given: str = "") -> str:
    """Return what a program writes."""
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
