"""What several of the anchor commands are given, and how it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from smartsync.anchors.asking import TOKEN
from smartsync.anchors.collecting import RemoteSigners
from smartsync.cli.session import Session
from smartsync.config import parse_address, parse_block
from smartsync.errors import ConfigError

BlockOption = Annotated[
    str | None,
    typer.Option(
        "--block",
        metavar="BLOCK",
        help="Source block: a number, finalized, or safe. Default: the newest that can be proven.",
    ),
]

FromOption = Annotated[
    list[str] | None,
    typer.Option(
        "--from",
        metavar="URL",
        help="An attestor of a quorum anchor, to fetch its signature from; repeatable. Each signature is checked. The "
        f"attestor is shown the token in the environment variable {TOKEN}, where there is one.",
    ),
]

SignerOption = Annotated[
    list[str],
    typer.Option("--signer", metavar="ADDRESS", help="One of the new signers; repeatable.", show_default=False),
]

ThresholdOption = Annotated[
    int,
    typer.Option("--threshold", metavar="M", min=1, help="How many of them must agree: more than half."),
]

WriteConfigOption = Annotated[
    bool, typer.Option("--write-config", help="Write the anchor into the configuration file.")
]


def chosen_block(text: str | None) -> int | str | None:
    """Return a block's number or word. Raises ``ConfigError``."""
    if text is None or text in ("finalized", "safe"):
        return text
    try:
        return parse_block(text)
    except ConfigError as error:
        error.hint += ", or finalized, or safe"
        raise


def remote_signers(session: Session, urls: list[str] | None) -> RemoteSigners | None:
    """Return the attestors at these urls, ``None`` where there are none. Raises ``ConfigError``."""
    return RemoteSigners(urls, session.environ.get(TOKEN) or None) if urls else None


def addresses(texts: list[str], option: str) -> list[str]:
    """Return addresses checksummed. Raises ``ConfigError``."""
    return [parse_address(text, f"the option {option}") for text in texts]


def hex_bytes(text: str, what: str, size: int | None = None) -> bytes:
    """Return the bytes of a text in hex, of this size where it is given.

    Parameters
    ----------
    what
        What it is, as an error begins: "the option --head".

    Raises
    ------
    ConfigError
        It is not hex, or of another size.
    """
    wanted = "0x and an even number of hex digits" if size is None else f"0x and {2 * size} hex digits"
    try:
        found = bytes.fromhex(text.strip().removeprefix("0x"))
    except ValueError:
        found = b""
    if not found or (size is not None and len(found) != size):
        shown = text if len(text) <= 80 else text[:77] + "..."
        needed = "hex" if size is None else f"{size} bytes in hex"
        raise ConfigError(f"{what}: {shown!r} is not {needed}", hint=f"give {wanted}")
    return found


def file_text(path: Path, what: str) -> str:
    """Return the text in a file. Raises ``ConfigError``."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{what}: {path} cannot be read: {getattr(error, 'strerror', None) or 'no text'}") from error


def json_document(path: Path, what: str) -> object:
    """Return the JSON document in a file. Raises ``ConfigError``."""
    try:
        return json.loads(file_text(path, what))
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"{what}: {path} is no JSON document", hint="give the answer of an attestor as it is"
        ) from error
