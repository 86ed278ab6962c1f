"""Metrics by slice: how the new model does on each part of the data, against the one in service."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from pipeline.charts import theme
from pipeline.charts.theme import Chart
from pipeline.words import heading, plain_name

MOST = 30
"""Slices in a chart: the weakest, or those that changed most. Tables beside the charts have them all."""

LOWER_IS_BETTER = ("loss", "entropy", "error")
"""Parts of the names of metrics of which less is better."""


def metric_by_slice(intervals: Mapping[str, Any], metric: str) -> Chart:
    """A metric on each slice with its interval, of the new model and of the one in service; the weakest first.

    Args:
      intervals: `{"overall": {metric: value}, "slices": [{"slice", "value", "rows", "metrics", "served"}]}`, where a
        value is a number or `{"value", "low", "high"}`, and `served` may be missing.
      metric: which one.
    """
    name = plain_name(metric)
    records = [_record(each, metric) for each in intervals["slices"]]
    records = [each for each in records if each["value"] is not None]
    title = f"{heading(name)} by slice"
    if not records:
        return theme.empty(title, "No slice has this metric.")
    shown = sorted(records, key=lambda each: strength(each["value"], metric))[:MOST]
    overall = interval(intervals.get("overall", {}).get(metric))
    y = theme.rows("where", (each["where"] for each in shown), grid=True)
    x = alt.X("value:Q", title=name, scale=alt.Scale(zero=False))
    tooltip = _tooltip(name)
    new = [each | {"model": theme.NEW, "interval": _said(each)} for each in shown]
    served = [
        each | {"value": each["served"], "model": theme.SERVED, "interval": ""}
        for each in shown
        if each["served"] is not None
    ]
    color, bounded = theme.models(new + served), any(each["low"] is not None for each in shown)
    base = alt.Chart(theme.data(new))
    layers = [
        theme.with_interval(base.mark_rule()).encode(
            y=y, x=alt.X("low:Q", title=name), x2="high:Q", color=color, tooltip=tooltip
        ),
        base.mark_point(opacity=1).encode(y=y, x=x, color=color, tooltip=tooltip),
    ]
    if served:
        diamonds = alt.Chart(theme.data(served)).mark_point(shape="diamond", filled=False, strokeWidth=2, opacity=1)
        layers.append(diamonds.encode(y=y, x=x, color=color, tooltip=tooltip))
    if overall["value"] is not None:
        rule = alt.Chart(theme.data([overall])).mark_rule(style="aside")
        layers.insert(0, rule.encode(x=x, tooltip=alt.Tooltip("value:Q", title=f"{name}, all rows", format=".4f")))
    worst = shown[0]
    return theme.finished(
        layers,
        title,
        f"{name} of {len(shown)} slices, the weakest first. Weakest: {worst['where']} with {worst['value']:.3f}.",
        subtitle=_left_out(len(shown), len(records), "weakest")
        + "Dotted: all rows."
        + (" Bars: intervals." if bounded else ""),
        height=len(shown) * theme.ROW,
    )


def differences(slices: Sequence[Mapping[str, Any]], metric: str) -> Chart:
    """How much better or worse the new model is than the one in service, by slice, with intervals.

    Args:
      slices: records `{"slice", "value", "rows", "difference": {metric: {"value", "low", "high"}} or None}`.
      metric: which one.
    """
    name = plain_name(metric)
    title = f"{heading(name)}: new minus in service"
    records: list[dict[str, Any]] = [
        {"where": where(each), "rows": theme.counted(each["rows"]), "verdict": _verdict(each, metric)}
        | interval((each.get("difference") or {}).get(metric))
        for each in slices
    ]
    records = [each for each in records if each["value"] is not None]
    if not records:
        return theme.empty(title, "There is no model in service to compare with.")
    shown = sorted(records, key=lambda each: abs(each["value"]), reverse=True)[:MOST]
    shown.sort(key=lambda each: each["value"], reverse=lower_is_better(metric))
    y = theme.rows("where", (str(each["where"]) for each in shown), grid=True)
    verdicts = theme.verdicts("better", "worse", "unclear")
    base = alt.Chart(theme.data([each | {"interval": _said(each)} for each in shown])).encode(
        y=y, color=verdicts, tooltip=_tooltip(name)
    )
    zero = alt.Chart(theme.data([{"zero": 0}])).mark_rule(style="bound").encode(x="zero:Q")
    return theme.finished(
        [
            zero,
            theme.with_interval(base.mark_rule()).encode(x=alt.X("low:Q", title=f"difference in {name}"), x2="high:Q"),
            base.mark_point(opacity=1).encode(x="value:Q"),
        ],
        title,
        f"Difference in {name} between the new model and the one in service, for {len(shown)} slices. "
        + f"{sum(each['verdict'] == 'worse' for each in shown)} are clearly worse.",
        subtitle=_left_out(len(shown), len(records), "most changed") + "Grey: may be chance.",
        height=len(shown) * theme.ROW,
    )


def weak_slices(records: Sequence[Mapping[str, Any]]) -> Chart:
    """The slices that were found to be weakest: their metric against that of the rest of the rows.

    Args:
      records: `{"where", "rows", "metric", "value", "rest", "p_value", "significant"}`.
    """
    title = "Weakest slices found"
    known = [each for each in records if each["value"] is not None][:MOST]
    if not known:
        return theme.empty(title, "No slice of enough rows is weaker than the rest.")
    name = plain_name(known[0]["metric"])
    found = [{**each, "certain": "certain" if each["significant"] else "may be chance"} for each in known]
    y = theme.rows("where", (each["where"] for each in found), grid=True)
    base = alt.Chart(theme.data(found)).encode(
        y=y,
        tooltip=[
            alt.Tooltip("where:N", title="slice"),
            alt.Tooltip("rows:Q", format=","),
            alt.Tooltip("value:Q", title=name, format=".4f"),
            alt.Tooltip("rest:Q", title="the rest", format=".4f"),
            alt.Tooltip("p_value:Q", title="p value", format=".2g"),
        ],
    )
    x = alt.X("value:Q", title=name, scale=alt.Scale(zero=False))
    color = theme.verdicts("may be chance", "certain", field="certain")
    return theme.finished(
        [
            base.mark_rule(style="aside").encode(x=x, x2="rest:Q"),
            base.mark_tick(thickness=2, style="aside").encode(x="rest:Q"),
            base.mark_point(opacity=1).encode(x=x, color=color),
        ],
        title,
        f"{len(found)} slices where {name} is weakest, each against the rest of the rows.",
        subtitle="Point: the slice. Tick: the rest of the rows.",
        height=len(found) * theme.ROW,
    )


def where(record: Mapping[str, Any]) -> str:
    """What a slice is called in charts, such as `payment_type = Cash`."""
    return f"{record['slice']} = {record['value']}"


def interval(value: Any) -> dict[str, float | None]:
    """A number, an interval or nothing, as `{"value", "low", "high"}`; None for what is not finite."""
    found = value if isinstance(value, Mapping) else {"value": value}
    parts = {key: found.get(key) for key in ("value", "low", "high")}
    return {key: None if part is None or not math.isfinite(part) else part for key, part in parts.items()}


def lower_is_better(metric: str) -> bool:
    """Whether a metric measures errors."""
    return any(part in metric for part in LOWER_IS_BETTER)


def strength(value: float, metric: str) -> float:
    """A metric's value so that more is better; the best calibration is 1."""
    if metric == "calibration":
        return -abs(value - 1)
    return -value if lower_is_better(metric) else value


def _record(each: Mapping[str, Any], metric: str) -> dict[str, Any]:
    served = interval((each.get("served") or {}).get(metric))["value"]
    return {"where": where(each), "rows": theme.counted(each["rows"]), "served": served} | interval(
        each["metrics"].get(metric)
    )


def _verdict(record: Mapping[str, Any], metric: str) -> str:
    difference = interval((record.get("difference") or {}).get(metric))
    low, high = difference["low"], difference["high"]
    if low is None or high is None or low <= 0 <= high:
        return "unclear"
    new, served = record["metrics"][metric]["value"], record["served"][metric]
    return "better" if strength(new, metric) > strength(served, metric) else "worse"


def _tooltip(name: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("where:N", title="slice"),
        alt.Tooltip("rows:N"),
        alt.Tooltip("value:Q", title=name, format=".4f"),
        alt.Tooltip("interval:N"),
    ]


def _said(record: Mapping[str, Any]) -> str:
    return theme.said(record["low"], record["high"])


def _left_out(shown: int, of: int, which: str) -> str:
    return f"{shown} {which} of {of}. " if shown < of else ""
