"""`docs/reference/web-page.md` says what the page's code says."""

from __future__ import annotations

import re

from aiohttp import web

from smartsync.dashboard import chart, listing, stream, transition
from smartsync.dashboard.pages import add_pages
from smartsync.dashboard.standing import STANDINGS
from smartsync.dashboard.view import View
from smartsync.relayer.lateness import late_after_s
from tests.named_tests import ROOT

PAGE = (ROOT / "docs" / "reference" / "web-page.md").read_text("utf-8")
WORDS = {
    "in trouble": "bad",
    "held up": "held",
    "at work": "work",
    "waiting": "wait",
    "exact": "good",
    "ended": "over",
}


def test_page_has_every_state_where_it_is_shown() -> None:
    rows = dict(re.findall(r"^\| ([a-z ]+) \| (`.*`) \|$", PAGE, re.M))
    told = {state: WORDS[word] for word, states in rows.items() for state in re.findall(r"`([^`]+)`", states)}
    assert told == {state: standing.weight for state, standing in STANDINGS.items()}


def test_page_has_every_address() -> None:
    class Nothing:
        database = configuration = pairs = None

    app = web.Application()
    add_pages(app, View(Nothing()))  # type: ignore[arg-type]
    served = {re.sub(r"\{(\w+)\}", lambda name: name[1].upper(), route.canonical) for route in app.router.resources()}
    told = set(re.findall(r"`(/[^`? ]*)`", PAGE))
    assert told == served - {"/static/NAME"}


def test_page_has_the_limits_of_the_code() -> None:
    assert f"At most {listing.PAGE} rows" in PAGE and listing.OVERVIEW <= listing.PAGE
    assert f"for {late_after_s(0.0):.0f} seconds, and for five times its `poll_s`" in PAGE
    assert f"{stream.MOST} pages may be open at once" in PAGE
    assert f"A node has {transition.WITHIN_S:g} seconds" in PAGE
    assert [one.name for one in chart.RANGES] == ["24h", "7d", "30d"]


def test_page_links_lead_to_files() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / "reference" / target).resolve().is_file(), target
