"""Pages in a real browser, headless Chromium, that can reach nothing but what a test allows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")


@dataclass
class Seen:
    """What went wrong while pages were open.

    Attributes:
      refused: addresses that a page asked for and was not given.
      errors: what the console called an error, and exceptions that nothing caught.
    """

    refused: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextmanager
def chromium(
    *, allowed: str = "file://", theme: Literal["light", "dark"] = "light", width: int = 1280
) -> Iterator[tuple[Any, Seen]]:
    """A fresh page in a browser, and what it complained of.

    Args:
      allowed: how addresses begin that may be asked for; `data:` and `blob:` may be as well.
      theme: the colour scheme that the user prefers.
      width: of the window, in pixels.
    """
    from playwright.sync_api import sync_playwright

    seen = Seen()

    def route(route: Any) -> None:
        address = route.request.url
        if address.startswith((allowed, "data:", "blob:", "about:")):
            route.continue_()
        else:
            seen.refused.append(address)
            route.abort()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(color_scheme=theme, viewport={"width": width, "height": 900}).new_page()
        page.route("**/*", route)
        page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        try:
            yield page, seen
        finally:
            browser.close()
