from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smartsync.errors import ConfigError
from smartsync.layout import parse_layout

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "layouts.json").read_text())
TOKEN = VECTORS["Token"]["layout"]
OTHER = VECTORS["Base"]["layout"]
VYPER = VECTORS["VyperVariables"]["layout"]
FIRST = {"Token": "name", "Base": "owner+paused+kind"}


def contracts(**named: Any) -> dict[str, Any]:
    return {"contracts": {"src/A.sol": {name: {"abi": [], "storageLayout": layout} for name, layout in named.items()}}}


def parse(document: object, contract: str | None = None) -> str:
    """Return the name of the first variable."""
    return parse_layout(json.dumps(document), "file.json", contract).variables[0].name


@pytest.mark.parametrize(
    "document",
    [
        TOKEN,
        {"abi": [], "bytecode": {}, "storageLayout": TOKEN},
        {"storageLayout": TOKEN, "transientStorageLayout": {"storage": [{"bad": 1}], "types": None}},
        contracts(Token=TOKEN),
        {"id": "x", "input": {}, "output": contracts(Token=TOKEN)},
        {"id": "x", "output": contracts(Token=TOKEN, Nothing=None)},
    ],
    ids=["bare", "artifact", "transient", "standard json", "build-info", "interfaces"],
)
def test_parse_layout_finds_the_only_contract_in_every_shape(document: object) -> None:
    assert parse(document) == FIRST["Token"]


@pytest.mark.parametrize(
    "document",
    [VYPER, VYPER["storage_layout"], {"contracts": {"a.vy": {"a": {"layout": VYPER}}}}],
    ids=["new", "old", "standard json"],
)
def test_parse_layout_finds_vyper(document: object) -> None:
    assert parse(document) == "$.nonreentrant_key"


@pytest.mark.parametrize("contract", ["Token", "src/A.sol:Token"])
def test_parse_layout_takes_the_contract_that_is_named(contract: str) -> None:
    assert parse(contracts(Token=TOKEN, Base=OTHER), contract) == FIRST["Token"]


@pytest.mark.parametrize(("contract", "says"), [(None, "more than one contract"), ("Gone", "no contract 'Gone'")])
def test_parse_layout_contract_that_is_not_told_is_asked_for(contract: str | None, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        parse(contracts(Token=TOKEN, Base=OTHER), contract)
    assert caught.value.hint == "choose one with --contract: src/A.sol:Token, src/A.sol:Base"


ARTIFACT = {"metadata": {"settings": {"compilationTarget": {"src/A.sol": "Empty"}}}, "storageLayout": {"storage": []}}
"""Of a contract without variables, which Foundry's artifact names all the same."""


@pytest.mark.parametrize(
    ("document", "contract"),
    [
        (TOKEN, "Token"),
        (TOKEN, "Variables.sol:Token"),
        ({"abi": [], "storageLayout": TOKEN}, "Token"),
        ({"contractName": "Made", "sourceName": "src/M.sol", "storageLayout": TOKEN}, "src/M.sol:Made"),
        (ARTIFACT, "src/A.sol:Empty"),
    ],
    ids=["forge inspect", "with its file", "artifact", "hardhat-deploy", "no variables"],
)
def test_parse_layout_of_one_contract_takes_its_name(document: dict[str, Any], contract: str) -> None:
    expected = parse_layout(json.dumps(document), "file.json")
    assert parse_layout(json.dumps(document), "file.json", contract) == expected


@pytest.mark.parametrize(
    ("document", "contract", "whose"),
    [
        (TOKEN, "Base", "'Variables.sol:Token'"),
        (TOKEN, "src/Other.sol:Token", "'Variables.sol:Token'"),
        (TOKEN, "oken", "'Variables.sol:Token'"),
        ({"abi": [], "storageLayout": TOKEN}, "Base", "'Variables.sol:Token'"),
        (ARTIFACT, "Token", "'src/A.sol:Empty'"),
    ],
    ids=["forge inspect", "another file", "a part of the name", "artifact", "no variables"],
)
def test_parse_layout_of_another_contract_than_the_named_one_is_refused(
    document: dict[str, Any], contract: str, whose: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_layout(json.dumps(document), "file.json", contract)
    assert caught.value.message == f"file.json: the layout in it is that of {whose}, not of '{contract}'"
    assert f"forge inspect {contract} storage-layout --json" in caught.value.hint


@pytest.mark.parametrize("document", [VYPER, VYPER["storage_layout"], {"storage": [], "types": {}}])
def test_parse_layout_that_does_not_say_whose_it_is_is_not_taken_for_the_named_one(document: object) -> None:
    with pytest.raises(ConfigError, match="does not say whose") as caught:
        parse_layout(json.dumps(document), "file.json", "Token")
    assert "leave --contract out" in caught.value.hint


@pytest.mark.parametrize("told", [7, {"settings": 7}, {"settings": {"compilationTarget": 7}}])
def test_parse_layout_metadata_that_is_none_names_nothing(told: object) -> None:
    with pytest.raises(ConfigError, match="does not say whose"):
        parse_layout(json.dumps({"metadata": told, "storage": [7, {"contract": 7}]}), "file.json", "Token")


def test_parse_layout_two_contracts_of_one_name_are_told_apart_by_file() -> None:
    document = contracts(Token=TOKEN)
    document["contracts"]["src/B.sol"] = {"Token": {"storageLayout": OTHER}}
    with pytest.raises(ConfigError, match="more than one contract 'Token'"):
        parse(document, "Token")
    assert parse(document, "src/B.sol:Token") == FIRST["Base"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ("5", "not a JSON object"),
        ("{}", "no storage layout"),
        ('{"abi": []}', "no storage layout"),
        ('{"storageLayout": null}', "no storage layout"),
        ('{"contracts": {}}', "none of its contracts has a storage layout"),
        ('{"contracts": {"a.sol": {"A": {"abi": []}}}}', "none of its contracts has a storage layout"),
        ('{"contracts": {"a.sol": []}}', "none of its contracts has a storage layout"),
        ('{"output": 5}', "no storage layout"),
        ("[" * 100_000, "nested too deep"),
        ('{"a":' * 100_000, "nested too deep"),
    ],
)
def test_parse_layout_other_files_are_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_layout(text, "file.json")
    assert says in caught.value.message and caught.value.message.startswith("file.json")
    assert "storageLayout" in caught.value.hint
