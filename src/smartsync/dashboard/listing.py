"""The list of all replicas: what of it is wanted, in which order, and what is wrong in it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from smartsync.dashboard.standing import GONE, WEIGHTS, Standing, Weight, standing_of
from smartsync.relayer.state.costs import Cost
from smartsync.relayer.state.store import Status
from smartsync.relayer.states import UNSEEN

PAGE = 100
"""Rows of a page of one pair."""

OVERVIEW = 100
"""Rows of the page of all pairs, which share them."""

_LEAST = 10
_TEXT = 200


@dataclass(frozen=True, slots=True)
class Spent:
    """What was paid in a day, and in thirty."""

    day: Cost = field(default_factory=Cost)
    month: Cost = field(default_factory=Cost)


@dataclass(frozen=True, slots=True)
class Row:
    """A replica in the list. ``is_kept`` tells whether the configuration has it."""

    status: Status
    last_sync_s: float | None = None
    spent: Spent = field(default_factory=Spent)
    is_kept: bool = True

    @property
    def standing(self) -> Standing:
        """How its state is shown."""
        return standing_of(self.status.state) if self.is_kept else GONE

    @property
    def behind_blocks(self) -> int | None:
        """Blocks from the mirrored one to the source's newest; ``None`` where not known."""
        head, block = self.status.source_head, self.status.block_number
        return None if head is None or block is None else max(0, head - block)


