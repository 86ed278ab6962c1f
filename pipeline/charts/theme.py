"""How every chart looks: one palette, safe for the colour-blind, in a light and a dark form.

Charts name roles (`bound`, `quiet-text`), never colours: what a role looks like is said here, and picked by the page
when it draws. So one chart fits both themes.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt
import numpy as np

Chart = alt.LayerChart

HEIGHT = 260
"""Of a chart, in pixels; the width is that of the place it stands in."""

SMALL = 120
"""Height of one of many charts side by side."""

ROW = 22
"""Height of one row of a chart that has a row for each feature or slice."""

_LINE = 56
"""Characters to a line of a subtitle, which a page 400 pixels wide has room for."""

NEW, SERVED = "new", "in service"
"""The two models of a comparison, as legends call them."""

CURRENT, REFERENCE = "current", "reference"
"""The two sets of data of a comparison, as legends call them."""

_NAME = "isValid(containerSize()[0]) ? max(150, 0.4 * containerSize()[0]) : 400"
"""Pixels for the names of rows."""

COUNTED = alt.Axis(labelAngle=0, labelOverlap=True, grid=False)
"""The axis of spans, epochs and trials."""

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"

# Blue against orange can be told apart with every common colour blindness; each has a contrast of 3 or more to the
# page, in both themes (WCAG 2.2, 1.4.11).
_LIGHT = {
    "category": ["#1f6fb4", "#c75000", "#00795f", "#8247b5", "#6b7280"],
    "ramp": ["#eef3f8", "#9cc3e4", "#3f89c4", "#0b4a83"],
    "heat": ["#e9f0f6", "#bdd5ea", "#f2b583", "#d9691f", "#8f2d00"],
    "text": "#1f2933",
    "quiet": "#52606d",
    "line": "#dde3e9",
    "verdict": ["#1f6fb4", "#c75000", "#8a94a0"],
    "page": "#ffffff",
}
_DARK = {
    "category": ["#6db3f2", "#f5a05a", "#4cc9a8", "#c9a0f0", "#a3adb8"],
    "ramp": ["#1c2a38", "#2c5a86", "#4f97d3", "#b5dbfb"],
    "heat": ["#1d2b39", "#31526f", "#a45e2d", "#e58a48", "#ffd0a6"],
    "text": "#e4e9ee",
    "quiet": "#a9b4bf",
    "line": "#36424e",
    "verdict": ["#6db3f2", "#f5a05a", "#7d8894"],
    "page": "#14191f",
}


def _config(colours: Mapping[str, Any]) -> dict[str, Any]:
    labels = {"labelColor": colours["quiet"], "titleColor": colours["text"], "labelFontSize": 12, "titleFontSize": 12}
    quiet_rule = {"color": colours["quiet"], "strokeDash": [5, 4], "strokeWidth": 1.5}
    return {
        "background": "transparent",
        "font": _FONT,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "padding": 4,
        "axis": labels
        | {"gridColor": colours["line"], "domainColor": colours["line"], "tickColor": colours["line"]}
        | {
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "labelLimit": {"expr": _NAME},
        },
        "axisQuantitative": {"labelOverlap": "greedy", "labelSeparation": 8, "labelFlush": False},
        "legend": labels
        | {
            "orient": "top",
            "title": None,
            "symbolStrokeWidth": 2.5,
            "symbolOpacity": 1,
            "labelLimit": 150,
            "columnPadding": 10,
        },
        "title": {"color": colours["text"], "subtitleColor": colours["quiet"], "fontSize": 14, "anchor": "start"}
        | {"fontWeight": 600, "subtitleFontSize": 12, "offset": 8, "frame": "bounds"},
        "view": {"stroke": None},
        "range": {
            "category": colours["category"],
            "ramp": colours["ramp"],
            "heatmap": colours["heat"],
            "diverging": colours["verdict"],
        },
        "mark": {"color": colours["category"][0]},
        "line": {"strokeWidth": 2},
        "point": {"size": 60, "filled": True},
        "rule": {"strokeWidth": 2},
        "style": {
            "bound": quiet_rule,
            "aside": quiet_rule | {"strokeDash": [2, 3]},
            "quiet-text": {"color": colours["quiet"], "fontSize": 11},
            "strong-text": {"color": colours["text"], "fontSize": 12},
            "flag": {"color": colours["page"], "stroke": colours["text"], "strokeWidth": 1, "size": 28, "opacity": 1},
            "on-dark": {"color": colours["page"], "fontSize": 12},
        },
    }


CONFIGS: dict[str, dict[str, Any]] = {"light": _config(_LIGHT), "dark": _config(_DARK)}
"""Vega-Lite configurations by `prefers-color-scheme`."""

PAGES: dict[str, dict[str, Any]] = {"light": _LIGHT, "dark": _DARK}
"""The colours behind the configurations, for the page around the charts."""


def data(records: Iterable[Mapping[str, Any]]) -> alt.InlineData:
    """Records as a chart's data; what is not a finite number becomes null, which marks leave out."""
    return alt.InlineData(values=[{key: _plain(value) for key, value in record.items()} for record in records])


