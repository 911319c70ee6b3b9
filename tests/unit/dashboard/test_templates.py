"""The templates, by their text: what would let markup in, or what the Content-Security-Policy would stop."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from markupsafe import Markup

from smartsync.dashboard.pages import environment, visible

FOLDER = files("smartsync.dashboard")
TEMPLATES = {one.name: one.read_text() for one in (FOLDER / "templates").iterdir() if one.name.endswith(".html")}
STATIC = {one.name: one.read_text() for one in (FOLDER / "static").iterdir()}


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_let_no_markup_in(name: str) -> None:
    text = TEMPLATES[name]
    assert not re.search(r"\|\s*safe|autoescape|Markup", text)
    assert not re.search(r"<style|\bstyle=|\bon[a-z]+=|javascript:", text), "the policy forbids what stands in a page"
    for script in re.findall(r"<script[^>]*>(.*?)</script>", text, re.S):
        assert script == ""
    assert not re.search(r"\s[a-z-]+=\{\{", text), "a value of an attribute stands in quotes"
    assert not re.findall(r"https?://", text)


def test_environment_escapes_everything() -> None:
    made = environment({"page.css": "1"})
    template = made.from_string('<a title="{{ text }}">{{ text }}</a>{{ text | short }}{{ text ~ "" }}')
    found = template.render(text="\"><script>'")
    assert "<script" not in found and found.count("&#34;&gt;&lt;script&gt;&#39;") == 4
    with pytest.raises(Exception, match="undefined"):
        made.from_string("{{ nothing }}").render()


def test_visible_drops_what_is_not_seen() -> None:
    assert visible("a\u202eb\x00c\x1b\nd") == "a�b�c�\nd"
    assert visible("plain") == "plain" and visible(7) == 7
    assert visible(Markup("<b>\u202e</b>")) == Markup("<b>\u202e</b>")


def test_static_files_ask_nobody_else() -> None:
    for name, text in STATIC.items():
        found = set(re.findall(r"https?://[^\"' )]+", text))
        assert found <= {"http://www.w3.org/2000/svg"}, name
        assert not re.search(r"url\(|@import|\beval\(|innerHTML|insertAdjacentHTML|document\.write", text), name
