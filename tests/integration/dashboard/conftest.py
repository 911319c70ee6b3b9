"""A browser: Debian's chromium, by Playwright; and what a page must never do, whatever it shows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.integration.dashboard.scene import CHROMIUM

AXE = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"


@dataclass
class Visitor:
    """A browser, and what its pages complained about and asked for."""

    browser: Browser
    complaints: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    async def open(self, url: str, **context: Any) -> Page:
        """Open a page in a profile of its own; what is given are Playwright's options of it."""
        options: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}} | context
        page = await (await self.browser.new_context(**options)).new_page()
        page.on(
            "console", lambda told: self.complaints.append(told.text) if told.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: self.asked.add(request.url))
        answer = await page.goto(url)
        assert answer is not None and "default-src 'self'" in answer.headers["content-security-policy"]
        return page


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        visitor = Visitor(browser)
        try:
            yield visitor
        finally:
            await browser.close()
    hosts = {urlsplit(url).hostname for url in visitor.asked}
    assert hosts <= {"127.0.0.1"}, "nothing is asked of anybody else"
    assert not visitor.complaints, visitor.complaints


@pytest.fixture
def axe() -> Callable[[Page], Any]:
    """Give what finds in a page what people with a screen reader, or without a mouse, or with weak eyes stumble on."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci")
    source = AXE.read_text()

    async def check(page: Page) -> list[str]:
        await page.evaluate(source)
        found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {one['help']}: {', '.join(str(node['target']) for node in one['nodes'][:3])}"
            for one in found["violations"]
        ]

    return check
