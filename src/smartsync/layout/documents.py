"""Compilers' documents: which one is this, and where in it is the contract.

==================================== =======================================================================
``{"storage": …, "types": …}``        solc, ``forge inspect NAME storage-layout --json``
``{"storageLayout": {…}}``            an artifact of Foundry (``extra_output = ["storageLayout"]``), hardhat-deploy
``{"contracts": {FILE: {NAME: …}}}``  solc's standard JSON output
``{"output": {"contracts": …}}``      Hardhat's build-info
``{"storage_layout": {…}}``           ``vyper -f layout``; likewise ``{"NAME": {"type": …, "slot": …}}`` of old versions
==================================== =======================================================================

Of Vyper's standard JSON output it is ``layout`` of a contract.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from smartsync.errors import ConfigError
from smartsync.layout.shapes import WANTED, Layout, shown
from smartsync.layout.solc import parse_solc
from smartsync.layout.vyper import parse_vyper

_MAX_BYTES = 64 * 1024 * 1024
_MAX_NESTING = 500
_NAMED_AT_MOST = 12


def parse_layout(text: str, name: str, contract: str | None = None) -> Layout:
    """Return the layout in a compiler's document.

    Parameters
    ----------
    text
        JSON.
    name
        Stands for it in messages.
    contract
        Which one, where the document has several: ``Token``, or ``src/Token.sol:Token`` where two have one name. Of a
        document of one contract it must be that one.

    Raises
    ------
    ConfigError
        It is none, it has no layout, or it does not tell of this contract, or not of which one; the hint says what file
        is wanted.
    """
    document = _json(text, name)
    contracts = document.get("output", document)
    contracts = contracts.get("contracts") if isinstance(contracts, dict) else None
    if isinstance(contracts, dict):
        chosen, document = _choose(dict(_contracts(contracts)), name, contract)
        name = f"{name}, {chosen}"
    elif contract is not None:
        _require_of(contract, document, name)
    document = _layout_of(document)
    if isinstance(document.get("storage"), list):
        return parse_solc(document, name)
    if "storage_layout" in document or _is_old_vyper(document):
        return parse_vyper(document, name)
    raise ConfigError(f"{name}: there is no storage layout in it", hint=f"{WANTED}; {_OUTPUT}")


_OUTPUT = (
    'artifacts have it where the compiler was asked for it: extra_output = ["storageLayout"] in foundry.toml, '
    "outputSelection storageLayout in Hardhat's or solc's settings"
)


def _json(text: str, name: str) -> Mapping[str, Any]:
    if len(text) > _MAX_BYTES:
        raise ConfigError(f"{name}: larger than {_MAX_BYTES >> 20} MiB", hint=WANTED)
    try:
        # Python 3.11's decoder overruns its stack on deep nesting once a dependency raised the recursion limit.
        if _nesting(text) > _MAX_NESTING:
            raise ValueError
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{name}, line {error.lineno}: not JSON: {error.msg}", hint=WANTED) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name}: nested too deep for a layout", hint=WANTED) from error
    if not isinstance(document, dict):
        raise ConfigError(f"{name}: not a JSON object: {shown(document)}", hint=WANTED)
    return document


def _nesting(text: str) -> int:
    deepest = depth = 0
    for letter in filter("[]{}".__contains__, text):
        depth += 1 if letter in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _contracts(told: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the contracts that a document tells the layout of, by ``FILE:NAME``."""
    for file, of_file in told.items():
        for name, one in of_file.items() if isinstance(of_file, dict) else ():
            if isinstance(one, dict) and (one.get("storageLayout") or one.get("layout")):
                yield f"{file}:{name}", one


def _choose(
    contracts: Mapping[str, Mapping[str, Any]], name: str, contract: str | None
) -> tuple[str, Mapping[str, Any]]:
    if not contracts:
        raise ConfigError(f"{name}: none of its contracts has a storage layout", hint=_OUTPUT)
    fitting = [one for one in contracts if contract is None or _is_called(one, contract)]
    if len(fitting) == 1:
        return fitting[0], contracts[fitting[0]]
    offered = fitting or list(contracts)
    listed = ", ".join(offered[:_NAMED_AT_MOST]) + (", …" if len(offered) > _NAMED_AT_MOST else "")
    what = "no contract" if not fitting else "more than one contract"
    called = "" if contract is None else f" {shown(contract)}"
    raise ConfigError(f"{name}: {what}{called} in it", hint=f"choose one with --contract: {listed}")


def _require_of(contract: str, document: Mapping[str, Any], name: str) -> None:
    """Check that a document of one contract is of this one: another one's layout would find few slots, or none.

    Raises
    ------
    ConfigError
        It is of another one, or does not say of which.
    """
    told = sorted(set(_names(document)))
    if not told:
        raise ConfigError(
            f"{name}: it has the layout of one contract and does not say whose, so it may not be that of "
            f"{shown(contract)}",
            hint="leave --contract out if it is; --contract chooses where a file tells of several",
        )
    if not any(_is_called(one, contract) for one in told):
        raise ConfigError(
            f"{name}: the layout in it is that of {', '.join(map(shown, told[:_NAMED_AT_MOST]))}, not of "
            f"{shown(contract)}",
            hint=f"take the file that the compiler writes of {shown(contract)} (forge inspect {contract} "
            "storage-layout --json), or leave --contract out if this is the right one",
        )


def _names(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a document of one contract says of whose it is, as ``FILE:NAME`` or ``NAME``.

    solc writes the contract beside each variable, and that is the one that inherits, not the one that declares it.
    """
    target = document.get("metadata")
    for part in ("settings", "compilationTarget"):
        target = target.get(part) if isinstance(target, dict) else None
    if isinstance(target, dict):
        yield from (f"{file}:{one}" for file, one in target.items() if isinstance(one, str))
    if isinstance(document.get("contractName"), str):
        yield f"{document.get('sourceName') or ''}:{document['contractName']}".removeprefix(":")
    entries = _layout_of(document).get("storage")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("contract"), str):
            yield entry["contract"]


def _layout_of(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the part of a contract's document that is its layout; all of it where it is nothing else."""
    parts = (document.get(key) for key in ("storageLayout", "layout"))
    return next((part for part in parts if isinstance(part, dict)), document)


def _is_called(told: str, contract: str) -> bool:
    return contract in (told, told.rpartition(":")[2])


def _is_old_vyper(document: Mapping[str, Any]) -> bool:
    return bool(document) and all(
        isinstance(entry, dict) and isinstance(entry.get("type"), str) and entry.keys() & {"slot", "offset"}
        for entry in document.values()
    )
