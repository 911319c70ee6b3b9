"""The pages: which address shows what. Read-only, made on the server, and as useful without scripts."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from smartsync.addresses import checked_address
from smartsync.dashboard import chart, figures, standing
from smartsync.dashboard.listing import listed, read_wanted
from smartsync.dashboard.policy import sentences
from smartsync.dashboard.stream import Stream
from smartsync.dashboard.transition import branches, changed
from smartsync.dashboard.view import EVENTS, View, lag_words, used_words
from smartsync.document import to_json
from smartsync.errors import ConfigError, SmartSyncError, UnknownTransaction
from smartsync.explaining import STYLE, svg
from smartsync.relayer.state.errors import StateUnavailable

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_STATIC = {
    "page.css": "text/css",
    "live.js": "text/javascript",
    "mark.svg": "image/svg+xml",
}
_DRAWING = "drawing.css"
_TX_HEX = 64
_MOST_CALLS = 1_000
_SLOT_KINDS = {"insert": "inserted", "update": "updated", "delete": "deleted", "write": "written"}


def add_pages(app: web.Application, view: View) -> None:
    """Add the pages to a server, which sees to it that only those come in who may.

    They need no more than ``default-src 'self'`` of a Content-Security-Policy.
    """
    pages = _Pages(view)
    for path, handler in {
        "/": pages.list,
        "/replicas/{pair}/{address}": pages.replica,
        "/anchors/{pair}/{address}": pages.anchor,
        "/transactions/{pair}/{hash}": pages.transaction,
    }.items():
        app.router.add_get(path, pages.guarded(handler))
    app.router.add_get("/events", pages.stream.serve, allow_head=False)
    app.router.add_get("/static/{name}", pages.static)
    # Before connections are waited for, of which the streams are some.
    app.on_shutdown.append(pages.end)
    app.on_cleanup.append(pages.close)


class _Absent(Exception):
    """There is no such thing; ``told`` says which, ``hint`` what to do."""

    def __init__(self, told: str, hint: str) -> None:
        super().__init__(told)
        self.told, self.hint = told, hint


class _Pages:
    """The handlers."""

    def __init__(self, view: View) -> None:
        self._view = view
        self.stream = Stream(view.reading.version)
        self._static = _static_files()
        versions = {name: hashlib.sha256(body).hexdigest()[:12] for name, (_, body) in self._static.items()}
        self._templates = environment(versions)

    async def list(self, request: web.Request) -> web.Response:
        """Show all replicas."""
        view, wanted = self._view, read_wanted(request.query)
        version = await view.reading.version()
        rows = await view.rows(version)
        found = listed(rows, wanted, view.configuration.pairs, await view.spent_by_pair())
        unlooked = {
            pair: late_s
            for pair, looked_s in _newest_looks(rows).items()
            if pair in view.pairs and (late_s := view.unlooked(pair, looked_s)) is not None
        }
        return self._page("list.html", version, list=found, wanted=wanted, unlooked=unlooked)

    async def replica(self, request: web.Request) -> web.Response:
        """Show one replica."""
        view, (pair, address) = self._view, _subject(request)
        version = await view.reading.version()
        row = await view.row(pair, address)
        if row is None:
            raise _Absent(f"there is no replica {address} of the pair {pair}", "the list of all replicas has them")
        shown = chart.range_of(request.query.get("range", ""))
        lag, gas, lags, used = await view.charts(pair, address, shown)
        before, before_tx = _number(request, "before"), _number(request, "before-tx")
        events = await view.events(pair, replica=address, before=before)
        sent = await view.sent(pair, address, before_tx)
        kept = view.replicas.get((pair, address))
        return self._page(
            "replica.html",
            version,
            row=row,
            kept=kept,
            policy=[] if kept is None else sentences(kept.policy),
            names_problem="" if kept is None else view.names.problems.get(kept, ""),
            anchor=None if row.status.anchor is None else await view.anchor(pair, row.status.anchor),
            range=shown,
            ranges=chart.RANGES,
            charts=(lag, gas),
            lags=lags,
            used=used,
            events=events[:EVENTS],
            older=events[EVENTS - 1].number if len(events) > EVENTS else None,
            sent=sent[:EVENTS],
            older_tx=sent[EVENTS - 1].id if len(sent) > EVENTS else None,
            is_first=before is None and before_tx is None,
        )

    async def anchor(self, request: web.Request) -> web.Response:
        """Show an anchor of some replica."""
        view, (pair, address) = self._view, _subject(request)
        version = await view.reading.version()
        rows = [row for row in await view.rows(version) if (row.status.pair, row.status.anchor) == (pair, address)]
        if not rows:
            raise _Absent(
                f"no replica of the pair {pair} has the anchor {address}", "a replica's page names its anchor"
            )
        before = _number(request, "before")
        events = await view.events(pair, anchor=address, before=before)
        return self._page(
            "anchor.html",
            version,
            pair=pair,
            address=address,
            rows=rows,
            seen=await view.anchor(pair, address),
            spent=await view.spent_for(pair, address),
            events=events[:EVENTS],
            older=events[EVENTS - 1].number if len(events) > EVENTS else None,
            sent=(await view.sent(pair, address))[:EVENTS],
        )

    async def transaction(self, request: web.Request) -> web.Response:
        """Show what a transaction did, and the witness that proved it."""
        view, pair = self._view, request.match_info["pair"]
        if pair not in view.pairs:
            raise _Absent(f"there is no pair {pair}", "the list of all replicas has the pairs")
        digits = request.match_info["hash"].removeprefix("0x")
        try:
            tx_hash = bytes.fromhex(digits) if len(digits) == _TX_HEX else b""
        except ValueError:
            tx_hash = b""
        if not tx_hash:
            raise _Absent(
                "this is not the hash of a transaction", "it has 0x and 64 hex digits, as a replica's page links it"
            )
        call = min(_number(request, "call") or 1, _MOST_CALLS)
        found = await view.explained(pair, tx_hash, call)
        # Without a version it is not kept up: it stays as it is, and a node would be asked for it all the time.
        return self._page(
            "transaction.html",
            "",
            pair=pair,
            found=found,
            # The one text that is markup already: made by `smartsync.explaining`, which escapes all it is given.
            picture=Markup(svg(found, styled=False)),  # noqa: S704
            tree=branches(found),
            changes=changed(found.changes),
            is_known=(pair, found.replica) in view.replicas,
        )

    async def static(self, request: web.Request) -> web.Response:
        """Serve a file of the pages."""
        found = self._static.get(request.match_info["name"])
        if found is None:
            return web.Response(status=404, text="there is no such file")
        kind, body = found
        # Its address has its version, so that it never changes.
        return web.Response(
            body=body,
            content_type=kind,
            charset="utf-8",
            headers={"Cache-Control": "private, max-age=31536000, immutable"},
        )

    async def end(self, _: web.Application) -> None:
        """End the streams."""
        await self.stream.close()

    async def close(self, _: web.Application) -> None:
        """Stop what is being read."""
        await self._view.aclose()

    def guarded(self, handler: _Handler) -> _Handler:
        """Return a handler whose errors are pages."""

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except _Absent as error:
                return self._message(404, "There is nothing here", error.told, error.hint)
            except UnknownTransaction as error:
                return self._message(404, "The node does not know it", error.message, error.hint)
            except StateUnavailable as error:
                return self._message(503, "The relayer's state cannot be read", error.message, error.hint)
            except SmartSyncError as error:
                return self._message(502 if error.retryable else 422, "It cannot be shown", error.message, error.hint)

        return handle

    def _page(self, name: str, version: str, **values: Any) -> web.Response:
        text = self._templates.get_template(name).render(
            values | {"version": version, "now_s": self._view.clock(), "view": self._view}
        )
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})

    def _message(self, status: int, title: str, told: str, hint: str) -> web.Response:
        answer = self._page("message.html", "", title=title, told=told, hint=hint)
        answer.set_status(status)
        return answer


def environment(versions: dict[str, str]) -> Environment:
    """Return the templates: everything that they are given is text, escaped, and without what cannot be seen.

    Parameters
    ----------
    versions
        Of the static files, by name.
    """
    found = Environment(
        loader=PackageLoader("smartsync.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {
        "static": lambda name: f"/static/{name}?v={versions[name]}",
        "replica_url": lambda pair, address: f"/replicas/{quote(pair, safe='')}/{quote(address, safe='')}",
        "anchor_url": lambda pair, address: f"/anchors/{quote(pair, safe='')}/{quote(address, safe='')}",
        "transaction_url": lambda pair, tx_hash: f"/transactions/{quote(pair, safe='')}/{quote(tx_hash, safe='')}",
        "standing_of": standing.standing_of,
        "anchor_weights": standing.ANCHORS,
        "slot_kinds": _SLOT_KINDS,
        "lag_words": lag_words,
        "used_words": used_words,
        "frame": {name: getattr(chart, name) for name in ("WIDTH", "HEIGHT", "LEFT", "RIGHT", "TOP", "BOTTOM")},
        "changed": changed,
    }
    found.filters["plain"] = to_json
    found.filters |= {
        name: getattr(figures, name)
        for name in ("count", "counted", "span", "ago", "stamp", "iso", "coins", "short", "hexadecimal")
    }
    return found


def visible(value: object) -> object:
    """Return a text without control characters and what turns the direction of writing: strangers chose some of it."""
    if isinstance(value, str) and not isinstance(value, Markup) and not value.isprintable():
        return "".join(char if char.isprintable() or char == "\n" else "�" for char in value)
    return value


def _static_files() -> dict[str, tuple[str, bytes]]:
    folder = files("smartsync.dashboard") / "static"
    found = {name: (kind, (folder / name).read_bytes()) for name, kind in _STATIC.items()}
    return found | {_DRAWING: ("text/css", STYLE.encode())}


def _subject(request: web.Request) -> tuple[str, str]:
    """Return the pair and the address that a page is about, checksummed."""
    try:
        return request.match_info["pair"], checked_address(request.match_info["address"], "the page")
    except ConfigError as error:
        raise _Absent(
            error.message.removeprefix("the page: "), "the list of all replicas has their addresses"
        ) from error


def _number(request: web.Request, name: str) -> int | None:
    """Return a number of a request's query; ``None`` where there is none."""
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 and int(text) else None


def _newest_looks(rows: Any) -> dict[str, float | None]:
    """Return by pair when somebody has looked at it last; of one that nobody ever has looked at nothing is told."""
    found: dict[str, float | None] = {}
    for row in rows:
        if row.status.looked_s:
            found[row.status.pair] = max(row.status.looked_s, found.get(row.status.pair) or 0.0)
    return found
