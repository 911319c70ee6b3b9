"""Amounts and times as people read them, in errors and reasons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal


def gwei(amount_wei: int) -> str:
    """Return an amount in gwei, exactly."""
    whole, rest = divmod(amount_wei, 10**9)
    return f"{whole}.{rest:09}".rstrip("0").rstrip(".")


def ether(amount_wei: int, rounding: str) -> str:
    """Return an amount in ether, with four digits that count; ``rounding`` is one of `decimal`'s."""
    return f"{Context(prec=4, rounding=rounding).plus(Decimal(amount_wei).scaleb(-18)).normalize():f}"


def moment(timestamp_s: int) -> str:
    """Return a chain's time, in seconds since 1970, as a date, where it is one: a contract may say any number."""
    try:
        return f"{datetime.fromtimestamp(timestamp_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return f"second {timestamp_s}"


def duration(seconds: int) -> str:
    """Return a time as days and clock, where it is one."""
    try:
        return str(timedelta(seconds=seconds))
    except OverflowError:
        return f"{seconds} s"
