"""The environment with secrets in files: where ``NAME`` is asked for, ``NAME_FILE`` may name a file with it.

So containers and service managers give them (Docker's secrets, systemd's credentials): a variable is seen by whoever
may look at the process or at the container's description, and by each program that it starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from smartsync.errors import ConfigError

SUFFIX = "_FILE"

_LARGEST = 65_536
"""Bytes of a secret. Whoever names a device or a database by mistake gets an answer."""

_HINT = "it has the secret alone, in one line"


class Environment(Mapping[str, str]):
    """Environment variables, each of which may be in a file that another one names.

    A file is read whenever it is asked for, so that what is exchanged there is noticed by who asks again. The end of
    its last line is no part of the secret. Empty variables count as not set.

    Parameters
    ----------
    variables
        The environment as it is.
    refuse
        Told of what cannot be read, which then counts as not set. Without it that is raised.

    Raises
    ------
    ConfigError
        From every look-up: the variable and its ``_FILE`` are both set; or the file cannot be read, is empty, too large
        or no text. Nothing of its content is repeated.
    """

    def __init__(self, variables: Mapping[str, str], refuse: Callable[[ConfigError], None] | None = None) -> None:
        self._variables: Mapping[str, str] = variables._variables if isinstance(variables, Environment) else variables
        self._refuse = refuse

    def __getitem__(self, name: str) -> str:
        file = self._variables.get(name + SUFFIX, "")
        if not file:
            return self._variables[name]
        try:
            if self._variables.get(name):
                raise ConfigError(f"{name} and {name + SUFFIX} are both set", hint="unset the one that is not meant")
            return _content(name + SUFFIX, Path(file))
        except ConfigError as error:
            if self._refuse is None:
                raise
            self._refuse(error)
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


def _content(variable: str, file: Path) -> str:
    what = f"the file {file} that {variable} names"
    try:
        with file.open("rb") as stream:
            raw = stream.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigError(
            f"{what} cannot be read: {error.strerror}", hint="check its path, and that this user may read it"
        ) from None
    if len(raw) > _LARGEST:
        raise ConfigError(f"{what} has more than {_LARGEST:,} bytes, which no secret has", hint=_HINT)
    try:
        text = raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(f"{what} is no text in UTF-8", hint=_HINT) from None
    if not text:
        raise ConfigError(f"{what} is empty", hint=_HINT)
    return text
