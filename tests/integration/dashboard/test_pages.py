"""The pages in a real browser: found, read, sorted and walked through as an operator does, and by strangers' texts."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

import pytest
from aiohttp import ClientSession
from playwright.async_api import Page, expect
from sqlalchemy import event, text

from smartsync.dashboard.listing import PAGE
from smartsync.dashboard.view import View
from smartsync.relayer.state.database import Database, opened
from smartsync.relayer.state.store import Happening, Sample, Store
from smartsync.relayer.states import State
from tests.integration.dashboard.conftest import Visitor
from tests.integration.dashboard.scene import (
    ANCHOR,
    NOW_S,
    TOML,
    Relayer,
    address_of,
    configuration,
    remembering,
    replicas,
    showing,
    status_of,
)

Axe = Callable[[Page], Any]
COUNT = 200
FIRST = replicas(1)[0]
DETAIL = f"/replicas/{FIRST[0]}/{FIRST[1]}"
PATHS = ("/", DETAIL, f"/anchors/{FIRST[0]}/{ANCHOR}", "/replicas/none/none")


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[tuple[View, Database]]:
    async with remembering(tmp_path, COUNT) as memory:
        yield memory


@pytest.fixture
async def url(memory: tuple[View, Database]) -> AsyncIterator[str]:
    async with showing(memory[0]) as url:
        yield url


async def test_list_says_first_what_is_wrong(visitor: Visitor, url: str) -> None:
    page = await visitor.open(url)
    await expect(page.locator("h1")).to_have_text(re.compile(r"\d+ of 200 replicas in trouble"))
    kinds = await page.locator(".problem").count()
    assert kinds >= 13
    weights = await page.locator(".problem").evaluate_all("all => all.map(one => one.className.split(' ')[1])")
    assert weights == sorted(weights, key=["bad", "held"].index)
    stopped = page.locator(".problem").filter(has=page.get_by_text("anchor-stopped", exact=True)).first
    await expect(stopped).to_contain_text("is frozen: a signer has signed two hashes")
    await expect(stopped).to_contain_text("Whoever governs it has to act")
    states = await page.locator("table.replicas .badge").all_inner_texts()
    await page.goto(f"{url}/?sort=-worst")
    states += await page.locator("table.replicas .badge").all_inner_texts()
    assert set(get_args(State)) <= {state.strip() for state in states}, "every state has its word"
    await page.goto(url)
    for badge in await page.locator("table.replicas .badge").all():
        assert await badge.locator("svg.shape").count() == 1, "and a shape"
    rows = (
        await page.locator("table.replicas").first.locator("tbody tr").evaluate_all("all => all.map(o => o.className)")
    )
    assert rows == sorted(rows, key=["bad", "held", "work", "wait", "good", "over"].index), "the worst first"


async def test_list_is_filtered_and_sorted(visitor: Visitor, url: str) -> None:
    page = await visitor.open(url)
    await page.get_by_label("State", exact=True).select_option("no-funds")
    await page.wait_for_url("**state=no-funds**")
    texts = await page.locator("table.replicas .badge").all_inner_texts()
    assert texts and {text.strip() for text in texts} == {"no-funds"}
    await page.get_by_role("link", name="all", exact=True).click()
    await page.get_by_label("Name, address or reason").fill("lido")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**q=lido**")
    assert all("Lido" in text for text in await page.locator("table.replicas .who a").all_inner_texts())
    await page.goto(f"{url}/?pair=main-to-base")
    await page.get_by_role("link", name="Lag").click()
    await expect(page.locator("th[aria-sort=descending]")).to_have_text("Lag")
    lags = await page.locator("td[data-label=Lag]").all_inner_texts()
    numbers = [int(text.split(" block")[0].replace(",", "")) for text in lags if "block" in text]
    assert len(numbers) == PAGE and numbers == sorted(numbers, reverse=True)
    await page.get_by_role("link", name="Next").click()
    await expect(page.locator(".pages")).to_contain_text("Page 2 of 2")
    await page.goto(f"{url}/?state=%3Cb%3E&sort=nonsense&page=99999999999")
    await expect(page.locator(".group").first).to_contain_text("None of them is like that.")


async def test_replica_tells_all_of_itself(visitor: Visitor, url: str) -> None:
    page = await visitor.open(url)
    await page.get_by_label("Name, address or reason").fill(FIRST[1])
    await page.keyboard.press("Enter")
    await page.locator("table.replicas .who a").first.click()
    await page.wait_for_url(f"**{DETAIL}")
    await expect(page.locator("h1")).to_have_text(FIRST[2])
    await expect(page.locator(".facts").first).to_contain_text("Synced at every block.")
    assert await page.locator("#chart-lag .bar").count() > 40, "but where nobody looked"
    assert await page.locator("#chart-gas .bar").count() > 5
    await page.locator("#figures summary").click()
    assert await page.locator("#figures tbody tr").count() > 45
    await page.locator("#event-1 summary, .events summary").first.click()
    await expect(page.locator(".slots .kind").first).to_be_visible()
    first = await page.locator(".events li").first.get_attribute("id")
    await expect(page.locator("table.sent")).to_contain_text("under way")
    await expect(page.locator("table.sent")).to_contain_text("its nonce was taken")
    await expect(page.locator("table.sent")).to_contain_text("failed")
    await page.get_by_role("link", name="Older").first.click()
    await page.wait_for_url("**before=*")
    assert await page.locator(".events li").first.get_attribute("id") != first
    await page.goto(f"{url}{DETAIL}?range=30d")
    assert await page.locator("#chart-lag .bar").count() == 30
    await expect(page.locator("#anchor ~ .note")).to_contain_text("It cannot be asked")


async def test_live_change_appears_without_a_reload(visitor: Visitor, memory: tuple[View, Database], url: str) -> None:
    page = await visitor.open(url)
    await expect(page.locator("#link")).to_have_text("live")
    await page.evaluate("window.untouched = true")
    await page.get_by_label("Name, address or reason").fill("half a wo")
    store, kept = Store(memory[1]), replicas(COUNT)
    (number,) = [n for n in range(40, COUNT) if status_of(n, kept[n]).state == "exact"][:1]
    await store.remember(
        replace(
            status_of(number, kept[number]),
            state="no-funds",
            reason="nothing left at all",
            since_s=NOW_S,
            looked_s=NOW_S,
        )
    )
    row = page.locator(f"[id='r-{kept[number][0]}-{kept[number][1]}']")
    await expect(row).to_contain_text("nothing left at all")
    await expect(row.locator(".badge")).to_have_text("no-funds")
    assert await page.evaluate("window.untouched"), "it was not loaded again"
    await expect(page.get_by_label("Name, address or reason")).to_have_value("half a wo")
    await expect(page.get_by_label("Name, address or reason")).to_be_focused()
    await expect(page.locator("#said")).to_have_text(re.compile("in trouble"))


async def test_live_history_appears_and_what_is_open_stays_open(
    visitor: Visitor, memory: tuple[View, Database], url: str
) -> None:
    page = await visitor.open(url + DETAIL)
    await expect(page.locator("#link")).to_have_text("live")
    await page.locator(".events details summary").first.click()
    opened_one = await page.locator(".events details[open]").get_attribute("id")
    await Store(memory[1]).tell(
        Happening(
            FIRST[0], FIRST[1], None, NOW_S, "sync", "", from_block=1, to_block=77_777, changes=2, gas_used=123_456
        )
    )
    await expect(page.locator(".events li").first).to_contain_text("77,777")
    await expect(page.locator(".events li").first).to_contain_text("123,456")
    assert await page.locator(".events details[open]").get_attribute("id") == opened_one


async def test_live_lost_connection_is_told(visitor: Visitor, memory: tuple[View, Database]) -> None:
    async with showing(memory[0]) as url:
        page = await visitor.open(url)
        await expect(page.locator("#link")).to_have_text("live")
    await expect(page.locator("#link")).to_have_text(re.compile("connection lost at .*what is shown is old"))
    visitor.complaints.clear()  # the browser's own, of the connection


async def test_live_goes_on_once_the_relayer_is_back(visitor: Visitor, memory: tuple[View, Database]) -> None:
    async with showing(memory[0]) as url:
        page = await visitor.open(url)
        await expect(page.locator("#link")).to_have_text("live")
        port = int(url.rpartition(":")[2])
    await expect(page.locator("#link")).to_have_class(re.compile("lost"))
    kept = replicas(COUNT)
    await Store(memory[1]).remember(replace(status_of(0, kept[0]), state="failing", reason="meanwhile", looked_s=NOW_S))
    async with showing(View(memory[0]._relayer, clock=lambda: NOW_S), port=port):
        await expect(page.locator("#link")).to_have_text("live", timeout=20_000)
        await expect(page.locator("main")).to_contain_text("meanwhile")
    visitor.complaints.clear()  # the browser's own, of the connection


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/replicas/main-to-base/0x1", 404, "is not an address"),
        (f"/replicas/main-to-base/{FIRST[1][:-1] + FIRST[1][-1].swapcase()}", 404, "0x"),
        (f"/replicas/nowhere/{FIRST[1]}", 404, "there is no replica"),
        (f"/anchors/main-to-base/{FIRST[1]}", 404, "has the anchor"),
        ("/transactions/nowhere/0x11", 404, "there is no pair nowhere"),
        ("/transactions/main-to-base/0x11", 404, "not the hash of a transaction"),
        (f"/transactions/main-to-base/0x{'zz' * 32}", 404, "not the hash of a transaction"),
        (f"/transactions/main-to-base/0x{'11' * 32}?call=0", 502, "cannot connect"),
    ],
)
async def test_pages_that_are_none_say_why(url: str, path: str, status: int, words: str) -> None:
    async with ClientSession() as session, session.get(url + path) as answer:
        text = await answer.text()
        assert (answer.status, answer.content_type) == (status, "text/html")
        assert words in text and "secret" not in text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_pages_are_read_only(url: str, method: str) -> None:
    async with ClientSession() as session, session.request(method, url + DETAIL) as answer:
        assert answer.status == 405


async def test_pages_tell_that_the_memory_is_away(memory: tuple[View, Database], url: str) -> None:
    async with memory[1].transaction() as connection:
        await connection.execute(text("DROP TABLE history"))
    async with ClientSession() as session, session.get(url) as answer:
        assert answer.status == 503 and "state cannot be read" in await answer.text()


async def test_pages_without_scripts_are_the_same(visitor: Visitor, url: str) -> None:
    page = await visitor.open(url, java_script_enabled=False)
    assert await page.locator("table.replicas tbody tr").count() > 80
    assert await page.locator("meta[http-equiv=refresh]").count() == 1
    await page.get_by_label("Name, address or reason").fill("aave")
    await page.get_by_role("button", name="Filter").click()
    await page.locator("table.replicas .who a").first.click()
    await expect(page.locator("h1")).to_contain_text("Aave pool")
    await expect(page.locator("#link")).to_be_hidden()


async def test_pages_by_keyboard(visitor: Visitor, url: str) -> None:
    page = await visitor.open(url)
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    assert await page.locator(".skip").evaluate("one => one.getBoundingClientRect().top >= 0"), "it is seen"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    await page.keyboard.press("Tab")
    await expect(page.locator(".chip").first).to_be_focused()
    outline = await page.locator(".chip").first.evaluate("one => getComputedStyle(one).outlineStyle")
    assert outline == "solid", "where one is can be seen"
    seen: list[str] = []
    for _ in range(60):
        await page.keyboard.press("Tab")
        seen.append(await page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
        if "who" in await page.evaluate("document.activeElement.parentElement.className"):
            break
    assert {"q", "state", "pair", "Filter", "Lag"} <= set(seen), seen
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/replicas/**")
    await page.goto(url + DETAIL)
    await page.locator("#chart-lag svg").focus()
    await page.keyboard.press("End")
    last = await page.locator("#chart-lag .readout").inner_text()
    await page.keyboard.press("ArrowLeft")
    before = await page.locator("#chart-lag .readout").inner_text()
    assert last != before and all(re.search(r"\d\d:\d\d–.* behind, .* block", text) for text in (last, before))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_pages_stumble_nobody(
    visitor: Visitor, memory: tuple[View, Database], url: str, axe: Axe, scheme: str
) -> None:
    page = await visitor.open(url, color_scheme=scheme, reduced_motion="reduce")
    paper = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    red = int(re.findall(r"\d+", paper)[0])
    assert red > 200 if scheme == "light" else red < 60
    for path in PATHS:
        await page.goto(url + path)
        assert await axe(page) == [], path
    visitor.complaints.clear()  # of the page that is not there


async def test_pages_on_a_phone_do_not_scroll_sideways(visitor: Visitor, url: str) -> None:
    page = await visitor.open(url, viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True)
    for path in PATHS:
        await page.goto(url + path)
        for one in await page.locator("details").all():
            await one.evaluate("one => one.open = true")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path
        small = await page.locator("main :is(p, td, dd, a, span)").evaluate_all(
            "all => all.filter(one => one.offsetParent && parseFloat(getComputedStyle(one).fontSize) < 11).length"
        )
        assert small == 0, path
    await page.goto(url + DETAIL)
    label = page.locator("#chart-lag .frame text").first
    scale = "parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a"
    assert await label.evaluate(f"one => {scale}") >= 10.5, "the labels of a chart can be read"
    visitor.complaints.clear()  # of the page that is not there


HOSTILE = (
    "<script>window.hacked = 1</script>",
    "\"><img src=x onerror='window.hacked = 1'>",
    "' autofocus onfocus='window.hacked = 1",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:window.hacked=1",
    "</title><svg onload=window.hacked=1>",
    "‮gnp.exe\u2066\x00\x1b[2J",
)


async def test_pages_texts_of_strangers_are_only_texts(visitor: Visitor, tmp_path: Path) -> None:
    """Names of the configuration, reasons of nodes, levels, kinds, words and documents of whoever wrote the memory."""
    kept = [("main-to-base", address_of(number), text[:80]) for number, text in enumerate(HOSTILE[:6])]
    told = configuration(tmp_path, kept)
    async with opened(told.relayer.state.url) as database:
        store = Store(database)
        for number, text in enumerate(HOSTILE):
            pair, address, name = kept[number % 6]
            status = status_of(number, (pair, address, name), states=("failing",))
            level = ("safe", text)[number % 2]
            await store.remember(replace(status, reason=text, level=level, state="failing" if number else text))
            document = {
                "changes": [{"slot": "11" * 32, "old": 1, "new": 2}, 7, {"slot": []}],
                "steps": [{"what": text, "tx_hash": text.ljust(66)[:66], "gas_used": text}],
            }
            await store.tell(Happening(pair, address, None, NOW_S, text, text, json.dumps(document)))
            await store.tell(Happening(pair, None, ANCHOR, NOW_S, text, text, "[1"))
            await store.sample(pair, address, Sample(int(NOW_S // 60), 2**40, 2**40))
        view = View(Relayer(database, told, ()), clock=lambda: NOW_S)
        async with showing(view) as url:
            page = await visitor.open(url)
            asked = [f"/replicas/{pair}/{address}" for pair, address, _ in kept]
            asked += ["/?q=" + _quoted(text) for text in HOSTILE] + [f"/anchors/main-to-base/{ANCHOR}"]
            asked += [f"/replicas/{_quoted(HOSTILE[0])}/{kept[0][1]}", f"/transactions/{_quoted(HOSTILE[1])}/0x11"]
            for path in ["/", *asked]:
                await page.goto(url + path)
                assert await page.evaluate("window.hacked") is None, path
                made = page.locator("main :is(script, img, [onerror], [onload], [onfocus])")
                assert await made.count() == 0, path
                assert await page.locator("a[href^=javascript]").count() == 0
                text = await page.evaluate("document.body.textContent")
                assert not set(text) & {"\u202e", "\u2066", "\x00", "\x1b"}, path
            await page.goto(url)
            for text in (HOSTILE[0], HOSTILE[3]):
                await expect(page.locator("main")).to_contain_text(text)  # as it stands, and not worked out
    visitor.complaints.clear()  # of the pages that are not there


async def test_pages_with_a_token_are_for_those_who_have_it(visitor: Visitor, memory: tuple[View, Database]) -> None:
    async with showing(memory[0], token="a-token-of-some-length") as url:
        page = await visitor.open(url + DETAIL)
        await expect(page.locator("h1")).to_have_text("SmartSync relayer")
        assert FIRST[2] not in await page.content()
        visitor.complaints.clear()  # the browser's own, of the 401
        await page.get_by_label("Token").fill("a-token-of-some-length")
        await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_have_text(FIRST[2])
        await expect(page.locator("#link")).to_have_text("live")


async def test_pages_hold_no_secret(visitor: Visitor, url: str) -> None:
    page = await visitor.open(url)
    for path in PATHS:
        await page.goto(url + path)
        text = await page.content()
        assert "secret-of" not in text and "1111111111111111111111111111111111111111111111111111" not in text, path
    visitor.complaints.clear()  # of the page that is not there


async def test_list_of_thousands_asks_the_database_a_handful_of_questions(tmp_path: Path, visitor: Visitor) -> None:
    async with remembering(tmp_path, 5_000, states=("exact", "behind", "no-funds")) as (view, database):
        asked: list[str] = []
        event.listen(
            database.engine.sync_engine, "before_cursor_execute", lambda *given: asked.append(given[2])
        )  # its text
        async with showing(view) as url:
            page = await visitor.open(url)
            await expect(page.locator("h1")).to_have_text("1,666 of 5,000 replicas in trouble")
            first = len(asked)
            assert first < 20, asked
            assert await page.locator("table.replicas tbody tr").count() <= 100
            await page.goto(f"{url}/?pair=main-to-base&sort=-day&page=17")
            await expect(page.locator(".pages")).to_contain_text("Page 17 of 40")
        assert max(len(await page.content()), 1) < 600_000


async def test_list_of_a_relayer_that_nobody_has_looked_with(visitor: Visitor, tmp_path: Path) -> None:
    told = configuration(tmp_path, replicas(3), text=TOML)
    async with opened(told.relayer.state.url) as database:
        view = View(Relayer(database, told, ()), clock=lambda: NOW_S)
        async with showing(view) as url:
            page = await visitor.open(url)
            await expect(page.locator("table.replicas").first).to_contain_text("unseen")
            await expect(page.locator("h1")).to_contain_text("Nothing is wrong with 3 replicas")
            await page.locator("table.replicas .who a").first.click()
            await expect(page.locator("#chart-lag")).to_contain_text("Nothing is known of this time.")


async def test_list_tells_that_nobody_looks_any_more(visitor: Visitor, memory: tuple[View, Database], url: str) -> None:
    memory[0].clock = lambda: NOW_S + 600
    page = await visitor.open(url)
    await expect(page.locator("h1")).to_have_text("Nobody is looking at 2 pairs")
    await expect(page.locator(".problem").first).to_contain_text("nobody has looked at it for 10 min")


async def test_streams_end_with_the_server(memory: tuple[View, Database], visitor: Visitor) -> None:
    started = asyncio.get_running_loop().time()
    async with showing(memory[0]) as url:
        page = await visitor.open(url)
        await expect(page.locator("#link")).to_have_text("live")
        started = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - started < 1.5, "nobody waits for an open page"
    await page.close()
    visitor.complaints.clear()


def _quoted(text: str) -> str:
    return quote(text, safe="")
