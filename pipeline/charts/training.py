"""Training: learning curves with the overfitting gap, and the trials of a search."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from pipeline.charts import theme
from pipeline.charts.theme import Chart
from pipeline.words import heading, plain_name

History = Mapping[str, Sequence[float]]
"""Loss and metrics of each epoch by name, those of the eval split named `val_...`, as `training.json` holds them."""

_TRAIN, _EVAL = "training rows", "eval rows"


def metrics(history: History) -> list[str]:
    """Names of what was measured on both splits, the loss first."""
    both = [name for name in history if f"val_{name}" in history]
    return sorted(both, key=lambda name: (name != "loss", name))


def learning_curves(history: History, metric: str = "loss") -> Chart:
    """A metric by epoch on the training and the eval rows, with the gap between them shaded.

    Args:
      history: of all epochs.
      metric: name without `val_`.
    """
    name = plain_name(metric)
    train, evaluated = history.get(metric, ()), history.get(f"val_{metric}", ())
    series = ((_TRAIN, train), (_EVAL, evaluated))
    records = [
        {"epoch": epoch, "rows": label, "value": value}
        for label, values in series
        for epoch, value in enumerate(values, start=1)
    ]
    title = f"{heading(name)} by epoch"
    if not records:
        return theme.empty(title, "This metric was not measured in training.")
    gaps = [
        {"epoch": epoch, "train": a, "eval": b, "gap": abs(a - b)}
        for epoch, (a, b) in enumerate(zip(train, evaluated, strict=False), start=1)
    ]
    x = alt.X("epoch:O", axis=theme.COUNTED)
    y = alt.Y("value:Q", title=name, scale=alt.Scale(zero=False))
    lines = (
        alt.Chart(theme.data(records))
        .mark_line(point=len(records) < 80)
        .encode(
            x=x,
            y=y,
            color=alt.Color("rows:N", scale=alt.Scale(domain=[_TRAIN, _EVAL])),
            tooltip=["rows:N", "epoch:O", alt.Tooltip("value:Q", title=name, format=".4f")],
        )
    )
    layers = [lines]
    described = f"{title}, on the training rows and on the eval rows."
    if gaps:
        band = alt.Chart(theme.data(gaps)).mark_area(opacity=0.15)
        layers.insert(0, band.encode(x=x, y=alt.Y("train:Q", title=name), y2="eval:Q"))
        described += f" After the last epoch, {_number(gaps[-1]['gap'])} lie between them."
    return theme.finished(layers, title, described, subtitle="Shaded: the overfitting gap." if gaps else "")


def trials(records: Sequence[Mapping[str, Any]]) -> Chart:
    """The score of each trial of a search, in the order in which they were tried.

    Args:
      records: `{"trial", "objective", "score", "epochs", "values"}`; a trial that failed has no score.
    """
    title = "Trials of the search"
    known = sorted((each for each in records if each["score"] is not None), key=lambda each: each["trial"])
    if not known:
        return theme.empty(title, "No trial came to an end.")
    objective = plain_name(known[0]["objective"])
    points = [
        {"trial": each["trial"], "score": each["score"], "epochs": each["epochs"], "tried": _tried(each["values"])}
        for each in known
    ]
    chart = (
        alt.Chart(theme.data(points))
        .mark_point(opacity=1)
        .encode(
            x=alt.X("trial:O", axis=theme.COUNTED),
            y=alt.Y("score:Q", title=objective, scale=alt.Scale(zero=False), axis=alt.Axis(format=".3~f")),
            tooltip=["trial:O", alt.Tooltip("score:Q", title=objective, format=".4f"), "epochs:Q", "tried:N"],
        )
    )
    return theme.finished([chart], title, f"{objective} of {len(points)} trials, in the order they were tried.")


def _tried(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{path} {value:.4g}" if isinstance(value, float) else f"{path} {value}" for path, value in values.items()
    )


def _number(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "no number"
