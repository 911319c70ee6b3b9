"""What the commands of ``smartsync relayer`` are given, and the libraries that they need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from smartsync.errors import ConfigError
from smartsync.relayer.configuration import Configuration
from smartsync.relayer.missing import package_missing
from smartsync.relayer.replicas import Replica

ConfigurationFile = Annotated[
    Path,
    typer.Option("--config", metavar="FILE", help="The relayer's configuration.", envvar="SMARTSYNC_RELAYER_CONFIG"),
]


@contextmanager
def relayers_libraries() -> Iterator[None]:
    """Say what to install where a package of the relayer's is missing. Raises ``ConfigError``."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise package_missing("the relayer", error) from error


def chosen_replica(configuration: Configuration, text: str) -> Replica:
    """Return the replica of a configuration that is called so, or has this address in any case.

    Raises
    ------
    ConfigError
        None is, or several on different chains are.
    """
    wanted = text.strip().lower()
    found = [one for one in configuration.replicas if text == one.name or wanted == one.address.lower()]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"{one.name} ({one.pair})" for one in found)
        raise ConfigError(f"{text} is the address of several replicas: {names}", hint="give the name of one of them")
    told = ", ".join(one.name for one in configuration.replicas[:10])
    more = "" if len(configuration.replicas) <= 10 else f" and {len(configuration.replicas) - 10} more"
    raise ConfigError(
        f"{configuration.file} has no replica {text!r}",
        hint=f"give the name or the address of one that it has: {told}{more}" if told else "it has none at all",
    )
