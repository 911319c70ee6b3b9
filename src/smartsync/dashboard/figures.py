"""How numbers, times and hashes read on a page. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN

from smartsync.amounts import ether

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def count(number: int | None) -> str:
    """Return a number with a comma at each thousand; a dash where there is none."""
    return "–" if number is None else f"{number:,}"


def counted(number: int, what: str) -> str:
    """Return how many of something there are."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def short_count(number: float) -> str:
    """Return a number for an axis: ``1.5 M``."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g} {unit}"
    return f"{number:g}"


def span(seconds: float | None) -> str:
    """Return a length of time by its two largest units: ``2 d 4 h``, ``12 s``; a dash where there is none."""
    if seconds is None:
        return "–"
    left = max(0, int(seconds))
    for place, (size, unit) in enumerate(_UNITS):
        if left >= size:
            rest = (left % size) // _UNITS[place + 1][0] if size > 1 else 0
            # Seconds beside minutes are of interest to nobody once there are many.
            small = f" {rest} {_UNITS[place + 1][1]}" if rest and (size != 60 or left < 600) else ""
            return f"{left // size:,} {unit}{small}"
    return "0 s"


def ago(at_s: float | None, now_s: float) -> str:
    """Return how long ago something was."""
    return "never" if at_s is None else f"{span(now_s - at_s)} ago"


def stamp(at_s: float) -> str:
    """Return a time as a date, in UTC; a chain may have any number there."""
    try:
        return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return f"second {at_s:.0f}"


def iso(at_s: float) -> str:
    """Return a time as machines read it; empty where it is no date."""
    try:
        return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return ""


def coins(amount_wei: int | None) -> str:
    """Return an amount in the chain's coin, with four digits that count; a dash where it is not known."""
    return "–" if amount_wei is None else ether(amount_wei, ROUND_HALF_EVEN)


def short(text: str | None) -> str:
    """Return the ends of an address or a hash, which stands in full beside it."""
    if text is None:
        return "–"
    return text if len(text) <= 14 else f"{text[:8]}…{text[-6:]}"


def hexadecimal(data: bytes | None) -> str:
    """Return bytes as ``0x…``; a dash where there are none."""
    return "–" if data is None else f"0x{data.hex()}"
