"""Pages in a browser: what a reader with a keyboard, a screen reader, a small screen or a dark theme meets."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from browser import Seen, chromium, needs_chromium
from chart_records import EVIL
from playwright.sync_api import expect
from reported import RUN, full

from pipeline.report.write import write

pytestmark = needs_chromium

CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((part) => part / 255)
    .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = parse(getComputedStyle(each).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const low = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || element.closest("script, svg, .skip") || !element.checkVisibility()) continue;
    const [one, other] = [parse(getComputedStyle(element).color), behind(element)].map(luminance);
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) low.add(`${element.tagName}.${element.className} ${texts.currentNode.data.trim()} ${ratio}`);
  }
  return [...low];
}"""
"""Texts whose contrast to what lies behind them is less than WCAG's AA asks for."""

OPEN_ALL = "document.querySelectorAll('details').forEach((each) => { each.open = true; })"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run that has all there is."""
    [path] = write(full(tmp_path_factory.mktemp("reported")).workspace, RUN)
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[tuple[Any, Seen]]:
    """One browser for all tests: to start one takes longer than to look at a page."""
    with chromium() as (page, seen):
        yield page, seen


@pytest.fixture
def opened(browser: tuple[Any, Seen], page_file: Path) -> tuple[Any, Seen]:
    """The page in the light theme on a wide screen, all charts drawn."""
    page, seen = browser
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
    if page.url.partition("#")[0] != page_file.as_uri():
        page.goto(page_file.as_uri())
        expect(page.locator(".chart svg")).to_have_count(page.locator(".chart").count(), timeout=60_000)
    return page, seen


def test_a_page_asks_for_nothing_and_draws_its_charts_without_an_error(opened, page_file):
    page, seen = opened
    assert page.locator(".chart svg").count() > 10
    assert (seen.refused, seen.errors) == ([], [])
    assert "'unsafe-eval'" not in page_file.read_text(encoding="utf-8")
    assert page_file.stat().st_size < 1_500_000


def test_a_table_sorts_by_keyboard_and_says_so(opened):
    page, _ = opened
    table = page.locator("#slices table").first
    head = table.locator("th", has=page.get_by_role("button", name="Rows"))

    def rows() -> list[int]:
        return [int(text.replace(",", "")) for text in table.locator("tbody td:nth-child(2)").all_inner_texts()]

    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert (head.get_attribute("aria-sort"), rows()) == ("ascending", sorted(rows()))
    page.keyboard.press("Space")
    assert (head.get_attribute("aria-sort"), rows()) == ("descending", sorted(rows(), reverse=True))


def test_a_screen_reader_finds_its_way(opened):
    page, _ = opened
    levels = page.eval_on_selector_all("h1, h2, h3", "all => all.map((each) => Number(each.tagName[1]))")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.locator("main").count() == page.locator("nav[aria-label]").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("table:not(:has(caption)), th:not([scope])").count() == 0
    assert page.locator("section:not([aria-labelledby])").count() == 0
    assert page.locator(".chart:not([aria-label])").count() == 0
    ids = page.eval_on_selector_all("[id]", "all => all.map((each) => each.id)")
    assert len(ids) == len(set(ids))
    names = page.eval_on_selector_all("[role=region]", "all => all.map((each) => each.getAttribute('aria-label'))")
    assert len(names) == len(set(names))

    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_every_text_can_be_read_and_nothing_sticks_out(opened):
    page, _ = opened
    page.evaluate(OPEN_ALL)
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_the_same_holds_in_the_dark_on_a_phone(opened):
    page, _ = opened
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 800})
    page.evaluate(OPEN_ALL)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 25, 31)"
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_names_with_html_in_them_stay_names(browser, tmp_path):
    [path] = write(full(tmp_path, name=EVIL).workspace, RUN)
    page, seen = browser
    page.on("dialog", lambda dialog: seen.errors.append(dialog.message))
    page.goto(path.as_uri())
    page.wait_for_selector("#confusion .chart svg")

    assert (seen.refused, seen.errors) == ([], [])
    assert EVIL in page.locator("#drift table").first.inner_text()
    assert page.locator("script:not([type='application/json'])").count() == 3  # those that the page came with
