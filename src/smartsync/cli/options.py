"""Options and arguments that several commands have in common."""

from __future__ import annotations

from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any

import typer

from smartsync.config import option_of, variable_of

ReplicaArgument = Annotated[str, typer.Argument(metavar="REPLICA", help="Address of the replica, on the target chain.")]

BlockOption = Annotated[
    str | None,
    typer.Option("--block", metavar="NUMBER", help="Source block. Default: the newest that the anchor accepts."),
]

SlotsOption = Annotated[
    Path | None,
    typer.Option(
        "--slots",
        metavar="FILE",
        help="Take the storage slots to look at from a file, instead of asking the node. Checked for completeness.",
    ),
]

LayoutOption = Annotated[
    Path | None,
    typer.Option(
        "--layout",
        metavar="FILE",
        help="The contract's storage layout, as its compiler writes it (solc, forge, Hardhat, Vyper): names slots that "
        "the node cannot tell.",
        rich_help_panel="Slots that the node cannot tell",
    ),
]

ContractOption = Annotated[
    str | None,
    typer.Option(
        "--contract",
        metavar="NAME",
        help="Which contract of the --layout file, where it has several; of one, it must be that.",
        rich_help_panel="Slots that the node cannot tell",
    ),
]

KeysOption = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        metavar="FILE",
        help="Keys of the contract's mappings that you know of: addresses, numbers, 32-byte words, one a line.",
        rich_help_panel="Slots that the node cannot tell",
    ),
]

AttestingOption = Annotated[
    list[str] | None,
    typer.Option(
        "--signer",
        metavar="ADDRESS",
        help="Who may attest to source blocks; repeatable. Default: the accounts of --attestor-keystore, else your "
        "account.",
    ),
]

MajorityOption = Annotated[
    int | None,
    typer.Option(
        "--threshold",
        metavar="M",
        min=1,
        help="How many of them must agree: more than half. Default: the smallest majority.",
    ),
]

SetDelayOption = Annotated[
    int, typer.Option("--delay", metavar="SECONDS", min=0, help="How long before new signers are in force.")
]

GuardianOption = Annotated[
    str | None,
    typer.Option(
        "--guardian", metavar="ADDRESS", help="Who may name new signers while the anchor is frozen. Default: nobody."
    ),
]

MaxDriftOption = Annotated[
    int,
    typer.Option("--max-drift", metavar="SECONDS", min=0, help="How far a source block's time may be in the future."),
]

_SETTINGS: dict[str, tuple[Any, str, str]] = {
    "source_url": (
        str | None,
        "URL",
        "JSON-RPC of the source chain, http or https; of several nodes, separated by commas.",
    ),
    "target_url": (
        str | None,
        "URL",
        "JSON-RPC of the target chain, http or https; of several nodes, separated by commas.",
    ),
    "source_chain_id": (str | None, "NUMBER", "Refuse a source node on another chain."),
    "target_chain_id": (str | None, "NUMBER", "Refuse a target node on another chain."),
    "timeout_s": (str | None, "SECONDS", "How long to wait for one answer of a node. Default: 30."),
    "hub": (str | None, "ADDRESS", "The hub, on the target chain: it keeps the replicas."),
    "anchor": (str | None, "ADDRESS", "The anchor for the source chain, on the target chain."),
    "keystore": (
        Path | None,
        "FILE",
        "Keystore file of your account, which signs what the command sends or serves. Otherwise SMARTSYNC_PRIVATE_KEY, "
        "or a prompt.",
    ),
    "max_fee_gwei": (
        str | None,
        "GWEI",
        "What a transaction may offer per gas at most. Default: 1000.",
    ),
    "attestor_keystores": (
        list[Path] | None,
        "FILE",
        "Keystore file of one of the anchor's signers, which only signs; repeatable. Otherwise "
        "SMARTSYNC_ATTESTOR_KEYS, or your account (--keystore).",
    ),
}

_CONFIG = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="TOML file with the settings. Default: smartsync.toml, if there.  [SMARTSYNC_CONFIG]",
        rich_help_panel="Settings",
    ),
]
_DEBUG = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.", rich_help_panel="Output")]


def setting_parameter(name: str) -> Parameter:
    """Return the option for a setting, as a parameter of a command."""
    annotation, metavar, text = _SETTINGS[name]
    variable = "" if name == "attestor_keystores" else f"  [{variable_of(name)}]"
    option = typer.Option(option_of(name), metavar=metavar, help=text + variable, rich_help_panel="Settings")
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[annotation, option])


CONFIG_PARAMETER = Parameter("config", Parameter.KEYWORD_ONLY, default=None, annotation=_CONFIG)


def output_parameters(*, lines: bool) -> tuple[Parameter, ...]:
    """Return the options of what a command writes; ``lines`` as in `smartsync.cli.command.command`."""
    text = "Write each event as JSON, one document a line." if lines else "Write the report as one JSON document."
    as_json = typer.Option("--json", help=text, rich_help_panel="Output")
    return (
        Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, as_json]),
        Parameter("debug", Parameter.KEYWORD_ONLY, default=False, annotation=_DEBUG),
    )
