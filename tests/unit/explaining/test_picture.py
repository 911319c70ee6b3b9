from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from smartsync.explaining.drawing import draw
from smartsync.explaining.explanation import Change, Failure, Says
from smartsync.explaining.picture import MOST_ROWS, STYLE, svg
from smartsync.results import Check
from tests.unit.explaining.sample import VECTORS, accepted, drawing_of, explanation, witness_of
from tests.unit.explaining.test_shortened import large

SVG = "{http://www.w3.org/2000/svg}"


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314  # our own


def texts(root: ElementTree.Element) -> str:
    return " ".join(piece for one in root.iter(f"{SVG}text") for piece in one.itertext())


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=[vector["name"] for vector in VECTORS["accepted"]])
def test_svg_accepted_vector_is_a_picture_that_needs_nothing(vector: dict[str, Any]) -> None:
    drawn = svg(explanation(drawing_of(vector)))
    root = parsed(drawn)
    assert root.tag == f"{SVG}svg" and root.find(f"{SVG}title") is not None
    assert {one.tag.removeprefix(SVG) for one in root.iter()} <= {
        "svg",
        "title",
        "desc",
        "style",
        "rect",
        "text",
        "path",
    }
    assert "http" not in drawn.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"url\(|@import|href|\bon[a-z]+=", drawn)
    assert vector["newRoot"][2:20] in drawn


def test_svg_text_of_strangers_is_only_text() -> None:
    bad = "</title><script>alert(1)</script>\"'&\x00\x1b\u202e]]>"
    drawing = drawing_of(accepted("leaf updated"))
    (write,) = drawing.writes
    change = Change(write.kind, write.slot, write.old, write.new, bad, (Says(bad, bad, bad),))
    told = explanation(
        drawing, changes=(change,), failure=Failure(bad, bad, bad), source=bad, replica=bad, checks=(), notes=(bad,)
    )
    drawn = svg(told)
    assert "<script" not in drawn and "\x1b" not in drawn and "\u202e" not in drawn
    assert "alert(1)" in texts(parsed(drawn))


def test_svg_of_much_is_bounded_and_tells_what_is_left_out() -> None:
    drawn = svg(explanation(large(3_000)))
    root = parsed(drawn)
    assert "Left out of the picture: " in texts(root) and "of 3000 writes" in texts(root)
    assert len(drawn) < 400_000
    assert float(root.attrib["height"]) < MOST_ROWS * 40 + 500


def test_svg_two_hundred_writes_and_fewer_rows_show_all() -> None:
    assert "Left out" not in svg(explanation(large(140)))


def test_svg_without_a_drawing_says_why() -> None:
    assert "only the block is another" in texts(parsed(svg(explanation(None))))
    broken = explanation(
        None, malformed="no item starts with 0xff", failure=Failure("UnknownItem", "UnknownItem()", "")
    )
    assert "no item starts with 0xff" in texts(parsed(svg(broken)))
    assert "It failed: UnknownItem()" in texts(parsed(svg(broken)))


def test_svg_old_values_that_are_not_known_are_not_made_up() -> None:
    drawing = draw(witness_of(accepted("leaf updated")), None)
    shown = texts(parsed(svg(explanation(drawing, checks=()))))
    assert "not known" in shown and "as the hub recorded" not in shown


def test_svg_root_that_differs_is_marked() -> None:
    told = explanation(drawing_of(accepted("leaf updated")), checks=(Check("old root", False, "another"),))
    assert "✗ not as the hub recorded it" in texts(parsed(svg(told)))


def test_svg_gas_that_cannot_be_split_says_so() -> None:
    told = explanation(drawing_of(accepted("leaf updated")))
    whole = replace(told, cost=replace(told.cost, writes_gas=None, rest_gas=None))
    assert "not known in full" in texts(parsed(svg(whole)))


def test_style_is_for_light_and_dark_and_for_nothing_but_the_picture() -> None:
    light, dark = STYLE.split("@media(prefers-color-scheme:dark)")
    for part in (light, dark.strip().strip("{}")):
        assert all(rule.strip().startswith(".ss") for rule in re.findall(r"([^{}]+)\{", part))
    assert STYLE in svg(explanation(None))
