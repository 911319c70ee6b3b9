"""Where the programs of the tests and the demo are."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
from pathlib import Path

from smartsync.errors import ConfigError


class ToolMissing(ConfigError):
    """A program that a test or the demo needs is not installed. ``tool`` names it."""

    def __init__(self, tool: str, detail: str, *, hint: str) -> None:
        super().__init__(f"{tool} is not there: {detail}", hint=hint)
        self.tool = tool


def tools_root() -> Path:
    """Return the folder that holds ``node_modules``: $SMARTSYNC_TOOLS, or the nearest one up from here.

    "Here" is the package (a source checkout, an editable install) first, then the working directory.

    Raises
    ------
    ToolMissing
        There is none.
    """
    named = os.environ.get("SMARTSYNC_TOOLS")
    cwd = Path.cwd().resolve()
    folders = [Path(named).resolve()] if named else [*Path(__file__).resolve().parents, cwd, *cwd.parents]
    for folder in folders:
        if (folder / "node_modules" / "hardhat").is_dir():
            return folder
    raise ToolMissing(
        "node_modules with hardhat",
        f"not in {named} (SMARTSYNC_TOOLS)" if named else "not in a folder above the package or the working directory",
        hint="run `make setup` in a checkout of SmartSync, or name the folder of its node_modules in SMARTSYNC_TOOLS",
    )


def npm_program(name: str) -> str:
    """Return the path of a program of ``node_modules``.

    Raises
    ------
    ToolMissing
        It is not there.
    """
    return _existing(name, tools_root() / "node_modules" / ".bin" / name)


def anvil_program() -> str:
    """Return the path of anvil: $ANVIL, or the binary of this platform's npm package.

    Raises
    ------
    ToolMissing
        There is none for this platform.
    """
    if "ANVIL" in os.environ:
        return _existing("anvil", Path(os.environ["ANVIL"]))
    machine = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    package = f"anvil-{platform.system().lower()}-{machine}"
    return _existing("anvil", tools_root() / "node_modules" / "@foundry-rs" / package / "bin" / "anvil")


def find_geth() -> Path | None:
    """Return the path of geth, from the PATH or from the ``.tools/bin`` of the checkout; None where there is none."""
    on_path = shutil.which("geth")
    if on_path:
        return Path(on_path)
    with contextlib.suppress(ToolMissing):
        built = tools_root() / ".tools" / "bin" / "geth"
        return built if built.is_file() else None
    return None


def geth_program() -> str:
    """Return the path of geth.

    Raises
    ------
    ToolMissing
        There is none.
    """
    path = find_geth()
    if path is None:
        raise ToolMissing("geth", "not on the PATH, not in .tools/bin", hint="run `make geth` (needs Go)")
    return str(path)


def _existing(name: str, path: Path) -> str:
    if path.is_file():
        return str(path)
    hint = "run `make setup`; where that brings none for this platform, name a binary in ANVIL"
    raise ToolMissing(name, f"{path} does not exist", hint=hint if name == "anvil" else "run `make setup`")
