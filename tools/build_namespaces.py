"""Write src/smartsync/layout/openzeppelin.json: the ERC-7201 namespaces of OpenZeppelin's upgradeable contracts.

Usage: build_namespaces.py NODE_MODULES

NODE_MODULES is a folder with ``@openzeppelin/contracts-upgradeable`` and ``@openzeppelin/contracts`` in it: they are no
dependency of this repository, so put them elsewhere with ``npm install --prefix FOLDER``. solc says where each struct
that is annotated with ``@custom:storage-location erc7201:…`` has its members.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "src" / "smartsync" / "layout" / "openzeppelin.json"
PACKAGE = "@openzeppelin/contracts-upgradeable"
_ANNOTATED = re.compile(r"@custom:storage-location\s+(erc7201:\S+)")
_AST_ID = re.compile(r"(\))(\d+)(?=_storage|_memory|$|,|\))")


def main() -> int:
    """Run the command line and return its exit code."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    folder = Path(sys.argv[1]).resolve()
    version = json.loads((folder / PACKAGE / "package.json").read_text("utf-8"))["version"]
    sources = {
        str(path.relative_to(folder)): {"content": path.read_text("utf-8")}
        for package in (PACKAGE, "@openzeppelin/contracts")
        for path in sorted((folder / package).rglob("*.sol"))
        if "mocks" not in path.parts
    }
    structs = sorted(annotated(sources))
    harness = "".join(
        f'import {{{contract}}} from "{file}";\ncontract Harness{number} {{ {contract}.{struct} s; }}\n'
        for number, (_, file, contract, struct) in enumerate(structs)
    )
    sources["harness.sol"] = {"content": f"pragma solidity ^0.8.0;\n{harness}"}
    compiled = solc(sources, {"harness.sol": {"*": ["storageLayout"]}})["contracts"]["harness.sol"]
    document: dict[str, Any] = {"source": f"{PACKAGE} {version}", "storage": [], "types": {}, "namespaces": {}}
    for number, (identifier, *_) in enumerate(structs):
        layout = compiled[f"Harness{number}"]["storageLayout"]
        held = layout["storage"][0]["type"]
        document["namespaces"][identifier] = layout["types"][held]["members"]
        document["types"] |= {key: told for key, told in layout["types"].items() if key != held}
    OUTPUT.write_text(json.dumps(plain(document), indent=1, sort_keys=True) + "\n", "utf-8")
    print(f"{OUTPUT.relative_to(ROOT)}: {len(structs)} namespaces of {document['source']}")
    return 0


def annotated(sources: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Yield namespace, file, contract and struct of each annotated struct."""
    for file, told in solc(sources, {"*": {"": ["ast"]}})["sources"].items():
        for contract in told["ast"]["nodes"]:
            for node in contract.get("nodes", ()) if contract["nodeType"] == "ContractDefinition" else ():
                text = (node.get("documentation") or {}).get("text", "") if "documentation" in node else ""
                if node["nodeType"] == "StructDefinition" and (found := _ANNOTATED.search(text)):
                    yield found.group(1), file, contract["name"], node["name"]


def solc(sources: dict[str, Any], wanted: dict[str, Any]) -> Any:
    """Return what the compiler of tools/solc says."""
    settings = {"evmVersion": "osaka", "outputSelection": wanted}
    given = json.dumps({"language": "Solidity", "sources": sources, "settings": settings})
    command = [str(ROOT / "tools" / "solc"), "--standard-json"]
    told = json.loads(subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout)
    errors = [one["formattedMessage"] for one in told.get("errors", ()) if one["severity"] == "error"]
    if errors:
        raise SystemExit("\n".join(errors))
    return told


def plain(document: Any) -> Any:
    """Leave out what depends on the order of compilation: numbers of the syntax tree, by which types are named."""
    numbers: dict[str, str] = {}

    def named(text: str) -> str:
        return _AST_ID.sub(lambda found: found[1] + numbers.setdefault(found[2], str(len(numbers) + 1)), text)

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {named(key): strip(one) for key, one in value.items() if key not in ("astId", "contract")}
        if isinstance(value, list):
            return [strip(one) for one in value]
        return named(value) if isinstance(value, str) and value.startswith("t_") else value

    return strip(document)


if __name__ == "__main__":
    sys.exit(main())
