"""The judgement in depth: curves of the new model against the one in service, calibration, confusion, residuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from pipeline.charts import theme
from pipeline.charts.theme import Chart
from pipeline.words import plain_name

Curves = Mapping[str, Any]
"""`{"new": CURVES, "served": CURVES or None}`, as `analysis.json` holds them."""

_SHARE = alt.Scale(domain=[0, 1])


def roc(curves: Curves) -> Chart:
    """The receiver operating characteristic: positives found against false alarms, at every threshold."""
    return _line(
        curves,
        "roc",
        ("false_positive_rate", "false positive rate (false alarms)"),
        ("recall", "recall (positives found)"),
        "ROC curve",
        diagonal=True,
    )


def precision_recall(curves: Curves) -> Chart:
    """How many of the rows called positive are, against how many of the positives are found."""
    return _line(
        curves,
        "precision_recall",
        ("recall", "recall (positives found)"),
        ("precision", "precision (right when positive)"),
        "Precision and recall",
    )


def calibration(curves: Curves) -> Chart:
    """Predicted probability against what came true; a calibrated model lies on the diagonal."""
    title = "Calibration"
    records = [each | {"model": model} for model, own in _models(curves) for each in own.get("calibration") or []]
    if not records:
        return theme.empty(title, "The model gives no probabilities.")
    base = alt.Chart(theme.data(records)).encode(
        x=alt.X("predicted:Q", title="predicted probability", scale=_SHARE),
        color=theme.models(records),
        tooltip=["model:N", alt.Tooltip("rows:Q", format=","), *_numbers("predicted", "observed")],
    )
    observed = "share that came true"
    bars = base.mark_rule(opacity=0.5).encode(y=alt.Y("observed_low:Q", title=observed), y2="observed_high:Q")
    points = base.mark_line(point=True).encode(y=alt.Y("observed:Q", title=observed, scale=_SHARE))
    return theme.finished(
        [_diagonal(), bars, points],
        title,
        f"Predicted probability against the share of rows that came true, in {len(records)} bins.",
        subtitle="On the dotted line, probabilities hold.",
    )


def thresholds(curves: Curves, threshold: float | None = None) -> Chart:
    """Precision, recall, F1 and the share called positive, of the new model by decision threshold.

    Args:
      curves: of both models.
      threshold: the one in force, which is marked.
    """
    title = "What the threshold does"
    own = (curves["new"] or {}).get("thresholds") or {"threshold": []}
    names = {"precision": "precision", "recall": "recall", "f1": "F1", "positive_share": "called positive"}
    records = [
        {"threshold": at, "measure": label, "value": own[name][index]}
        for name, label in names.items()
        for index, at in enumerate(own["threshold"])
    ]
    if not records:
        return theme.empty(title, "The model has no decision threshold.")
    lines = (
        alt.Chart(theme.data(records))
        .mark_line()
        .encode(
            x=alt.X("threshold:Q", title="decision threshold", scale=_SHARE),
            y=alt.Y("value:Q", title="share", scale=_SHARE),
            color=alt.Color("measure:N", scale=alt.Scale(domain=list(names.values())), legend=alt.Legend(columns=2)),
            tooltip=["measure:N", *_numbers("threshold", "value")],
        )
    )
    layers = [lines] if threshold is None else [lines, _mark_threshold(threshold)]
    in_force = "" if threshold is None else f" The threshold in force is {threshold:.3f}."
    return theme.finished(
        layers,
        title,
        f"Precision, recall, F1 and the share of rows called positive, by decision threshold.{in_force}",
        subtitle="" if threshold is None else "Dashed line: the threshold in force.",
    )


def costs(records: Sequence[Mapping[str, float]], threshold: float, best: float) -> Chart:
    """What mistakes cost at each threshold.

    Args:
      records: `{"threshold", "cost"}`, the cost in any unit, of 1,000 rows.
      threshold: the one in force.
      best: the one at which mistakes cost least.
    """
    marks = [{"threshold": best, "which": "least cost"}, {"threshold": threshold, "which": "in force"}]
    line = alt.Chart(theme.data(records)).mark_line()
    rules = alt.Chart(theme.data(marks)).mark_rule(strokeDash=[5, 4])
    return theme.finished(
        [
            line.encode(
                x=alt.X("threshold:Q", title="decision threshold", scale=_SHARE),
                y=alt.Y("cost:Q", title="cost of 1,000 rows"),
                tooltip=_numbers("threshold", "cost"),
            ),
            rules.encode(
                x="threshold:Q",
                color=alt.Color("which:N", scale=alt.Scale(domain=["least cost", "in force"], range="diverging")),
                tooltip=["which:N", *_numbers("threshold")],
            ),
        ],
        "What mistakes cost",
        f"Cost of mistakes by decision threshold: least at {best:.3f}; {threshold:.3f} is in force.",
    )


def score_histogram(curves: Curves, threshold: float | None = None) -> Chart:
    """How the new model scores negatives and positives: the further apart, the better it tells them from each other.

    Of several classes, scores of the likeliest class, where it is wrong and where it is right.

    Args:
      curves: of both models.
      threshold: the one in force, which is marked.
    """
    bins = (curves["new"] or {}).get("scores") or [{}]
    sides = [key for key in bins[0] if key not in ("low", "high")]
    title = f"Scores: {' and '.join(sides)}" if sides else "Scores"
    totals = {side: sum(each[side] for each in bins) for side in sides}
    records = [
        {
            "low": each["low"],
            "high": each["high"],
            "label": side,
            "rows": each[side],
            "share": each[side] / totals[side],
        }
        for side in totals
        if totals[side]
        for each in bins
    ]
    if not records:
        return theme.empty(title, "The model gives no scores.")
    bars = (
        alt.Chart(theme.data(records))
        .mark_bar(opacity=0.6)
        .encode(
            x=alt.X("low:Q", bin="binned", title="score", scale=_SHARE),
            x2="high:Q",
            y=alt.Y("share:Q", title="share of the class", stack=None, axis=alt.Axis(format="%")),
            color=alt.Color("label:N", scale=alt.Scale(domain=sides)),
            tooltip=["label:N", *_numbers("low", "high"), alt.Tooltip("rows:Q", format=",")],
        )
    )
    layers = [bars] if threshold is None else [bars, _mark_threshold(threshold)]
    return theme.finished(
        layers,
        title,
        f"Histogram of scores, of {' and '.join(f'{rows:,} {side}' for side, rows in totals.items())} rows.",
    )


def confusion(record: Mapping[str, Any], model: str = "new") -> Chart:
    """The confusion matrix: which label the rows of each label were given.

    Args:
      record: `{"labels", "new": [[rows]], "served": [[rows]] or None}`; a row of the matrix is a true label.
      model: `new` or `served`.
    """
    title = "Confusion matrix" if model == "new" else "Confusion matrix, in service"
    labels, matrix = [str(label) for label in record["labels"]], record[model] or []
    cells = [
        {"true": labels[row], "predicted": labels[column], "rows": rows, "share": rows / max(1, sum(matrix[row]))}
        for row in range(len(matrix))
        for column, rows in enumerate(matrix[row])
    ]
    if not cells:
        return theme.empty(title, "There is none for this model.")
    base = alt.Chart(theme.data(cells)).encode(
        x=alt.X("predicted:N", title="predicted", sort=labels, axis=alt.Axis(labelAngle=0, grid=False)),
        y=alt.Y("true:N", title="true label", sort=labels, axis=alt.Axis(grid=False)),
        tooltip=["true:N", "predicted:N", alt.Tooltip("rows:Q", format=","), alt.Tooltip("share:Q", format=".1%")],
    )
    squares = base.mark_rect().encode(
        color=alt.Color("share:Q", scale=alt.Scale(domain=[0, 1], range="ramp"), legend=None)
    )
    layers = [squares]
    if len(labels) <= 12:  # more, and the numbers run into one another
        dark = alt.datum.share > 0.5
        counts = base.encode(text=alt.Text("rows:Q", format=","))
        layers += [
            counts.mark_text(style="on-dark").transform_filter(dark),
            counts.mark_text(style="strong-text").transform_filter(~dark),
        ]
    right = sum(matrix[index][index] for index in range(len(matrix)))
    return theme.finished(
        layers,
        title,
        f"Confusion matrix of {len(labels)} labels: {right:,} of {sum(map(sum, matrix)):,} rows lie on the diagonal.",
        subtitle="Colour: share of the rows of a true label.",
        height=max(120, min(520, 44 * len(labels))),
    )


def residuals(curves: Curves) -> Chart:
    """How far predictions of a number are off: a histogram of truth minus prediction."""
    title = "Errors: truth minus prediction"
    records = [
        {"low": each["low"], "high": each["high"], "rows": each["rows"], "model": model}
        for model, own in _models(curves)
        for each in own.get("residuals") or []
    ]
    if not records:
        return theme.empty(title, "The model predicts no number.")
    bars = (
        alt.Chart(theme.data(records))
        .mark_bar(opacity=0.6)
        .encode(
            x=alt.X("low:Q", bin="binned", title="truth minus prediction"),
            x2="high:Q",
            y=alt.Y("rows:Q", stack=None),
            color=theme.models(records),
            tooltip=["model:N", *_numbers("low", "high"), alt.Tooltip("rows:Q", format=",")],
        )
    )
    zero = alt.Chart(theme.data([{"zero": 0}])).mark_rule(style="bound").encode(x="zero:Q")
    return theme.finished([bars, zero], title, "Histogram of prediction errors on the test split.")


def predicted_actual(curves: Curves) -> Chart:
    """Mean truth by predicted value, in bins; on the diagonal, predictions can be taken at their word."""
    title = "Predicted and actual"
    records = [
        {"predicted": each["predicted"], "actual": each["actual"], "rows": each["rows"], "model": model}
        | {"low": each["actual_low"], "high": each["actual_high"]}
        for model, own in _models(curves)
        for each in own.get("predicted_actual") or []
    ]
    known = [value for each in records for value in (each["predicted"], each["actual"]) if value is not None]
    if not known:
        return theme.empty(title, "The model predicts no number.")
    base = alt.Chart(theme.data(records)).encode(
        x=alt.X("predicted:Q", title="predicted", scale=alt.Scale(zero=False)),
        color=theme.models(records),
        tooltip=["model:N", *_numbers("predicted", "actual"), alt.Tooltip("rows:Q", format=",")],
    )
    truth = "mean of the truth"
    bars = theme.with_interval(base.mark_rule(opacity=0.5)).encode(y=alt.Y("low:Q", title=truth), y2="high:Q")
    points = base.mark_line(point=True).encode(y=alt.Y("actual:Q", title=truth, scale=alt.Scale(zero=False)))
    return theme.finished(
        [_diagonal(min(known), max(known)), bars, points],
        title,
        "Mean of the truth by predicted value, in bins of equally many rows.",
    )


def comparison(record: Mapping[str, Mapping[str, Any]]) -> Chart:
    """Each metric's difference between the new model and the one in service, with its interval.

    Args:
      record: `{metric: {"new", "served", "difference", "low", "high", "better"}}`.
    """
    title = "New model against the one in service"
    words = {True: "better", False: "worse", None: "unclear"}
    records = [
        {"metric": plain_name(name), "verdict": words[each["better"]]}
        | {key: each[key] for key in _COMPARED}
        | {"interval": theme.said(each["low"], each["high"])}
        for name, each in record.items()
        if each["difference"] is not None
    ]
    if not records:
        return theme.empty(title, "There is no model in service to compare with.")
    base = alt.Chart(theme.data(records)).encode(
        y=alt.Y("metric:N", title=None, sort=[each["metric"] for each in records]),
        color=theme.verdicts("better", "worse", "unclear"),
        tooltip=["metric:N", "verdict:N", *_numbers("new", "served", "difference"), "interval:N"],
    )
    zero = alt.Chart(theme.data([{"zero": 0}])).mark_rule(style="bound").encode(x="zero:Q")
    return theme.finished(
        [
            zero,
            theme.with_interval(base.mark_rule()).encode(x=alt.X("low:Q", title="new minus in service"), x2="high:Q"),
            base.mark_point(opacity=1).encode(x="difference:Q"),
        ],
        title,
        ". ".join(f"{each['metric']}: {each['verdict']}, by {each['difference']:+.4f}" for each in records),
        subtitle="Grey: may be chance.",
        height=len(records) * 32,
    )


_COMPARED = ("new", "served", "difference", "low", "high")


def _models(curves: Curves) -> list[tuple[str, Mapping[str, Any]]]:
    both = ((theme.NEW, curves["new"]), (theme.SERVED, curves.get("served")))
    return [(name, own) for name, own in both if own]


def _line(
    curves: Curves, name: str, x: tuple[str, str], y: tuple[str, str], title: str, *, diagonal: bool = False
) -> Chart:
    """A curve for each model that has it, in the order of its thresholds."""
    records = [
        {"model": model, "order": index, x[0]: at, y[0]: value, "threshold": theme.said(threshold)}
        for model, own in _models(curves)
        for index, (at, value, threshold) in enumerate(
            zip(*(own.get(name, {}).get(key, []) for key in (x[0], y[0], "threshold")), strict=True)
        )
    ]
    if not records:
        return theme.empty(title, "There is no such curve for this model.")
    line = (
        alt.Chart(theme.data(records))
        .mark_line()
        .encode(
            x=alt.X(f"{x[0]}:Q", title=x[1], scale=_SHARE),
            y=alt.Y(f"{y[0]}:Q", title=y[1], scale=_SHARE),
            order="order:Q",
            color=theme.models(records),
            tooltip=["model:N", *_numbers(x[0], y[0]), "threshold:N"],
        )
    )
    return theme.finished(
        [_diagonal(), line] if diagonal else [line],
        title,
        f"{title}: {y[1]} against {x[1]}, for {' and '.join(name for name, _ in _models(curves))}.",
        subtitle="Dotted line: guessing." if diagonal else "",
    )


def _diagonal(low: float = 0.0, high: float = 1.0) -> alt.Chart:
    ends = [{"from": low, "to": low}, {"from": high, "to": high}]
    return alt.Chart(theme.data(ends)).mark_line(style="aside").encode(x="from:Q", y="to:Q")


def _mark_threshold(threshold: float) -> alt.Chart:
    rule = alt.Chart(theme.data([{"threshold": threshold}])).mark_rule(style="bound")
    return rule.encode(x="threshold:Q", tooltip=alt.Tooltip("threshold:Q", format=".4f"))


def _numbers(*fields: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{field}:Q", title=plain_name(field), format=".4f") for field in fields]