def finished(
    layers: list[alt.Chart], title: str, description: str, *, subtitle: str = "", height: int = HEIGHT
) -> Chart:
    """Layers as a chart, with what each one has: a title, a description, the width of its place.

    Args:
      layers: marks and encodings, the backmost first.
      title: what the chart shows, in a few words.
      description: what a reader who does not see it should know; screen readers say it.
      subtitle: how to read it, or what was left out.
      height: in pixels.
    """
    lines = textwrap.wrap(subtitle, _LINE)  # Vega would cut it at the edge of a narrow page
    titles = alt.TitleParams(title, subtitle=lines) if lines else alt.TitleParams(title)
    return alt.LayerChart(layer=layers, title=titles, description=description, width="container", height=height)


def empty(title: str, why: str) -> Chart:
    """A chart with nothing to show says why.

    Args:
      title: what the chart would have shown.
      why: a sentence.
    """
    chart = alt.Chart(data([{"why": why}])).mark_text(style="quiet-text", align="center").encode(text="why:N")
    return finished([chart], title, f"{title}: {why}", height=40)


def rows(field: str, names: Iterable[str], *, grid: bool = False, padding: float = 0) -> alt.Y:
    """A row for each name, in the order given. Of long names the end is kept: it is what tells them apart."""
    short = f"truncate(datum.label, floor(({_NAME}) / 7.5), 'left')"
    axis = alt.Axis(grid=grid, labelExpr=short)
    return alt.Y(f"{field}:N", title=None, sort=list(names), axis=axis, scale=alt.Scale(paddingInner=padding))


def models(records: Iterable[Mapping[str, Any]]) -> alt.Color:
    """The colour of the new model and of the one in service, as `model` of the records says."""
    return sides(records, "model", NEW, SERVED)


def sides(records: Iterable[Mapping[str, Any]], field: str, first: str, second: str) -> alt.Color:
    """The colours of two sides of a comparison; without a legend where only one is there."""
    compared = len({each[field] for each in records}) > 1
    scale = alt.Scale(domain=[first, second])
    return alt.Color(f"{field}:N", scale=scale, legend=alt.Legend() if compared else None)


def verdicts(good: str, bad: str, unclear: str | None = None, field: str = "verdict") -> alt.Color:
    """The colour of a verdict; the three values in words."""
    domain = [good, bad] if unclear is None else [good, bad, unclear]
    # "diverging" is the one range of Vega-Lite's configuration that no chart needs for what its name says.
    return alt.Color(f"{field}:N", scale=alt.Scale(domain=domain, range="diverging"))


def with_interval(chart: alt.Chart) -> alt.Chart:
    """The part of a chart's records that have an interval: a missing bound would be drawn at 0."""
    return chart.transform_filter("isValid(datum.low) && isValid(datum.high)")


def said(value: float | None, high: float | None = None) -> str:
    """A number, or an interval, in a tooltip; empty where there is none, which Vega would call NaN.

    >>> said(0.25), said(0.25, 0.5), said(None)
    ('0.2500', '0.2500 to 0.5000', '')
    """
    known = [f"{each:.4f}" for each in (value, high) if each is not None and math.isfinite(each)]
    return " to ".join(known)


def counted(rows: int | None) -> str:
    """A number of rows in a tooltip."""
    return "" if rows is None else f"{rows:,}"


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
