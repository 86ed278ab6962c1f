"""Pages in a browser: what a reader with a keyboard, a screen reader, a small screen or a dark theme meets."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from browser import chromium, needs_chromium
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


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run that has all there is."""
    [path] = write(full(tmp_path_factory.mktemp("reported")).workspace, RUN)
    return path


def test_a_page_asks_for_nothing_and_draws_its_charts_without_an_error(page_file):
    with chromium() as (page, seen):
        page.goto(page_file.as_uri())
        page.wait_for_selector("#curves .chart svg")
        charts = page.locator(".chart").count()
        expect(page.locator(".chart svg")).to_have_count(charts, timeout=30_000)

        assert charts > 10
        assert (seen.refused, seen.errors) == ([], [])
        assert "'unsafe-eval'" not in page_file.read_text(encoding="utf-8")
    assert page_file.stat().st_size < 1_500_000


def test_a_table_sorts_by_keyboard_and_says_so(page_file):
    with chromium() as (page, _):
        page.goto(page_file.as_uri())
        table = page.locator("#slices table").first
        head = table.locator("th", has=page.get_by_role("button", name="Rows"))

        def rows() -> list[int]:
            return [int(text.replace(",", "")) for text in table.locator("tbody td:nth-child(2)").all_inner_texts()]

        head.get_by_role("button").focus()
        page.keyboard.press("Enter")
        assert (head.get_attribute("aria-sort"), rows()) == ("ascending", sorted(rows()))
        page.keyboard.press("Space")
        assert (head.get_attribute("aria-sort"), rows()) == ("descending", sorted(rows(), reverse=True))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_can_be_read(page_file, theme):
    with chromium(theme=theme) as (page, _):
        page.goto(page_file.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")

        assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_never_scrolls_sideways(page_file, width):
    with chromium(width=width) as (page, _):
        page.goto(page_file.as_uri())
        page.wait_for_selector(".chart svg")
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")

        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_screen_reader_finds_its_way(page_file):
    with chromium() as (page, _):
        page.goto(page_file.as_uri())
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"

        levels = page.eval_on_selector_all("h1, h2, h3", "all => all.map((each) => Number(each.tagName[1]))")
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
        assert page.locator("main").count() == page.locator("nav[aria-label]").count() == 1
        assert page.locator("html").get_attribute("lang") == "en"
        assert page.locator("table:not(:has(caption)), th:not([scope])").count() == 0
        assert page.locator("section:not([aria-labelledby])").count() == 0
        page.wait_for_selector(".chart svg")
        assert page.locator(".chart:has(svg):not([aria-label])").count() == 0
        ids = page.eval_on_selector_all("[id]", "all => all.map((each) => each.id)")
        assert len(ids) == len(set(ids))


def test_names_with_html_in_them_stay_names(tmp_path):
    [path] = write(full(tmp_path, name=EVIL).workspace, RUN)

    with chromium() as (page, seen):
        page.on("dialog", lambda dialog: seen.errors.append(dialog.message))
        page.goto(path.as_uri())
        page.wait_for_selector("#confusion .chart svg")

        assert (seen.refused, seen.errors) == ([], [])
        assert EVIL in page.locator("#drift table").first.inner_text()
        assert page.locator("script:not([type='application/json'])").count() == 3  # those that the page came with
