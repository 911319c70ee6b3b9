"""Contracts compiled on the spot by the project's own compiler, and those that npm packages ship compiled."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
SAMPLE = Path(__file__).with_name("Asking.sol")
PEER = "0x00000000000000000000000000000000DeaDBeef"


@dataclass(frozen=True)
class Compiled:
    """A contract: its ABI and its runtime code, each immutable of which is `PEER`."""

    abi: list[dict[str, Any]]
    code: bytes


def solc(source: str, name: str, **settings: object) -> Compiled:
    """Compile one contract."""
    if shutil.which("node") is None or not (ROOT / "node_modules" / "solc").is_dir():
        pytest.skip("no node, or no solc in node_modules: `make setup` brings it")
    output = {"*": {"*": ["abi", "evm.deployedBytecode"]}}
    asked = {
        "language": "Solidity",
        "sources": {"a.sol": {"content": source}},
        "settings": {"outputSelection": output, "evmVersion": "cancun", **settings},
    }
    run = subprocess.run(
        [str(ROOT / "tools" / "solc"), "--standard-json"], input=json.dumps(asked), capture_output=True, text=True
    )
    told = json.loads(run.stdout)
    assert not [error for error in told.get("errors", []) if error["severity"] == "error"], told["errors"]
    contract = told["contracts"]["a.sol"][name]
    deployed = contract["evm"]["deployedBytecode"]
    code = bytearray.fromhex(deployed["object"])
    for places in deployed.get("immutableReferences", {}).values():
        for place in places:
            code[place["start"] : place["start"] + 32] = bytes.fromhex(PEER[2:]).rjust(32, b"\0")
    return Compiled(contract["abi"], bytes(code))


def packaged(path: str) -> Compiled:
    """Return a contract of an npm package of the demo's, as it was compiled years ago."""
    file = ROOT / "node_modules" / path
    if not file.is_file():
        pytest.skip(f"no {path} in node_modules: `make setup` brings it")
    told = json.loads(file.read_text("utf-8"))
    return Compiled(told["abi"], bytes.fromhex(told["deployedBytecode"][2:]))


@pytest.fixture(
    scope="session",
    params=[
        {"optimizer": {"enabled": False}},
        {"optimizer": {"enabled": True, "runs": 200}},
        {"optimizer": {"enabled": True, "runs": 200}, "viaIR": True},
    ],
    ids=["plain", "optimised", "via-ir"],
)
def asking(request: pytest.FixtureRequest) -> Compiled:
    """Give the sample, compiled in the three ways that compilers differ most by."""
    return solc(SAMPLE.read_text("utf-8"), "Asking", **request.param)


@pytest.fixture(scope="session")
def pool() -> Compiled:
    """Give Uniswap v3's pool, whose immutables are zero here."""
    return packaged("@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json")


@pytest.fixture(scope="session")
def registry() -> Compiled:
    """Give the ENS registry."""
    return packaged("@ensdomains/ens/build/contracts/ENSRegistry.json")