def unseen(pair: str, address: str, name: str) -> Status:
    """Return what is told of a replica that nobody has looked at."""
    return Status(pair, address, name, UNSEEN, "nobody has looked at it yet", 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the list is asked for: of one pair, in one state or of one weight, with a text in it, in an order.

    ``order`` is a key of `ORDERS`, the other way round with a hyphen before it.
    """

    pair: str = ""
    state: str = ""
    text: str = ""
    order: str = "worst"
    page: int = 1

    @property
    def is_filtered(self) -> bool:
        """Whether rows may be left out."""
        return bool(self.state or self.text)

    def url(self, **changes: Any) -> str:
        """Return the address of the page with something else wanted, and from its beginning."""
        asked = replace(self, **({"page": 1} | changes))
        standard = Wanted()
        names = {"pair": "pair", "state": "state", "text": "q", "order": "sort", "page": "page"}
        given = {
            short: getattr(asked, name)
            for name, short in names.items()
            if getattr(asked, name) != getattr(standard, name)
        }
        return f"/?{urlencode(given)}" if given else "/"

    def turned(self, order: str) -> str:
        """Return the address of the page in an order; the other way round where it is in that one already."""
        return self.url(order=f"-{order}" if self.order == order else order)

    def direction(self, order: str) -> str:
        """Return how a column is sorted, as ``aria-sort`` has it."""
        if self.order.removeprefix("-") != order:
            return "none"
        is_down = (order in _DESCENDING) != self.order.startswith("-")
        return "descending" if is_down else "ascending"


def read_wanted(query: Mapping[str, str]) -> Wanted:
    """Return what a request asks for; what is not understood counts as not asked."""
    page = query.get("page", "1")
    order = query.get("sort", "worst")
    return Wanted(
        query.get("pair", "")[:_TEXT],
        query.get("state", "")[:_TEXT],
        query.get("q", "").strip()[:_TEXT],
        order if order.removeprefix("-") in ORDERS else "worst",
        int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 7 and int(page) else 1,
    )


def _worst(row: Row) -> tuple[object, ...]:
    # Of those that are as bad, those first that are so for the longest time.
    return (WEIGHTS.index(row.standing.weight), row.status.state, row.status.since_s, row.status.name.casefold())


_UNKNOWN = float("-inf")


def _number(value: float | None) -> float:
    return _UNKNOWN if value is None else value


_LEVELS = ("revoked", "unknown", "pending", "safe", "final")

ORDERS: dict[str, Callable[[Row], tuple[object, ...]]] = {
    "worst": _worst,
    "name": lambda row: (row.status.name.casefold(), row.status.address),
    "lag": lambda row: (_number(row.status.behind_s), _number(row.behind_blocks)),
    "level": lambda row: (_LEVELS.index(row.status.level) if row.status.level in _LEVELS else -1,),
    "sync": lambda row: (_number(row.last_sync_s),),
    "day": lambda row: (row.spent.day.gas_used, row.spent.day.cost_wei),
    "month": lambda row: (row.spent.month.gas_used, row.spent.month.cost_wei),
}
"""Orders of the list."""

_DESCENDING = ("lag", "sync", "day", "month")
"""Of these the largest comes first."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Replicas of a pair that are in the same bad state; ``longest`` is so for the longest time."""

    pair: str
    state: str
    rows: tuple[Row, ...]

    @property
    def longest(self) -> Row:
        """The one to look at first."""
        return self.rows[0]

    @property
    def standing(self) -> Standing:
        """How the state is shown."""
        return standing_of(self.state)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one pair: those shown, of how many, and how many there are in each state and of each weight.

    ``spent`` is of all its replicas and anchors; ``pages`` how many pages there are of it.
    """

    pair: str
    rows: tuple[Row, ...]
    found: int
    total: int
    states: Mapping[str, int]
    spent: Spent
    looked_s: float | None
    source_head: int | None
    pages: int = 1


@dataclass(frozen=True, slots=True)
class Listing:
    """The list, as it is shown."""

    wanted: Wanted
    groups: tuple[Group, ...]
    problems: tuple[Problem, ...]
    weights: Mapping[Weight, int]
    states: Mapping[str, int]
    total: int
    pairs: tuple[str, ...]


def listed(
    rows: Sequence[Row], wanted: Wanted, pairs: Iterable[str] = (), spent: Mapping[str, Spent] | None = None
) -> Listing:
    """Return what is shown of all replicas.

    Parameters
    ----------
    pairs
        Of the configuration, also those without a replica.
    spent
        By pair, for its replicas and its anchors.
    """
    by_pair: dict[str, list[Row]] = {pair: [] for pair in pairs}
    for row in rows:
        by_pair.setdefault(row.status.pair, []).append(row)
    shown = {wanted.pair: by_pair[wanted.pair]} if wanted.pair in by_pair else by_pair
    most = PAGE if len(shown) == 1 else max(_LEAST, OVERVIEW // max(1, len(shown)))
    groups = [_group(pair, of_pair, wanted, most, (spent or {}).get(pair, Spent())) for pair, of_pair in shown.items()]
    states = Counter(row.status.state for row in rows)
    weights: Counter[Weight] = Counter(row.standing.weight for row in rows)
    return Listing(
        wanted,
        tuple(groups),
        tuple(problems(rows)),
        {weight: weights[weight] for weight in WEIGHTS},
        dict(sorted(states.items(), key=lambda item: (WEIGHTS.index(standing_of(item[0]).weight), item[0]))),
        len(rows),
        tuple(by_pair),
    )


def problems(rows: Iterable[Row]) -> list[Problem]:
    """Return what is wrong, by pair and state, the worst first and of those what concerns most replicas."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.standing.weight in ("bad", "held"):
            found.setdefault((row.status.pair, row.status.state), []).append(row)
    told = [
        Problem(pair, state, tuple(sorted(of_state, key=lambda row: row.status.since_s)))
        for (pair, state), of_state in found.items()
    ]
    return sorted(told, key=lambda one: (WEIGHTS.index(one.standing.weight), -len(one.rows), one.pair, one.state))


def _group(pair: str, rows: Sequence[Row], wanted: Wanted, most: int, spent: Spent) -> Group:
    found = [row for row in rows if _is_wanted(row, wanted)]
    order = wanted.order.removeprefix("-")
    # Twice, as sorting keeps the order of what is alike: then names stand in theirs.
    found.sort(key=ORDERS["name"])
    is_down = (order in _DESCENDING) != wanted.order.startswith("-")
    found.sort(key=ORDERS[order], reverse=is_down)
    pages = max(1, -(-len(found) // most))
    first = (min(wanted.page, pages) - 1) * most
    heads = [row.status.source_head for row in rows if row.status.source_head is not None]
    return Group(
        pair,
        tuple(found[first : first + most]),
        len(found),
        len(rows),
        Counter(row.status.state for row in rows),
        spent,
        max((row.status.looked_s for row in rows if row.status.looked_s), default=None),
        max(heads, default=None),
        pages,
    )


def _is_wanted(row: Row, wanted: Wanted) -> bool:
    status = row.status
    if wanted.state and wanted.state not in (status.state, row.standing.weight):
        return False
    text = wanted.text.casefold()
    return not text or any(text in part.casefold() for part in (status.name, status.address, status.reason))
