"""Charts in pages and notebooks: what is written, and what a browser without any network makes of it."""

from __future__ import annotations

import json
import re

import altair as alt
import chart_records as made
import pytest
import vl_convert
from browser import chromium, needs_chromium

from pipeline.charts import drift, profile, render, slices, theme

EVIL = made.intervals(1)
EVIL["slices"][0]["value"] = made.EVIL


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    """A cache of this module's own: bundled once, kept for the other tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "chart-cache"))


def page(*charts: theme.Chart) -> str:
    places = "\n".join(render.page_embed(chart, f"chart-{index}") for index, chart in enumerate(charts))
    policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"
    return f"""<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">
        {render.scripts()}<main>{places}</main>"""


@pytest.fixture
def bundled(monkeypatch, tmp_path) -> list[str]:
    """Versions that were bundled, into nothing much; the cache is empty."""
    asked: list[str] = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(
        vl_convert, "javascript_bundle", lambda snippet, vl_version: asked.append(vl_version) or snippet
    )
    return asked


def test_scripts_are_bundled_once_and_kept(bundled, tmp_path):
    assert render.scripts() == render.scripts()
    assert bundled == [alt.SCHEMA_VERSION.rpartition(".")[0]]
    assert [file.suffix for file in (tmp_path / "headgate").iterdir()] == [".js"]


def test_where_nothing_can_be_kept_the_scripts_are_bundled_again(bundled, tmp_path):
    (tmp_path / "headgate").write_text("a file where the folder should be")

    assert render.scripts() == render.scripts()
    assert len(bundled) == 2


def test_the_scripts_of_a_page_are_below_a_megabyte():
    assert len(render.scripts()) < 1_000_000


def test_names_cannot_break_out_of_scripts_attributes_or_tables():
    chart = slices.metric_by_slice(EVIL, "auc")

    embedded = render.page_embed(chart, 'an "id"')
    shown = render.show(chart, table=[{made.EVIL: made.EVIL}])._repr_html_()

    assert embedded.count("</script>") == 1
    assert 'id="an &quot;id&quot;"' in embedded
    assert "alert(" in json.loads(re.search(r">(\{.*\})<", embedded)[1])["description"]
    assert shown.count("<script>") == shown.count("</script>") == 1  # the notebook's own
    assert "<script>alert" not in shown


def test_a_table_says_numbers_lists_and_nothing_in_words():
    table = render.table([{"a_rate": 0.123456, "rows": 12345, "seen": True}, {"rows": None, "parts": [1, "x"]}])

    assert "<td>0.1235</td><td>12,345</td><td>yes</td><td></td>" in table
    assert "<td>1, x</td>" in table
    assert '<th scope="col">a rate</th>' in table
    assert render.table([]) == ""


def test_an_object_to_show_has_a_plain_text_for_those_who_see_no_html():
    assert "auc" in repr(render.show(slices.metric_by_slice(made.intervals(), "auc"))).lower()
    assert "nothing to show" in repr(render.show())


@needs_chromium
@pytest.mark.parametrize(("colours", "width"), [("light", 1280), ("dark", 400)])
def test_a_page_draws_its_charts_without_eval_or_network(tmp_path, colours, width):
    file = tmp_path / "page.html"
    charts = [slices.metric_by_slice(EVIL, "auc"), drift.timeline(made.drift_log())]
    file.write_text(page(*charts), "utf-8")

    with chromium(theme=colours, width=width) as (opened, seen):
        opened.goto(file.as_uri())
        opened.wait_for_function("document.querySelectorAll('.chart svg path').length > 20")
        labels = opened.eval_on_selector_all(".chart", "places => places.map(each => each.ariaLabel)")
        title = opened.locator(".chart svg text", has_text="AUC by slice").first
        colour = title.evaluate("each => getComputedStyle(each).fill")
        wide = opened.evaluate("document.documentElement.scrollWidth")

    assert (seen.refused, seen.errors) == ([], [])
    assert labels == [chart.description for chart in charts]
    assert colour == {"light": "rgb(31, 41, 51)", "dark": "rgb(228, 233, 238)"}[colours]
    assert wide <= width


@needs_chromium
def test_charts_follow_the_theme_and_a_hidden_place_that_is_shown(tmp_path):
    file = tmp_path / "page.html"
    chart = render.page_embed(drift.ranking(made.drift_log(spans=1)), "hidden")
    file.write_text(f"<!doctype html>{render.scripts()}<section hidden>{chart}</section>", "utf-8")

    with chromium() as (opened, seen):
        opened.goto(file.as_uri())
        assert opened.locator("svg").count() == 0
        opened.locator("section").evaluate("each => { each.hidden = false }")
        opened.wait_for_selector("svg[width]:not([width='0'])")
        opened.emulate_media(color_scheme="dark")
        opened.wait_for_selector("svg [fill='#e4e9ee']")
        opened.evaluate("document.documentElement.dataset.theme = 'light'")
        opened.wait_for_selector("svg [fill='#1f2933']")

    assert seen.errors == []


@needs_chromium
def test_a_frame_in_a_notebook_is_as_high_as_its_charts(tmp_path):
    many = made.statistics({f"x{index}": [1.0, 2.0, 3.0] for index in range(9)}, {made.EVIL: {made.EVIL: 2}})
    shown = render.show(*profile.feature_profiles(many).values(), table=[{"a": 1}])
    file = tmp_path / "notebook.html"
    file.write_text(f"<!doctype html><body data-jp-theme-light='false'>{shown._repr_html_()}</body>", "utf-8")

    with chromium() as (opened, seen):
        opened.goto(file.as_uri())
        frame = opened.query_selector("iframe").content_frame()
        frame.wait_for_function("document.querySelectorAll('.chart svg').length == 10")
        frame.wait_for_selector("svg [fill='#e4e9ee']")  # JupyterLab's dark theme, not the reader's light one
        high = frame.evaluate("document.body.scrollHeight")
        opened.wait_for_function(f"document.querySelector('iframe').offsetHeight >= {high}")
        opened.get_by_text("The numbers").click()
        assert opened.locator("td").inner_text() == "1"

    assert (seen.refused, seen.errors) == ([], [])
