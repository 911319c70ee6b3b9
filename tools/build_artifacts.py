"""Compile the contracts and write what the Python package ships of them: src/smartsync/artifacts/<Name>.json.

Usage: build_artifacts.py [--check]

With --check nothing is written: the contracts are compiled from scratch, and what is shipped must be the same byte for
byte. The compiler is the WebAssembly build of tools/solc and writes no metadata hash, so every machine gets the same.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "src" / "smartsync" / "artifacts"

DEPLOYED = (
    "Hub",
    "Replica",
    "ReaderGuard",
    "QuorumAnchor",
    "BlockhashAnchor",
    "L1BlockAnchor",
    "QbftAnchor",
    "Ibft2Anchor",
    "KofNAnchor",
    "VetoAnchor",
)
"""Contracts: interface and code."""

DEMO = ("DemoReader", "DemoToken", "DemoTrader")
"""Contracts of `smartsync demo` (contracts/demo): interface and code."""

CALLED = ("IAnchor", "INativeAnchor", "IBftAnchor", "ICompositeAnchor", "IImplementations", "IL1Block")
"""Interfaces of contracts that others may have deployed, or the hub has: no code."""


def main() -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check

    wanted = {f"{name}.json": text for name, text in compile_contracts().items()}
    present = {path.name: path.read_text(encoding="utf-8") for path in SHIPPED.glob("*.json")}
    changed = sorted(name for name in wanted | present if wanted.get(name) != present.get(name))
    if check:
        for name in changed:
            how = "is missing" if name not in present else "is surplus" if name not in wanted else "differs"
            print(f"src/smartsync/artifacts/{name} {how}")
        print("run 'make build'" if changed else f"{len(wanted)} shipped artifacts match the sources")
        return 1 if changed else 0
    SHIPPED.mkdir(exist_ok=True)
    for name in changed:
        if name in wanted:
            (SHIPPED / name).write_text(wanted[name], encoding="utf-8")
        else:
            (SHIPPED / name).unlink()
    print(f"{len(wanted)} artifacts in src/smartsync/artifacts, {len(changed)} of them changed")
    return 0


def compile_contracts() -> dict[str, str]:
    """Return the text of each artifact by contract name, from a build that shares nothing with earlier ones."""
    with tempfile.TemporaryDirectory(prefix="smartsync-build-") as folder:
        out, cache = Path(folder, "out"), Path(folder, "cache")
        build = [str(ROOT / "tools" / "forge"), "build", "contracts/src", "contracts/demo"]
        subprocess.run([*build, "--out", str(out), "--cache-path", str(cache)], check=True)
        return {name: as_text(artifact_of(out, name)) for name in DEPLOYED + DEMO + CALLED}


def artifact_of(out: Path, name: str) -> dict[str, Any]:
    """Return what is shipped of one contract.

    Keys: contractName; compiler (version, EVM rules, optimizer runs); abi; for a contract that is deployed also
    bytecode (creation code) and deployedBytecode (runtime code, with zeros where immutables go), both 0x-prefixed hex.
    """
    build = json.loads((out / f"{name}.sol" / f"{name}.json").read_text(encoding="utf-8"))
    settings = build["metadata"]["settings"]
    artifact: dict[str, Any] = {
        "contractName": name,
        "compiler": {
            "version": build["metadata"]["compiler"]["version"],
            "evmVersion": settings["evmVersion"],
            "optimizerRuns": settings["optimizer"]["runs"],
        },
        "abi": build["abi"],
    }
    if name not in CALLED:
        for key in ("bytecode", "deployedBytecode"):
            if build[key].get("linkReferences"):
                raise SystemExit(f"{name} has to be linked to a library, which the package does not do")
            artifact[key] = build[key]["object"]
    return artifact


def as_text(artifact: dict[str, Any]) -> str:
    """Return JSON with one ABI entry a line, so that a diff shows which function changed."""
    lines = []
    for key, value in artifact.items():
        if key == "abi":
            entries = ",\n".join(f"    {json.dumps(entry, sort_keys=True)}" for entry in value)
            lines.append(f'  "abi": [\n{entries}\n  ]')
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main())
