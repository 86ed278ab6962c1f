"""Drift over time: which feature moved, when, and how far beyond what is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt

from pipeline.charts import theme
from pipeline.charts.theme import Chart
from pipeline.words import heading, plain_name

MOST = 30
"""Features in a chart: those that drifted furthest."""

_STEPS = [0.5, 1, 2, 3]
"""Scores at which the colour of the strip changes."""

Records = Sequence[Mapping[str, Any]]
"""Records of comparisons, as the drift log and `drift.json` hold them."""


def timeline(log: Records) -> Chart:
    """A strip for each feature, a cell for each span, coloured by score: above 1 is drift.

    Args:
      log: records of any number of comparisons; the last one of a feature and span counts.
    """
    title = "Drift by span"
    cells = {(_label(each), each["span"]): each for each in log}
    if not cells:
        return theme.empty(title, "Nothing was compared yet.")
    worst: dict[str, float] = {}
    for (label, _), each in cells.items():
        worst[label] = max(worst.get(label, 0.0), score(each))
    shown = sorted(worst, key=lambda label: -worst[label])[:MOST]
    records = [
        {"feature": label, "span": span, "score": score(each)}
        | {"drifted": bool(each["drifted"]), "message": each.get("message") or "no drift", "against": _against(each)}
        for (label, span), each in cells.items()
        if label in set(shown)
    ]
    base = alt.Chart(theme.data(records)).encode(
        x=alt.X("span:O", title="span", axis=theme.COUNTED, scale=alt.Scale(paddingInner=0.06)),
        y=theme.rows("feature", shown, padding=0.1),
        tooltip=["feature:N", "span:O", "against:N", alt.Tooltip("score:Q", format=".2f"), "message:N"],
    )
    color = alt.Color(
        "score:Q",
        scale=alt.Scale(type="threshold", domain=_STEPS, range="heatmap"),
        legend=alt.Legend(title="times the threshold", gradientLength=130, titleOrient="left"),
    )
    mark = base.mark_point(style="flag", filled=True).transform_filter(alt.datum.drifted)
    drifted = [each["span"] for each in records if each["drifted"]]
    return theme.finished(
        [base.mark_rect(cornerRadius=2).encode(color=color), mark],
        title,
        f"Drift of {len(shown)} features by span, the most drifted first. Spans with drift: {_listed(drifted)}.",
        subtitle=_left_out(len(shown), len(worst)) + "A dot marks drift.",
        height=len(shown) * theme.ROW,
    )


def metric_by_span(log: Records, feature: str, metric: str) -> Chart:
    """One drift metric of one feature over the spans, with the threshold in force.

    Args:
      log: records of any number of comparisons.
      feature: which one.
      metric: such as `psi`.
    """
    title = f"{feature}: {plain_name(metric)}"
    points = {
        each["span"]: {"span": each["span"], "value": each["metrics"][metric], "bound": _bound(each, metric)}
        | {"threshold": theme.said(_bound(each, metric))}
        for each in log
        if each["feature"] == feature and not each.get("slice") and metric in each["metrics"]
    }
    if not points:
        return theme.empty(title, "It was not measured.")
    base = alt.Chart(theme.data(points.values())).encode(
        x=alt.X("span:O", title="span", axis=theme.COUNTED),
        tooltip=["span:O", _number("value", plain_name(metric)), "threshold:N"],
    )
    y = alt.Y("value:Q", title=plain_name(metric))
    above = [
        each["span"]
        for each in points.values()
        if each["value"] is not None and each["bound"] is not None and each["value"] > each["bound"]
    ]
    return theme.finished(
        [
            _bound_mark(base, len(points)).encode(y="bound:Q"),
            base.mark_line(point=True).encode(y=y),
        ],
        title,
        f"{title}. Spans above its threshold: {_listed(above)}.",
        subtitle="Grey: the threshold.",
        height=180,
    )


def ranking(records: Records) -> Chart:
    """The features of one comparison by score, the most drifted first; 1 is the threshold.

    Args:
      records: `features` of a `drift.json`.
    """
    title = "What drifted most"
    ranked = sorted(records, key=score, reverse=True)
    if not ranked:
        return theme.empty(title, "Nothing was compared.")
    shown: list[dict[str, Any]] = [
        {"feature": _label(each), "score": score(each), "verdict": "drifted" if each["drifted"] else "within bounds"}
        | {"message": each.get("message") or "no drift"}
        for each in ranked[:MOST]
    ]
    base = alt.Chart(theme.data(shown))
    bars = base.mark_bar(height=12, cornerRadiusEnd=2).encode(
        y=theme.rows("feature", (each["feature"] for each in shown)),
        x=alt.X("score:Q", title="times the threshold"),
        color=theme.verdicts("within bounds", "drifted"),
        tooltip=["feature:N", alt.Tooltip("score:Q", format=".2f"), "message:N"],
    )
    rule = alt.Chart(theme.data([{"one": 1}])).mark_rule(style="bound").encode(x="one:Q")
    drifted = [each["feature"] for each in shown if each["verdict"] == "drifted"]
    return theme.finished(
        [bars, rule],
        title,
        f"{len(records)} features by drift. Drifted: {', '.join(drifted) or 'none'}.",
        subtitle=_left_out(len(shown), len(records)) + "Dashed line: the threshold.",
        height=len(shown) * theme.ROW,
    )


def performance(monitors: Sequence[Mapping[str, Any]], metric: str) -> Chart:
    """The model in service on each new span: what it measured at, what was estimated without labels, and at release.

    Args:
      monitors: `monitor.json` of any number of spans.
      metric: which one.
    """
    name = plain_name(metric)
    title = f"{heading(name)} of the model in service"
    points = []
    for each in monitors:
        measured = (each.get("metrics") or {}).get("overall", {}).get(metric)
        released = (each.get("released") or {}).get("overall", {}).get(metric)
        estimate = (each.get("estimated") or {}).get(metric) or {}
        common = {"span": each["span"], "released": released, "at release": theme.said(released), "interval": ""}
        if measured is not None:
            points.append(common | {"what": "measured", "value": measured})
        if estimate:
            said = theme.said(estimate.get("low"), estimate.get("high"))
            points.append(common | estimate | {"what": "estimated without labels", "interval": said})
    if not points:
        return theme.empty(title, "No span was judged by this metric yet.")
    base = alt.Chart(theme.data(points)).encode(
        x=alt.X("span:O", title="span", axis=theme.COUNTED),
        tooltip=["what:N", "span:O", _number("value", name), "interval:N", "at release:N"],
    )
    color = alt.Color("what:N", scale=alt.Scale(domain=["measured", "estimated without labels"]))
    y = alt.Y("value:Q", title=name, scale=alt.Scale(zero=False))
    return theme.finished(
        [
            _bound_mark(base, len({each["span"] for each in points})).encode(y="released:Q"),
            theme.with_interval(base.mark_rule()).encode(y=alt.Y("low:Q", title=name), y2="high:Q", color=color),
            base.mark_line(point=True).encode(y=y, color=color),
        ],
        title,
        f"{title}. Spans: {_listed(each['span'] for each in points)}.",
        subtitle="Grey: at its release.",
    )


def score(record: Mapping[str, Any]) -> float:
    """How far a feature is from its thresholds: the largest metric in units of its threshold."""
    if record.get("score") is not None:
        return float(record["score"])
    return 1.0 if record["drifted"] else 0.0  # a column that vanished has no metric


def _label(record: Mapping[str, Any]) -> str:
    """The feature, and the slice it was compared on."""
    return f"{record['feature']} ({record['slice']})" if record.get("slice") else str(record["feature"])


def _against(record: Mapping[str, Any]) -> str:
    reference = record.get("reference")
    return f"span {reference['span']} ({reference['kind'].replace('_', ' ')})" if reference else ""


def _bound(record: Mapping[str, Any], metric: str) -> float | None:
    bound: float | None = record["bounds"].get(metric)
    return bound


def _bound_mark(base: alt.Chart, spans: int) -> alt.Chart:
    """A line through the spans; of a single span, a tick."""
    return (
        base.mark_line(style="bound", interpolate="step") if spans > 1 else base.mark_tick(style="bound", thickness=2)
    )


def _listed(spans: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(set(spans)))) or "none"


def _number(field: str, title: str) -> alt.Tooltip:
    return alt.Tooltip(f"{field}:Q", title=title, format=".4f")


def _left_out(shown: int, of: int) -> str:
    return f"The {shown} most drifted of {of}. " if shown < of else ""
