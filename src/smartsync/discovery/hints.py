"""What the user knows of a contract beyond what nodes tell: its storage layout, and keys of its mappings.

A file of keys has one a line: an address, a number (decimal or 0x), up to 32 bytes of hex, or a text in double quotes.

::

    # holders
    0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed
    42
    0x9f5e…                # 64 digits: a word, such as a name's hash
    "alice"                # a key of mapping(string => …)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smartsync.addresses import checked_address
from smartsync.errors import ConfigError
from smartsync.layout import Layout, Pool, parse_layout

_HEX = re.compile(r"0[xX]([0-9a-fA-F]{1,64})", re.A)
_DECIMAL = re.compile(r"-?[0-9]{1,78}", re.A)


@dataclass(frozen=True, slots=True)
class Hints:
    """``words`` are 32 bytes each, as a mapping hashes them; ``texts`` are keys of text or bytes.

    Nothing of it is trusted: what does not fit finds nothing.
    """

    layout: Layout | None = None
    words: tuple[bytes, ...] = ()
    texts: tuple[bytes, ...] = ()

    @property
    def advice(self) -> str:
        """What to do where slots are missing in spite of these hints; empty where there are none."""
        if self.layout is None:
            return ""
        keys = "more keys" if self.words or self.texts else "the keys"
        return (
            f"check that the layout is this contract's (a proxy's: its implementation's) and give {keys} of its "
            "mappings with --keys FILE (docs/how-to/name-the-slots.md); or take a node with debug_storageRangeAt or "
            "prestateTracer"
        )

    def pool(self) -> Pool:
        """Return a pool with these keys in it, to which others can be added."""
        return Pool(self.words, self.texts)


NO_HINTS = Hints()


def read_hints(layout: Path | None = None, contract: str | None = None, keys: Path | None = None) -> Hints:
    """Return the hints of files.

    Parameters
    ----------
    layout
        A compiler's document, see `smartsync.layout.documents`.
    contract
        Which contract of it, where it has several.
    keys
        A file of keys.

    Raises
    ------
    ConfigError
        A file cannot be read, or is not what it should be; a contract is named without a layout.
    """
    if contract is not None and layout is None:
        raise ConfigError("a contract is named without a layout", hint="give the compiler's document: --layout FILE")
    described = None if layout is None else parse_layout(_text(layout, "layout"), str(layout), contract)
    words, texts = ((), ()) if keys is None else parse_keys(_text(keys, "keys file"), str(keys))
    return Hints(described, words, texts)


def parse_keys(text: str, name: str = "keys") -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Return the words (32 bytes each) and texts of a file of keys. ``name`` stands for it in messages.

    Raises
    ------
    ConfigError
        A line is no key; tells which.
    """
    words: dict[bytes, None] = {}
    texts: dict[bytes, None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        place = f"{name}, line {number}"
        if line.lstrip().startswith('"'):
            texts[_quoted(line.lstrip(), place)] = None
        elif key := line.partition("#")[0].strip():
            words |= dict.fromkeys(_words(key, place))
    return tuple(words), tuple(texts)


def _words(key: str, place: str) -> Iterator[bytes]:
    """Yield the words that a key may mean: bytes are numbers, and fixed bytes that fill a word from the left."""
    if found := _HEX.fullmatch(key):
        digits = found[1]
        if len(digits) == 40:
            checked_address(f"0x{digits}", place)
        yield bytes.fromhex(digits.zfill(64))
        if len(digits) < 64 and len(digits) % 2 == 0 and len(digits) != 40:
            yield bytes.fromhex(digits.ljust(64, "0"))
    elif _DECIMAL.fullmatch(key) and -(2**255) <= int(key) < 2**256:
        yield (int(key) % 2**256).to_bytes(32, "big")
    else:
        shown = key if len(key) <= 80 else f"{key[:77]}..."
        raise ConfigError(
            f"{place}: not a key: {shown!r}",
            hint="a key is an address, a number, up to 32 bytes of hex with 0x, or a text in double quotes",
        )


def _quoted(line: str, place: str) -> bytes:
    """Return the text that a line begins with; only a comment may follow."""
    try:
        text, end = json.JSONDecoder().raw_decode(line)
        if not line[end:].partition("#")[0].strip():
            return str(text).encode()
    except ValueError:
        pass  # no quotation mark at the end, an unknown escape, or half a character
    raise ConfigError(f"{place}: not a text in double quotes: {line[:80]}")


def _text(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"the {what} {path} cannot be read: {reason}") from error
