"""Which commands there are, and what ``smartsync --help`` says."""

from __future__ import annotations

from typing import Annotated

import typer

from smartsync import __version__
from smartsync.cli.analyze import analyze
from smartsync.cli.anchor import anchor
from smartsync.cli.attest import attest
from smartsync.cli.attestor import attestor
from smartsync.cli.call import call
from smartsync.cli.demo import demo
from smartsync.cli.deploy import deploy
from smartsync.cli.diff import diff
from smartsync.cli.doctor import doctor
from smartsync.cli.ending import broken_pipes_are_quiet
from smartsync.cli.explain import explain
from smartsync.cli.fork import fork
from smartsync.cli.guard import guard
from smartsync.cli.halt import halt
from smartsync.cli.help import Command, Group
from smartsync.cli.relayer import relayer
from smartsync.cli.run import run
from smartsync.cli.status import status
from smartsync.cli.supply import supply
from smartsync.cli.sync import sync
from smartsync.cli.verify import verify
from smartsync.cli.watch import watch

_EPILOG = (
    "Settings come from ./smartsync.toml, then SMARTSYNC_… variables, then options; the last one given wins. "
    "Keys come from a keystore file, SMARTSYNC_PRIVATE_KEY or a prompt, never from an argument.\n\n"
    "Exit codes: 0 done, 1 unexpected, 2 usage or configuration, 3 node, 4 proof, 5 source, 6 replica, 7 transaction, "
    "8 anchor, 130 interrupted, 141 nobody reads the report any more."
)

_PANELS = {
    "Set up": (demo, doctor, analyze, deploy),
    "Replicate": (fork, sync, watch, run, supply, attest, attestor, guard, halt),
    "Look, at no cost": (status, diff, verify, explain, call),
}

app = typer.Typer(
    name="smartsync",
    cls=Group,
    help="Keep a contract of one EVM chain alive on another: same code, same storage, every update proven on chain.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    # Its tracebacks show local variables, and one of those can be a key.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _panel, _commands in _PANELS.items():
    for _command in _commands:
        app.command(cls=Command, rich_help_panel=_panel)(_command)
app.add_typer(anchor, name="anchor", rich_help_panel="Replicate")
app.add_typer(relayer, name="relayer", rich_help_panel="Replicate")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"smartsync {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Options that need no command."""


def main() -> None:
    """Run the command line: the entry point of the installed script."""
    with broken_pipes_are_quiet():
        app(prog_name="smartsync")
