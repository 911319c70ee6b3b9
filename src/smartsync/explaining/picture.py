"""A transition as a picture: one self-contained SVG, light and dark, with text to be selected and read aloud. Pure.

::

    ┌ what it is, the replica, the source block ───────────────────┐
    │ old root  →  new root, and whether they are as recorded      │
    │ the tree: a branch is a strip of its sixteen children        │
    │ where the gas went                                           │
    └──────────────────────────────────────────────────────────────┘

A page with a strict Content-Security-Policy serves ``STYLE`` as a file and takes the picture without it. Everything
that a contract, a layout or a node chose is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from smartsync.explaining.drawing import Closed, Fork, Kept, Left, Written, nibble_of
from smartsync.explaining.explanation import Change, Explanation, counts, nibbles
from smartsync.explaining.shortened import Omitted, Row, is_beside, rows
from smartsync.explaining.words import (
    KINDS,
    cut,
    omitted,
    prefix,
    short_hash,
    short_value,
    sides_of,
    title_of,
    values_of,
)

WIDTH = 1000
"""In units of the picture, which scales to whatever room it is given."""

MOST_ROWS = 220
"""Rows of a tree; what does not fit is counted in its place."""

_MARGIN, _ROW, _BRANCH_ROW, _INDENT = 32, 30, 36, 34
_CELL = 15
_MONO, _SANS = 7.4, 6.7
"""Mean width of a character in the two fonts, at the size of a row's text; generous, since fonts differ."""

STYLE = """
.ss{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:#1b2430}
.ss .bg{fill:#fbfcfe}.ss .card{fill:#fff;stroke:#dfe5ee}.ss .h1{font-size:22px;font-weight:650}
.ss .mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:12px}
.ss .dim{fill:#5b6878}.ss .small{font-size:11.5px}.ss .bold{font-weight:600}
.ss .line{stroke:#b9c4d2;fill:none;stroke-width:1.4}.ss .ok{fill:#12703c}.ss .bad{fill:#b3261e}
.ss .cell{fill:none;stroke:#d5dce6}.ss .opaque{fill:#d3dae4;stroke:#aab6c5}.ss .told{fill:#1f5fbf;stroke:#1f5fbf}
.ss .same{fill:#fff;stroke:#1f5fbf}.ss .on{fill:#fff}.ss .hex{font-size:9.5px;text-anchor:middle}
.ss .leaf{fill:#f3f6fa;stroke:#d5dce6}.ss .tag{fill:#fff;font-size:11px;font-weight:600;text-anchor:middle}
.ss .insert{fill:#12703c}.ss .update{fill:#1f5fbf}.ss .delete{fill:#b3261e}.ss .write{fill:#7b3fa8}
.ss .b-insert{fill:#e9f6ee;stroke:#9fd0b3}.ss .b-update{fill:#eaf2fd;stroke:#a9c6f0}
.ss .b-delete{fill:#fdeeed;stroke:#f0b4af}.ss .b-write{fill:#f5edfb;stroke:#d3b3e8}
.ss .gas0{fill:#8a97a8}.ss .gas1{fill:#1f5fbf}.ss .gas2{fill:#12703c}.ss .gas3{fill:#c07a12}
@media(prefers-color-scheme:dark){
.ss{fill:#e4eaf2}.ss .bg{fill:#10151c}.ss .card{fill:#171e27;stroke:#2b3644}.ss .dim{fill:#9aa8b9}
.ss .line{stroke:#465465}.ss .ok{fill:#5fd08f}.ss .bad{fill:#ff8f86}.ss .cell{stroke:#323e4d}
.ss .opaque{fill:#3d4a5a;stroke:#56657a}.ss .told{fill:#6aa6ff;stroke:#6aa6ff}.ss .same{fill:#171e27;stroke:#6aa6ff}
.ss .on{fill:#10151c}.ss .leaf{fill:#1b232e;stroke:#323e4d}.ss .tag{fill:#10151c}
.ss .insert{fill:#5fd08f}.ss .update{fill:#6aa6ff}.ss .delete{fill:#ff8f86}.ss .write{fill:#c99af0}
.ss .b-insert{fill:#13281d;stroke:#2c5c41}.ss .b-update{fill:#14233a;stroke:#2d4d7d}
.ss .b-delete{fill:#321a19;stroke:#70332f}.ss .b-write{fill:#291a35;stroke:#573673}
.ss .gas0{fill:#7c8a9c}.ss .gas1{fill:#6aa6ff}.ss .gas2{fill:#5fd08f}.ss .gas3{fill:#e0a648}}
"""


