"""What every command does around its own work: common options, settings, errors, exit codes.

A command is a function whose first parameter is a `Session`; ``@command(…)`` gives it the options for what it needs. So
each option is written once, and each error is shown in one place.
"""

from __future__ import annotations

import functools
import inspect
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, get_type_hints
from urllib.parse import urlsplit

import typer

from smartsync.cli.help import paragraphs
from smartsync.cli.options import CONFIG_PARAMETER, output_parameters, setting_parameter
from smartsync.cli.output import Output
from smartsync.cli.session import Session
from smartsync.config import Settings, config_path, load
from smartsync.environment import Environment
from smartsync.errors import SmartSyncError

_NODES = ("source_url", "target_url", "source_chain_id", "target_chain_id", "timeout_s")
_URL = re.compile(r"https?://[^\s'\"<>]+")


def command(
    *settings: str,
    needs: tuple[str, ...] = ("source_url", "target_url"),
    configured: bool = True,
    pays: bool | None = None,
    lines: bool = False,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function a command.

    Parameters
    ----------
    settings
        Those that it takes besides the nodes': ``hub``, ``anchor``, ``keystore``, ``attestor_keystores``.
    needs
        Those that must be given, by file, environment or option. Checked before anything else happens.
    configured
        Whether it has settings at all.
    pays
        Whether its ``keystore`` pays for transactions. Default: where it has one.
    lines
        Whether its ``--json`` is one document a line.
    """
    paying = ("max_fee_gwei",) if (pays is None and "keystore" in settings) or pays else ()
    common = [CONFIG_PARAMETER, *map(setting_parameter, (*_NODES, *settings, *paying))] if configured else []

    def decorate(body: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(body)
        def run(**values: Any) -> None:
            output = Output(as_json=values.pop("as_json"), lines=lines)
            with _reported(output, debug=values.pop("debug")):
                options = {parameter.name: values.pop(parameter.name) for parameter in common}
                file = options.pop("config", None)
                loaded = load(options, os.environ, file) if configured else Settings()
                for name in needs if configured else ():
                    loaded.require(name)
                body(Session(loaded, config_path(os.environ, file), Environment(os.environ), output), **values)

        run.__doc__ = paragraphs(body.__doc__)
        return _with_parameters(run, body, [*common, *output_parameters(lines=lines)])

    return decorate


def _with_parameters(
    run: Callable[..., None], body: Callable[..., None], common: list[inspect.Parameter]
) -> Callable[..., None]:
    """Give ``run`` the signature that typer reads: the body's parameters without the session, and the common ones."""
    hints = get_type_hints(body, include_extras=True)
    own = list(inspect.signature(body).parameters.values())[1:]
    parameters = [item.replace(annotation=hints[item.name], kind=item.KEYWORD_ONLY) for item in own] + common
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by inspect.signature
    run.__annotations__ = {item.name: item.annotation for item in parameters}
    return run


@contextmanager
def _reported(output: Output, *, debug: bool) -> Iterator[None]:
    """Turn every exception into a message and an exit code; a traceback only where it was asked for."""
    try:
        yield
    except SmartSyncError as error:
        _trace(debug)
        output.failure(error)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        _trace(debug)
        output.failure(Interrupted("interrupted", hint="what was sent stands; the same command carries on from there"))
        raise typer.Exit(Interrupted.exit_code) from None
    except typer.Exit:
        raise
    except Exception as error:
        _trace(debug)
        output.failure(_unexpected(error))
        raise typer.Exit(SmartSyncError.exit_code) from None


class Interrupted(SmartSyncError):
    """The user stopped the command."""

    exit_code = 130


class UnexpectedError(SmartSyncError):
    """Something that no part of this package foresaw."""


def _unexpected(error: Exception) -> SmartSyncError:
    # Libraries put whole urls into their messages, and the path of a node's url is often a key.
    text = _URL.sub(lambda match: urlsplit(match.group()).hostname or "(url)", str(error))
    return UnexpectedError(
        f"unexpected {type(error).__name__}" + (f": {text}" if text else ""),
        hint="this is a fault in smartsync: run it again with --debug and report what it shows",
    )


def _trace(debug: bool) -> None:
    if debug:
        traceback.print_exc(file=sys.stderr)
