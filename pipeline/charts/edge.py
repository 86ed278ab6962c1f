"""Models for devices: what a smaller file costs in quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from pipeline.charts import theme
from pipeline.charts.theme import Chart
from pipeline.words import plain_name


def edge(variants: Sequence[Mapping[str, Any]], metric: str, full: float | None = None) -> Chart:
    """Size against quality of each variant.

    Args:
      variants: `{"name", "format", "bytes", "gzip_bytes", "passed", "metrics": {metric: value}}`.
      metric: which one.
      full: the full model's value, which is marked.
    """
    name = plain_name(metric)
    title = f"Size and {name} of the models for devices"
    records = [
        {"variant": each["name"], "format": each["format"], "kilobytes": each["bytes"] / 1000}
        | {"value": each["metrics"][metric], "verdict": "released" if each["passed"] else "held back"}
        for each in variants
        if each["metrics"].get(metric) is not None
    ]
    if not records:
        return theme.empty(title, "No variant was judged by this metric.")
    base = alt.Chart(theme.data(records)).encode(
        x=alt.X("kilobytes:Q", title="size of the file in kB"),
        y=alt.Y("value:Q", title=name, scale=alt.Scale(zero=False, padding=12)),
        tooltip=[
            "variant:N",
            "format:N",
            alt.Tooltip("kilobytes:Q", format=",.1f"),
            alt.Tooltip("value:Q", format=".4f"),
        ],
    )
    layers: list[alt.Chart] = [
        base.mark_point(size=90, opacity=1).encode(color=theme.verdicts("released", "held back")),
        base.mark_text(align="left", dx=9, style="quiet-text").encode(text="variant:N"),
    ]
    if full is not None:
        layers.insert(0, alt.Chart(theme.data([{"full": full}])).mark_rule(style="bound").encode(y="full:Q"))
    smallest = min(records, key=lambda each: float(each["kilobytes"]))
    return theme.finished(
        layers,
        title,
        f"{len(records)} variants; the smallest, {smallest['variant']}, has {smallest['kilobytes']:,.1f} kB and "
        + f"{name} {smallest['value']:.4f}.",
        subtitle="" if full is None else "Dashed line: the full model.",
    )
