"""Contracts that nobody here wrote, as their npm packages ship them: compiled, with their ABI."""

from __future__ import annotations

import json
from dataclasses import dataclass

from smartsync.contracts import Abi
from smartsync.testing import ToolMissing, tools_root


@dataclass(frozen=True, slots=True)
class PackagedContract:
    """A compiled contract of an npm package. ``bytecode`` is its creation code; none of the demo's takes arguments."""

    name: str
    package: str
    version: str
    abi: Abi
    bytecode: bytes


UNISWAP_FACTORY = ("@uniswap/v3-core", "artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json")
UNISWAP_POOL = ("@uniswap/v3-core", "artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json")
ENS_REGISTRY = ("@ensdomains/ens", "build/contracts/ENSRegistry.json")


def packaged(package: str, path: str) -> PackagedContract:
    """Read one compiled contract out of ``node_modules``.

    Raises
    ------
    ToolMissing
        The package is not installed, or is another version with other files.
    """
    folder = tools_root() / "node_modules" / package
    try:
        version = json.loads((folder / "package.json").read_text("utf-8"))["version"]
        told = json.loads((folder / path).read_text("utf-8"))
        code = bytes.fromhex(told["bytecode"].removeprefix("0x"))
        return PackagedContract(told["contractName"], package, version, told["abi"], code)
    except (OSError, ValueError, KeyError) as error:
        raise ToolMissing(
            package, f"{folder / path} cannot be read", hint="run `make setup` in a checkout of SmartSync"
        ) from error