def svg(explanation: Explanation, *, styled: bool = True) -> str:
    """Return the picture of an explained transition, a whole SVG document that refers to nothing outside of it.

    Parameters
    ----------
    styled
        Whether its style is in it. A page that may hold none of its own has it in a file, `STYLE`.
    """
    drawn = _Picture(explanation)
    drawn.head()
    drawn.roots()
    drawn.tree()
    drawn.gas()
    return drawn.document(STYLE if styled else "")


class _Picture:
    """A picture in the making; ``y`` is where the next thing begins."""

    def __init__(self, explanation: Explanation) -> None:
        self.told = explanation
        self.changes: Mapping[bytes, Change] = {change.slot: change for change in explanation.changes}
        self.out: list[str] = []
        self.y = float(_MARGIN)

    def document(self, style: str) -> str:
        height = self.y + _MARGIN / 2
        told = self.told
        title = f"{told.function} of replica {told.replica}: {told.title}"
        drawing = told.drawing
        count = counts(drawing) if drawing else {}
        style = f"<style>{style}</style>" if style else ""
        # A page may show several of them.
        name = f"ss-{told.tx_hash.hex()[:12]}-{told.call}"
        about = f"{len(told.changes)} slots, {count.get('fork', 0)} branches, {count.get('closed', 0)} opaque subtries"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="ss" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
            f'height="{height:.0f}" role="group" aria-labelledby="{name}-title {name}-about">'
            f'<title id="{name}-title">{_safe(title)}</title><desc id="{name}-about">{_safe(about)}</desc>'
            f'{style}<rect class="bg" width="{WIDTH}" height="{height:.0f}" rx="12"/>'
            f"{''.join(self.out)}</svg>\n"
        )

    def text(self, x: float, y: float, text: str, style: str = "", *, title: str = "", anchor: str = "") -> None:
        place = f' text-anchor="{anchor}"' if anchor else ""
        hover = f"<title>{_safe(title)}</title>" if title else ""
        self.out.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{style}"{place}>{hover}{_safe(text)}</text>')

    def box(
        self, x: float, y: float, width: float, height: float, style: str, *, title: str = "", rounded: float = 5
    ) -> None:
        hover = f"<title>{_safe(title)}</title>" if title else ""
        shape = (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{rounded}" class="{style}"'
        )
        self.out.append(f"{shape}>{hover}</rect>" if hover else f"{shape}/>")

    def head(self) -> None:
        told = self.told
        style = "h1" if told.failure is None else "h1 bad"
        self.text(_MARGIN, self.y + 14, f"{told.function}: {told.title}", style)
        self.y += 40
        block = "" if told.source_block_number is None else f" at its block {told.source_block_number:,}"
        source = "not known" if told.source is None else f"{told.source} on chain {told.source_chain_id}{block}"
        lines = [
            ("replica", f"{told.replica} on chain {told.chain_id}"),
            ("source", source),
            ("transaction", f"0x{told.tx_hash.hex()} in block {told.block_number:,}"),
        ]
        for name, value in lines:
            self.text(_MARGIN, self.y, name, "dim small")
            self.text(_MARGIN + 84, self.y, cut(value, 118), "mono", title=value)
            self.y += 20
        if told.failure is not None:
            self.text(_MARGIN, self.y, cut(f"It failed: {told.failure.reason}", 130), "bad", title=told.failure.reason)
            self.y += 20
        self.y += 8

    def roots(self) -> None:
        drawing, checks = self.told.drawing, {check.name: check for check in self.told.checks}
        if drawing is None:
            return
        half = (WIDTH - 2 * _MARGIN - 44) / 2
        sides = (("old root", drawing.old_root), ("new root", drawing.new_root))
        for place, (name, root) in enumerate(sides):
            x = _MARGIN + place * (half + 44)
            self.box(x, self.y, half, 58, "card")
            self.text(x + 14, self.y + 22, name, "dim small")
            if check := checks.get(name):
                words = "✓ as the hub recorded it" if check.ok else "✗ not as the hub recorded it"
                self.text(x + half - 14, self.y + 22, words, f"small {'ok' if check.ok else 'bad'}", anchor="end")
            shown = "not known" if root is None else f"0x{root.hex()}"
            fits = int((half - 28) / _MONO)
            short = shown if len(shown) <= fits else f"{shown[: fits - 9]}…{shown[-8:]}"
            self.text(x + 14, self.y + 44, short, "mono", title=shown)
        self.text(_MARGIN + half + 22, self.y + 36, "→", "h1 dim", anchor="middle")
        self.y += 58 + 26

    def tree(self) -> None:
        drawing = self.told.drawing
        if drawing is None:
            what = self.told.malformed or "Storage is as it was: only the block is another."
            self.text(_MARGIN, self.y + 8, cut(what, 130), "dim")
            self.y += 40
            return
        shown = rows(drawing, MOST_ROWS)
        self.legend(shown)
        levels = max((row.level for row in shown), default=0)
        indent = min(_INDENT, 440 / max(levels, 1))
        trunks: dict[int, float] = {}
        for row in shown:
            self.row(row, indent, trunks)
        self.y += 10
        left = [row.node for row in shown if isinstance(row.node, Omitted)]
        if left:
            items, writes = sum(one.items for one in left), sum(one.writes for one in left)
            written = f"{writes} of {len(self.told.changes)} writes"
            words = f"Left out of the picture: {written}, and {items - writes} other items."
            self.text(_MARGIN, self.y + 6, words, "dim")
            self.y += 30

    def legend(self, shown: Sequence[Row]) -> None:
        kinds = [kind for kind in KINDS if any(change.kind == kind for change in self.told.changes)]
        marks = [(f"b-{kind}", KINDS[kind]) for kind in kinds]
        if any(isinstance(row.node, Fork) for row in shown):
            marks += [("told", "described below"), ("opaque", "opaque: by its hash, unchanged")]
            marks += [("same", "unchanged, in the open")] if any(_is_open(row) for row in shown) else []
            marks += [("cell", "no child")]
        x = float(_MARGIN)
        for style, words in marks:
            self.box(x, self.y - 10, 13, 13, style)
            self.text(x + 20, self.y + 1, words, "dim small")
            x += 20 + len(words) * 6.5 + 22
        self.y += 18

    def row(self, row: Row, indent: float, trunks: dict[int, float]) -> None:
        """Draw one row, and the line that leads to it from its fork."""
        height = _BRANCH_ROW if isinstance(row.node, Fork) else _ROW
        x, middle = _MARGIN + row.level * indent, self.y + height / 2
        if row.level:
            trunk = x - indent + 9
            above = trunks.get(row.level, self.y)
            self.out.append(f'<path class="line" d="M{trunk:.1f} {above:.1f}V{middle:.1f}H{x:.1f}"/>')
            trunks[row.level] = middle
        if isinstance(row.node, Fork):
            trunks[row.level + 1] = middle + _CELL / 2 + 1
        step = nibbles(row.step)
        if step:
            self.text(x + 4, middle + 4, cut(step, 8), "mono bold", title=f"nibbles {step}")
            x += 10 + min(len(step), 8) * _MONO
        self.node(row, x, middle)
        self.y += height

    def node(self, row: Row, x: float, middle: float) -> None:
        match row.node:
            case Written() as node:
                self.written(self.changes[node.slot], x, middle, f"0x{nibbles(node.key)}")
            case Kept() as node:
                key = bytes.fromhex(nibbles(node.key))
                words = f"unchanged leaf {short_hash(key)}, in the open: {short_value(node.value)}"
                self.leaf(words, x, middle, f"trie key 0x{key.hex()}, value {node.value:#x}")
            case Closed() as node:
                words = f"opaque, unchanged: {short_hash(node.hash)}"
                self.leaf(words, x, middle, f"below {prefix(node.path)}: 0x{node.hash.hex()}")
            case Left() as node:
                self.leaf("what an earlier part has proven", x, middle, f"below trie key 0x{nibbles(node.key)}")
            case Omitted() as node:
                self.text(x + 4, middle + 4, omitted(node), "dim")
            case Fork() as node:
                self.fork(node, x, middle)

    def leaf(self, words: str, x: float, middle: float, title: str) -> None:
        self.box(x, middle - 12, len(words) * _SANS + 24, 24, "leaf", title=title)
        self.text(x + 12, middle + 4, words, "dim small", title=title)

    def written(self, change: Change, x: float, middle: float, key: str) -> None:
        width = WIDTH - _MARGIN - x
        full = f"slot 0x{change.slot.hex()}, trie key {key}"
        old = "not known" if change.old is None else f"{change.old:#x}"
        self.box(x, middle - 13, width, 26, f"b-{change.kind}", title=f"{full}: {old} to {change.new:#x}")
        self.box(x + 5, middle - 8.5, 62, 17, change.kind)
        self.text(x + 36, middle + 4, KINDS[change.kind], "tag")
        room = int((width - 92) / _MONO)
        values = values_of(change)
        name = cut(title_of(change), max(room - min(len(values), room // 2) - 2, 8))
        self.text(x + 78, middle + 4, name, "mono bold", title=f"{title_of(change)}, {full}")
        shown = cut(values, room - len(name) - 2)
        self.text(WIDTH - _MARGIN - 12, middle + 4, shown, "mono", title=values, anchor="end")

    def fork(self, fork: Fork, x: float, middle: float) -> None:
        """Draw a branch: a cell for each nibble, and what becomes of it on either side."""
        children = {nibble_of(child, fork.depth): child for child in fork.children}
        top = middle - _CELL / 2 - 0.5
        for nibble in range(16):
            child = children.get(nibble)
            place = x + nibble * (_CELL + 1)
            if child is None:
                style, ink, title = "cell", "dim", f"{nibble:x}: no child"
            elif isinstance(child, Closed) and is_beside(child, fork):
                style, ink, title = "opaque", "", f"{nibble:x}: opaque, 0x{child.hash.hex()}"
            elif isinstance(child, (Closed, Kept)):
                style, ink, title = "same", "", f"{nibble:x}: unchanged, in the open"
            else:
                style, ink, title = "told", "on", f"{nibble:x}: described below"
            self.box(place, top, _CELL, _CELL + 1, style, title=title, rounded=3)
            self.text(place + _CELL / 2, middle + 3.5, f"{nibble:x}", f"hex {ink}", title=title)
        x += 16 * (_CELL + 1) + 12
        words = f"{prefix(fork.path)}: {sides_of(fork)}"
        self.text(x, middle + 4, cut(words, int((WIDTH - _MARGIN - x) / 6.2)), "dim small", title=words)

    def gas(self) -> None:
        """Draw where the gas went: a bar, and its parts by name."""
        cost = self.told.cost
        self.y += 10
        self.text(_MARGIN, self.y + 8, f"{cost.gas_used:,} gas, {cost.calldata_bytes:,} bytes of calldata", "bold")
        self.y += 22
        parts = [("transaction", cost.transaction_gas, "gas0"), ("calldata", cost.calldata_gas, "gas1")]
        if cost.writes_gas is None or cost.rest_gas is None:
            self.text(_MARGIN, self.y + 4, "Where it went is not known in full.", "dim small")
            self.y += 20
            return
        parts += [("writes to storage", cost.writes_gas, "gas2"), ("computing, hub, anchor", cost.rest_gas, "gas3")]
        whole = sum(gas for _, gas, _ in parts)
        x = label = float(_MARGIN)
        for name, gas, style in parts:
            width = (WIDTH - 2 * _MARGIN) * gas / whole
            if gas:
                self.box(x, self.y, max(width - 2, 1), 14, style, title=f"{name}: {gas:,} gas")
                self.box(label, self.y + 26, 11, 11, style)
                self.text(label + 18, self.y + 36, f"{name} {gas:,}", "dim small")
                label += 18 + len(f"{name} {gas:,}") * 6.5 + 24
            x += width
        if cost.refund_gas:
            self.text(label, self.y + 36, f"given back {cost.refund_gas:,}", "dim small")
        self.y += 46


def _is_open(row: Row) -> bool:
    return isinstance(row.node, (Closed, Kept))


def _safe(text: str) -> str:
    """Return text that is only text, in an element and in an attribute, without what XML cannot hold."""
    return escape("".join(char if char.isprintable() else "�" for char in text))
