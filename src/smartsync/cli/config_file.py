"""Writing settings into the configuration file, leaving everything else in it as it was."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path

from smartsync.errors import ConfigError

_NEW = "# Settings of SmartSync. Keys and passwords have no place here.\n"


def setting_lines(values: Mapping[str, str | int]) -> str:
    """Return settings as lines of TOML."""
    return "".join(f"{name} = {_toml(value)}\n" for name, value in values.items())


def require_writable(path: Path) -> None:
    """Check, before anything costly happens, that a file can be written. Raises ``ConfigError``."""
    folder = path.resolve().parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ConfigError(f"{path} cannot be written", hint="give another --config FILE, or leave out --write-config")


def write_settings(path: Path, values: Mapping[str, str | int]) -> None:
    """Set values in a TOML file, which is made where there is none; comments and the other settings stay.

    Raises
    ------
    ConfigError
        The file is too unusual to be edited; it is left alone.
    OSError
        It cannot be written.
    """
    target = path.resolve()
    text = target.read_text("utf-8") if target.exists() else _NEW
    for name, value in values.items():
        text = _with_setting(text, name, _toml(value))
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        read = {}
    if any(read.get(name) != value for name, value in values.items()):
        raise ConfigError(f"{path} is laid out in a way that cannot be edited here")
    beside = target.with_name(target.name + ".new")
    beside.write_text(text, "utf-8")
    if target.exists():
        shutil.copymode(target, beside)
    beside.replace(target)


def _with_setting(text: str, name: str, value: str) -> str:
    line = re.compile(rf"""^([ \t]*{name}[ \t]*=[ \t]*)("[^"\n]*"|'[^'\n]*'|[^#\s"']+)""", re.M)
    changed, count = line.subn(lambda match: match.group(1) + value, text, count=1)
    if count:
        return changed
    return text + ("" if text.endswith("\n") or not text else "\n") + f"{name} = {value}\n"


def _toml(value: str | int) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
