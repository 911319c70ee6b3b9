"""A relayer at work on real chains, watched in a browser: what it does appears, and how it was proven is drawn."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from smartsync.dashboard.transition import Explaining
from smartsync.dashboard.view import View
from smartsync.discovery.hints import NO_HINTS
from smartsync.errors import NodeUnreachable
from smartsync.relayer.pairs import Pair
from smartsync.relayer.replicas import Replica
from smartsync.relayer.service import Service
from smartsync.relayer.state.database import opened
from smartsync.relayer.state.store import Store
from smartsync.relayer.tending import Tending
from smartsync.testing import Node
from tests.integration.dashboard.conftest import Visitor
from tests.integration.dashboard.scene import NOW_S, Relayer, configuration, happening_of, showing
from tests.integration.world import World, world

LAYOUT = {
    "storage": [
        {"astId": 1, "contract": "Sample", "label": "values", "offset": 0, "slot": "0", "type": "t_map"},
        {"astId": 2, "contract": "Sample", "label": "count", "offset": 0, "slot": "1", "type": "t_uint256"},
    ],
    "types": {
        "t_map": {
            "encoding": "mapping",
            "key": "t_uint256",
            "label": "mapping(uint256 => uint256)",
            "numberOfBytes": "32",
            "value": "t_uint256",
        },
        "t_uint256": {"encoding": "inplace", "label": "uint256", "numberOfBytes": "32"},
    },
}
TOML = """
[relayer]
state = "sqlite:///state.db"
[chains.here]
chain_id = {source_id}
urls = ["{source}"]
[chains.there]
chain_id = {target_id}
urls = ["{target}"]
[pairs.here-there]
source = "here"
target = "there"
hub = "{hub}"
"""


@pytest.fixture
async def made(hardhat: Node, anvil: Node) -> AsyncIterator[World]:
    async with world(hardhat, anvil) as made:
        await made.do("setRange(uint256,uint256,uint256)", 0, 40, 1000)
        yield made


async def test_sync_appears_on_the_open_page_and_its_witness_is_drawn(
    made: World, hardhat: Node, anvil: Node, tmp_path: Path, visitor: Visitor
) -> None:
    replica = await made.fork()
    (tmp_path / "layout.json").write_text(json.dumps(LAYOUT))
    (tmp_path / "keys").write_text("3\n7\n")
    text = TOML.replace("{source_id}", str(hardhat.chain_id)).replace("{target_id}", str(anvil.chain_id))
    text = text.replace("{source}", hardhat.url).replace("{target}", anvil.url)
    hints = 'layout = "layout.json"\nkeys = "keys"\n'
    told = configuration(tmp_path, [("here-there", replica, "the sample")], hints, text)
    chains = (made.client.source, made.client.target, anvil.chain_id)
    pair = Pair("here-there", *chains, made.client.hub or "", {"main": made.owner}, None, False, 0.1)
    async with opened(told.relayer.state.url) as database:
        store = Store(database)
        kept = Replica("here-there", replica, "the sample", told.replicas[0].policy)
        service = Service(pair, [kept], Tending(pair, database, store), store, asyncio.Semaphore(4))
        async with showing(View(Relayer(database, told, [pair]))) as url:
            page = await visitor.open(f"{url}/replicas/here-there/{replica}")
            await expect(page.locator("#link")).to_have_text("live")
            await expect(page.locator(".problem .badge")).to_have_text("not-looked-at")
            await page.evaluate("window.untouched = true")

            await made.do("set(uint256,uint256)", 3, 0)
            await made.do("set(uint256,uint256)", 7, 77)
            await made.attest()
            await service.round()
            await service.settle()

            await expect(page.locator(".problem .badge")).to_have_text("exact")
            event = page.locator(".events li").first
            await expect(event).to_contain_text("2 slots changed")
            await expect(page.locator("table.sent")).to_contain_text("in a block")
            await expect(page.locator(".facts").nth(1)).to_contain_text("quorum/2")
            assert await page.evaluate("window.untouched"), "it was not loaded again"
            assert await page.locator("#chart-gas .bar").count() == 1

            await event.locator("summary").click()
            await expect(event.locator(".slots")).to_contain_text("values[3]")
            await expect(event.locator(".slots")).to_contain_text("1007 → 77")

            await event.locator("a.hash").click()
            await page.wait_for_url("**/transactions/here-there/**")
            await expect(page.locator("h1")).to_contain_text("Sync: 2 slots written")
            drawing = page.locator(".drawing svg")
            await expect(drawing).to_contain_text("as the hub recorded it")
            await expect(drawing).to_contain_text("values[7]")
            fill = await drawing.locator(".b-delete").first.evaluate("one => getComputedStyle(one).fill")
            assert fill != "rgb(0, 0, 0)", "its style came with it"
            await page.locator("#tree summary").click()
            await expect(page.locator("#tree")).to_contain_text("deleted values[3]")
            await expect(page.locator("#tree")).to_contain_text("opaque")
            await expect(page.locator(".checks")).to_contain_text("new root")
            await page.goto(f"{url}/transactions/here-there/0x{'12' * 32}")
            await expect(page.locator("main")).to_contain_text("knows no transaction")
            visitor.complaints.clear()  # of the page that is not there

            await page.goto(f"{url}/anchors/here-there/{made.anchor}")
            await expect(page.locator(".facts").first).to_contain_text(re.compile("active.*quorum/2", re.S))
            await expect(page.locator(".facts").first).to_contain_text(made.owner.address)


async def test_explained_beyond_its_time_is_refused(made: World) -> None:
    with pytest.raises(NodeUnreachable, match="has not told all of the transaction within 0 s"):
        await Explaining(within_s=0.0).explained(made.client.target, b"\1" * 32, 1, lambda _: NO_HINTS)


async def test_explained_many_at_once_wait_for_each_other(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = most = 0

    async def slow(*_: object, **__: object) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.01)
        inside -= 1

    monkeypatch.setattr("smartsync.dashboard.transition.explain", slow)
    explaining = Explaining()
    waiting = [explaining.explained(made.client.target, bytes(32), 1, lambda _: NO_HINTS) for _ in range(10)]
    await asyncio.gather(*waiting)
    assert most == 2


async def test_names_of_a_file_that_is_gone_are_told(made: World, tmp_path: Path, visitor: Visitor) -> None:
    replica = await made.fork()
    (tmp_path / "layout.json").write_text(json.dumps(LAYOUT))
    text = TOML.replace("{source_id}", "1").replace("{target_id}", "2")
    text = text.replace("{source}", "http://127.0.0.1:9").replace("{target}", "http://127.0.0.1:9")
    told = configuration(tmp_path, [("here-there", replica, "the sample")], 'layout = "layout.json"\n', text)
    (tmp_path / "layout.json").unlink()
    pair = Pair("here-there", made.client.source, made.client.target, 2, made.client.hub or "", {}, None, False, 0.1)
    async with opened(told.relayer.state.url) as database:
        await Store(database).tell(happening_of(1, ("here-there", replica, ""), NOW_S))
        async with showing(View(Relayer(database, told, [pair]), clock=lambda: NOW_S)) as url:
            page = await visitor.open(f"{url}/replicas/here-there/{replica}")
            await expect(page.locator(".note").first).to_contain_text("layout.json cannot be read")
