"""Addresses as people and programs give them: any case is taken, a wrong checksum is not (EIP-55)."""

from __future__ import annotations

from eth_utils.address import is_checksum_formatted_address, is_hex_address, to_checksum_address

from smartsync.errors import ConfigError

ZERO_ADDRESS = "0x" + "00" * 20
"""Nobody's account: where it stands, there is nobody."""


def as_number(address: str) -> int:
    """Return the number that an address is, by which the contracts order them. How they are written does not matter."""
    return int(address, 16)


def address_of(value: int) -> str:
    """Return the address in a slot's value: its lower 160 bits."""
    return to_checksum_address((value & (2**160 - 1)).to_bytes(20, "big"))


def checked_address(text: str, what: str) -> str:
    """Return an address checksummed.

    Parameters
    ----------
    what
        What it is for, as an error begins: "the replica".

    Raises
    ------
    ConfigError
        It is no address, or it is written in mixed case and this is not its checksum.
    """
    if not is_hex_address(text) or not text.startswith(("0x", "0X")):
        raise ConfigError(f"{what}: {text!r} is not an address (0x and 40 hex digits)")
    checksummed = str(to_checksum_address(text))
    if is_checksum_formatted_address(text) and text[2:] != checksummed[2:]:
        raise ConfigError(
            f"{what}: the checksum of {text} is wrong, so a character of it is too: "
            "copy it again, or write it in lower case if you are sure of it"
        )
    return checksummed
