"""A relayer's memory as after a month, its pages on loopback, and a browser to look at them with."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import get_args

from eth_account import Account
from eth_utils.address import to_checksum_address
from sqlalchemy import insert

from smartsync.dashboard.access import Access
from smartsync.dashboard.pages import add_pages
from smartsync.dashboard.server import application, served
from smartsync.dashboard.view import View
from smartsync.keccak import keccak256
from smartsync.listening import Listen
from smartsync.relayer.configuration import Configuration, read_configuration
from smartsync.relayer.pairs import Pair, connected
from smartsync.relayer.state.database import Database, opened
from smartsync.relayer.state.store import Happening, Sample, Status, Store
from smartsync.relayer.state.tables import HistoryRow, ReplicaRow, SampleRow, TransactionRow
from smartsync.relayer.states import State

NOW_S = 1_795_470_000.0
"""23 November 2026: pages of seeded memories have this time."""

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
KEY = "0x" + "11" * 32

TOML = """
[relayer]
state = "sqlite:///state.db"
[chains.mainnet]
chain_id = 1
urls = ["http://127.0.0.1:9/secret-of-the-source"]
[chains.base]
chain_id = 8453
urls = ["http://127.0.0.1:9/secret-of-the-target"]
[chains.gnosis]
chain_id = 100
urls = ["http://127.0.0.1:9/secret-of-the-other"]
[pairs.main-to-base]
source = "mainnet"
target = "base"
hub = "{hub}"
[pairs.main-to-gnosis]
source = "mainnet"
target = "gnosis"
hub = "{hub}"
"""

REASONS: Mapping[str, str] = {
    "exact": "synced to block 21000000",
    "behind": "3 blocks since block 20999997: sync to block 21000000 (safe)",
    "waiting": "nothing has changed; waiting for a change of the storage",
    "anchor-behind": "the storage changed by block 21000000; the anchor accepts no block after 20999000 yet",
    "anchor-stopped": "the anchor 0x00…05 is frozen: a signer has signed two hashes of block 20999123",
    "orphaned": "the replica stands at block 20999990, which the source has dropped",
    "source-down": "the source node at node-a.example does not answer: connection refused",
    "source-wrong": "the proof of block 21000000 that node-a.example gave does not lead to its state root",
    "target-down": "the target node at base.example does not answer: timed out after 30 s",
    "target-full": "the transaction is in no block after 120 s; blocks are full",
    "no-funds": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8 has 0.0012 and needs 0.0089: 0.0077 is missing",
    "fee-too-high": "3 blocks since block 20999997; a transaction pays 84.2 gwei per gas now, at most 30 are allowed",
    "gas-spent": "a sync takes about 182,000 gas, and 4,950,000 of 5,000,000 were used in the last 24 hours",
    "slots-unknown": "12 slots that changed are not known: give the storage layout, or a node that tells all slots",
    "unreadable": "the proxy delegates to 0x1111111111111111111111111111111111111111, which has no proven copy",
    "ended": "the source contract was destroyed at block 20998000",
    "failing": "unforeseen: KeyError; see the log",
}

RARE = ("source-down", "no-funds", "orphaned", "anchor-behind", "fee-too-high", "behind")


def address_of(number: int) -> str:
    return str(to_checksum_address(keccak256(number.to_bytes(8, "big"))[:20]))


ANCHOR = address_of(2**40)
HUB = address_of(2**41)


def configuration(
    folder: Path, replicas: Iterable[tuple[str, str, str]], more: str = "", text: str = TOML
) -> Configuration:
    """Return a configuration with replicas: pair, address, name."""
    rows = "".join(
        f"\n[[replicas]]\npair = {json.dumps(pair)}\naddress = {json.dumps(address)}\nname = {json.dumps(name)}\n{more}"
        for pair, address, name in replicas
    )
    file = folder / "relayer.toml"
    file.write_text(text.format(hub=HUB) + rows)
    return read_configuration({"SMARTSYNC_KEY_MAIN": KEY}, file)


NAMES = ("ENS registry", "USDC", "Uniswap v3 USDC/WETH", "Aave pool", "Chainlink ETH/USD", "Lido stETH", "Maker vat")


def replicas(count: int) -> list[tuple[str, str, str]]:
    return [
        (
            "main-to-base" if number % 5 else "main-to-gnosis",
            address_of(number),
            f"{NAMES[number % len(NAMES)]} {number // len(NAMES) + 1}",
        )
        for number in range(count)
    ]


def status_of(number: int, kept: tuple[str, str, str], *, states: tuple[str, ...] | None = None) -> Status:
    """Return how a replica stands: the first ones in all states, if not told otherwise, most others exact."""
    pair, address, name = kept
    every: tuple[str, ...] = states or get_args(State)
    dice = random.Random(number)
    if states or number < 2 * len(every):
        state = every[number % len(every)]
    else:
        state = dice.choices(("exact", "waiting", "behind"), (90, 8, 2))[0]
    behind = 0 if state == "exact" else dice.randrange(1, 4_000 if number < 40 else 40)
    return Status(
        pair, address, name, state, REASONS.get(state, "something else"),
        NOW_S - dice.randrange(30, 200_000), NOW_S - dice.randrange(1, 12), ANCHOR,
        21_000_000 - behind, keccak256(bytes([number % 256])), dice.choice(("safe", "final")),
        21_000_000 - behind // 2, 21_000_000, behind * 12, failures=0 if state in ("exact", "waiting") else 7,
    )  # fmt: skip


def happening_of(number: int, kept: tuple[str, str, str], at_s: float, changes: int = 3) -> Happening:
    dice = random.Random(number)
    gas = 90_000 + dice.randrange(300_000)
    slots = [(keccak256(bytes([number % 256, place])), place % 3) for place in range(changes)]
    steps = [
        {
            "what": "sync",
            "tx_hash": f"0x{keccak256(f'{number}'.encode()).hex()}",
            "gas_used": gas,
            "calldata_bytes": 4_000,
        }
    ]
    document = {
        "changes": [
            {
                "kind": "",
                "slot": f"0x{slot.hex()}",
                "old": 0 if kind == 0 else number,
                "new": 0 if kind == 2 else 5 + number,
            }
            for slot, kind in slots
        ],
        "steps": steps,
    }
    end = 21_000_000 - int((NOW_S - at_s) / 12)
    return Happening(
        kept[0], kept[1], None, at_s, "sync", f"synced: block {end - 40} -> {end}  slots {changes}  gas {gas}  0x",
        json.dumps(document), end - 40, end, changes, gas + 8_000, gas, gas * 12 * 10**9 + number,
    )  # fmt: skip


async def seed(database: Database, kept: list[tuple[str, str, str]], *, states: tuple[str, ...] | None = None) -> None:
    """Write a month of memory: for each how it stands and some syncs, for the first one much more."""
    statuses = [status_of(number, one, states=states) for number, one in enumerate(kept)]
    happenings = [
        happening_of(7 * number + place, one, NOW_S - 3_000 - place * 400_000 - number)
        for number, one in enumerate(kept)
        for place in range(5)
    ]
    dice = random.Random(1)
    pair, address, _ = first = kept[0]
    for place in range(90):
        happenings.append(
            happening_of(1_000 + place, first, NOW_S - 600 - place * 7_777, changes=dice.randrange(0, 30))
        )
    samples = []
    for minute in range(0, 30 * 1_440, 7):
        at_s = NOW_S - minute * 60
        if 400 < minute < 560:
            continue  # nobody looked
        lag = max(0, int(40 + 35 * dice.gauss(0, 1))) if minute > 90 else 4_000 - minute * 40
        samples.append(
            {"pair": pair, "replica": address, "minute": int(at_s // 60), "behind_blocks": lag // 12, "behind_s": lag}
        )
    async with database.transaction() as connection:
        for start in range(0, len(statuses), 500):
            await connection.execute(insert(ReplicaRow), [_row(one) for one in statuses[start : start + 500]])
        for start in range(0, len(happenings), 500):
            await connection.execute(insert(HistoryRow), [_row(one) for one in happenings[start : start + 500]])
        await connection.execute(insert(SampleRow), samples)
        sent = [
            _sent(number, first, place=place, at_s=NOW_S - 600 - place * 7_777)
            for place, number in enumerate(range(200_000, 199_910, -1))
        ][::-1]
        sent += [
            _sent(10 * number + place, one, place=10, at_s=NOW_S - 3_000 - place * 400_000 - number)
            for number, one in enumerate(kept)
            for place in range(5)
            if number
        ]
        for start in range(0, len(sent), 500):
            await connection.execute(insert(TransactionRow), sent[start : start + 500])
    store = Store(database)
    for kind, told in (
        ("accepted", "accepted: source block 20999900 0xabc (safe)  gas 81,000  0x"),
        ("reorganisation", "reorganisation: the source has dropped block 20999123 0xabc (safe) for 0xdef; revoking it"),
        (
            "revoked",
            f"revoked: every block above 20999122 of the anchor {ANCHOR}, of which the source has dropped 1  gas 5",
        ),
    ):
        await store.tell(Happening(pair, None, ANCHOR, NOW_S - 5_000, kind, told, gas_used=81_000))
    await store.sample(pair, kept[1][1], Sample(int(NOW_S // 60), 1, 12))


def _row(one: Status | Happening) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__slots__}


def _sent(number: int, kept: tuple[str, str, str], *, place: int, at_s: float) -> dict[str, object]:
    """Return a row of a replica's transactions; of ``place`` 0 one under way, of 2 one that was dropped."""
    state = ("signed", "included", "dropped", "final")[min(place, 3)]
    known = state in ("included", "final")
    chain_id = 8453 if kept[0] == "main-to-base" else 100
    gas = 90_000 + random.Random(number).randrange(300_000)
    return {
        "pair": kept[0], "subject": f"{kept[1]} on chain {chain_id}", "number": number, "chain_id": chain_id,
        "sender": HUB, "nonce": number, "what": "sync", "to": HUB, "data": b"", "gas": 400_000, "state": state,
        "why": "its nonce was taken" if state == "dropped" else "",
        "block_number": 33_000_000 + number if known else None,
        "block_hash": b"\1" * 32 if known else None, "tx_hash": keccak256(f"{number}".encode()) if known else None,
        "gas_used": gas if known else None, "success": place != 5 if known else None,
        "cost_wei": gas * 12 * 10**9 + number if known else None,
        "signed_s": at_s - 20, "ended_s": at_s, "spent_s": at_s,
    }  # fmt: skip


@dataclass
class Relayer:
    """A relayer, as far as its pages see it."""

    database: Database
    configuration: Configuration
    pairs: Sequence[Pair]


@asynccontextmanager
async def showing(view: View, token: str | None = None) -> AsyncIterator[str]:
    """Serve the pages, guarded as the relayer's are; gives the address."""
    made = application(Access(token), partial(add_pages, view=view))
    async with served(made, Listen("127.0.0.1", 0)) as url:
        yield url


@asynccontextmanager
async def remembering(
    folder: Path, count: int, *, states: tuple[str, ...] | None = None
) -> AsyncIterator[tuple[View, Database]]:
    """Give a view of so many replicas after a month, whose nodes do not answer."""
    kept = replicas(count)
    told = configuration(folder, kept)
    async with (
        opened(told.relayer.state.url) as database,
        connected(told, {"main": Account.from_key(KEY)}) as pairs,
    ):
        await seed(database, kept, states=states)
        yield View(Relayer(database, told, pairs), clock=lambda: NOW_S), database
