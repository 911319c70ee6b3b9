"""What becomes of a transaction: for whoever counts it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

Event: TypeAlias = Literal["sent", "resent", "outbid", "included", "reverted", "dropped"]
"""``sent`` for the first time; ``resent`` the same version, which the node had lost; ``outbid`` a version that offers
more; in a block, ``included`` or ``reverted``; ``dropped`` where it can be in none."""

Tell: TypeAlias = Callable[[Event], None]


def untold(_: Event) -> None:
    """Tell nobody."""
