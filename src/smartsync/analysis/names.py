"""What functions are called: by an ABI, else by their selector. Pure but for `read_abi`, which reads a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from eth_typing import ABIFunction
from eth_utils.abi import abi_to_signature, function_abi_to_4byte_selector

from smartsync.errors import ConfigError

_VIEWS = frozenset({"view", "pure"})
_MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Named:
    """A function of an ABI: its signature, as in ``owner(bytes32)``, and whether it is there to write."""

    signature: str
    writes: bool


def named_functions(abi: Sequence[Mapping[str, Any]]) -> dict[bytes, Named]:
    """Return the functions of a JSON ABI by their 4-byte selectors.

    Raises
    ------
    ConfigError
        One of its entries is no entry of an ABI.
    """
    found = {}
    for position, entry in enumerate(abi):
        try:
            if entry.get("type", "function") != "function":
                continue
            if not isinstance(entry.get("name"), str) or not entry["name"]:
                raise ValueError("a function without a name")
            function = cast(ABIFunction, {**entry, "type": "function"})
            mutability = entry.get("stateMutability") or ("view" if entry.get("constant") else "nonpayable")
            found[function_abi_to_4byte_selector(function)] = Named(
                abi_to_signature(function), mutability not in _VIEWS
            )
        except Exception as error:
            raise ConfigError(
                f"entry {position} of the ABI is not one ({type(error).__name__}: {error})",
                hint="give the ABI as the compiler writes it",
            ) from error
    return found


def read_abi(path: Path) -> list[Mapping[str, Any]]:
    """Return the ABI in a file: a JSON ABI, or an artifact with an ``abi`` in it (forge, hardhat, truffle).

    Raises
    ------
    ConfigError
        There is no such file, or no ABI in it.
    """
    hint = 'give a JSON ABI, or a compiler\'s artifact with one under "abi"'
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"the ABI file {path} has more than {_MOST_BYTES >> 20} MiB", hint=hint)
        told = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"the ABI file {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"the ABI file {path} is not JSON: {error}", hint=hint) from error
    found = told.get("abi") if isinstance(told, dict) else told
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ConfigError(f"there is no ABI in the file {path}", hint=hint)
    if not named_functions(found):
        raise ConfigError(f"the ABI in the file {path} has no functions", hint=hint)
    return found
