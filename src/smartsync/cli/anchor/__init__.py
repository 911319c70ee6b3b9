"""``smartsync anchor``: whatever is done with an anchor itself."""

import typer

from smartsync.cli.anchor.deploy import deploy
from smartsync.cli.anchor.extend import extend
from smartsync.cli.anchor.keep import keep
from smartsync.cli.anchor.recover import recover
from smartsync.cli.anchor.report import report
from smartsync.cli.anchor.revoke import revoke
from smartsync.cli.anchor.rotate import rotate
from smartsync.cli.anchor.show import show
from smartsync.cli.anchor.sign_set import sign_set
from smartsync.cli.anchor.update import update
from smartsync.cli.help import Command, Group

__all__ = ["anchor"]

_COMMANDS = {
    "show": show,
    "update": update,
    "keep": keep,
    "extend": extend,
    "revoke": revoke,
    "report": report,
    "sign-set": sign_set,
    "rotate": rotate,
    "recover": recover,
}

anchor = typer.Typer(
    cls=Group,
    help="Look at an anchor, have it accept blocks, change its signers, report misbehaviour, deploy one of any kind.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for _name, _command in _COMMANDS.items():
    anchor.command(_name, cls=Command)(_command)
anchor.add_typer(deploy, name="deploy")
