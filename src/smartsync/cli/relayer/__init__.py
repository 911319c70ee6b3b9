"""``smartsync relayer``: what is done with a relayer besides running it."""

import typer

from smartsync.cli.help import Command, Group
from smartsync.cli.relayer.now import now
from smartsync.cli.relayer.rebuild import rebuild
from smartsync.cli.relayer.status import status

__all__ = ["relayer"]

relayer = typer.Typer(
    cls=Group,
    help="Look at what a relayer keeps, ask it for a sync, make its database anew out of the chains.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for _name, _command in {"status": status, "now": now, "rebuild": rebuild}.items():
    relayer.command(_name, cls=Command)(_command)
