"""Discovery from a file: the slots that somebody else knows.

::

    # plain text: one slot a line, hexadecimal with 0x (short is fine) or decimal
    0
    0x1
    0x290decd9548b62a8d60345a988386fc84ba6bc95484008f6362f93160ef3e563   # a comment

or a JSON array of the same: ``[0, "0x1", "17"]``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from smartsync.errors import ConfigError

_HEX = re.compile(r"0[xX]([0-9a-fA-F]{1,64})", re.A)
_MAX_BRACKETS = 500
_DECIMAL = re.compile(r"[0-9]{1,78}", re.A)


def read_slots(path: Path) -> set[bytes]:
    """Return the slots (32 bytes each) of a file.

    Raises
    ------
    ConfigError
        The file cannot be read, or something in it is not a slot; tells the line (or the place in the array).
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"the slots file {path} cannot be read: {reason}") from error
    return parse_slots(text, str(path))


def parse_slots(text: str, name: str = "slots") -> set[bytes]:
    """Return the slots of a text. ``name`` stands for it in messages.

    Raises
    ------
    ConfigError
        As `read_slots`.
    """
    if text.lstrip().startswith("["):
        return _parse_array(text, name)
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return {_slot(line, f"{name}, line {number}") for number, line in enumerate(lines, 1) if line}


def _parse_array(text: str, name: str) -> set[bytes]:
    # Python 3.11's decoder overruns its stack on deep nesting once a dependency (py_ecc) raised the recursion limit.
    if text.count("[") + text.count("{") > _MAX_BRACKETS:
        raise ConfigError(f"{name}: not a JSON array of slots, but of arrays")
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{name}, line {error.lineno}: not JSON: {error.msg}") from error
    except ValueError as error:
        raise ConfigError(f"{name}: not a JSON array of slots") from error
    return {_slot(_plain(item), f"{name}, item {number}") for number, item in enumerate(items, 1)}


def _plain(item: object) -> str:
    if isinstance(item, str):
        return item.strip()
    return str(item) if isinstance(item, int) and not isinstance(item, bool) else json.dumps(item)


def _slot(text: str, place: str) -> bytes:
    hexadecimal = _HEX.fullmatch(text)
    if hexadecimal:
        return bytes.fromhex(hexadecimal.group(1).zfill(64))
    if _DECIMAL.fullmatch(text) and int(text) < 1 << 256:
        return int(text).to_bytes(32, "big")
    shown = text if len(text) <= 80 else f"{text[:77]}..."
    raise ConfigError(
        f"{place}: not a slot: {shown!r}", hint="a slot is a number below 2^256: hexadecimal with 0x, or decimal"
    )
