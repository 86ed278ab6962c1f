"""Whether a model does worse now than at its release, with regard to chance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scipy.special import ndtri

from components.decisions import Decision, Outcome
from components.evaluation.settings import LOWER_IS_BETTER
from components.monitor.record import Interval
from components.monitor.settings import Action, DropSettings, relative

OVERALL = "overall"

CONFIDENCE = 0.95
"""How sure it must be that a drop is none of chance: of all metrics on all rows together, and of all values of a slice
(Bonferroni)."""

OUTCOMES: dict[Action, Outcome] = {"log": "pass", "warn": "warn", "block": "block"}

ADVICE: dict[Action, str] = {
    "log": "Recorded only (action: log).",
    "warn": "The run goes on (action: warn).",
    "block": "Nothing is trained (monitor.action: block). If this is how the world is now, train on it: "
    "--set monitor.action=warn.",
}


@dataclass(frozen=True)
class Part:
    """A model on all rows, or on one value of a slice.

    Attributes:
      rows: with a label.
      metrics: by name.
      errors: standard errors of the metrics, as far as they are known.
    """

    rows: int
    metrics: Mapping[str, float]
    errors: Mapping[str, float]


@dataclass(frozen=True)
class Drop:
    """How a metric compares with what it was at release.

    Attributes:
      metric: its name.
      subject: `overall`, or a slice's value such as `shop=north`.
      now: its value now.
      then: its value at release.
      worse: by how much it is worse, in the unit of the bound; below 0 if it is better.
      bound: what is allowed.
      chance: what chance alone may make of it, with `CONFIDENCE`; NaN where that is not known.
      rows: that it was measured on now.
    """

    metric: str
    subject: str
    now: float
    then: float
    worse: float
    bound: float
    chance: float
    rows: int

    @property
    def dropped(self) -> bool:
        """Whether it is worse than allowed, and not by chance. Where chance is not known, the bound alone decides."""
        return self.worse > self.bound and not self.worse <= self.chance


def worse_by(metric: str, now: float, then: float) -> float:
    """By how much a metric is worse now than then, in the unit of its bound: a difference, or a share of `then`."""
    if metric == "calibration":  # best at 1
        return abs(now - 1) - abs(then - 1)
    worse = now - then if metric in LOWER_IS_BETTER else then - now
    return worse / then if relative(metric) and then else worse


def chance(metric: str, part: Part, released_rows: int | None, then: float, comparisons: int) -> float:
    """What a drop may be by chance alone: the normal quantile times the standard error of the difference.

    Both samples err. The metric's error at release is not on record, but for the same model it is that of now times
    sqrt(rows now / rows then); where the rows then are not known, they count as those of now.

    Args:
      metric: its name.
      part: the model now.
      released_rows: rows of the test split at release.
      then: the metric at release.
      comparisons: how many are made at once.
    """
    error = part.errors.get(metric, math.nan)
    if not math.isfinite(error):
        return math.nan
    both = error * math.sqrt(1 + part.rows / (released_rows or part.rows))
    quantile = float(ndtri(1 - (1 - CONFIDENCE) / comparisons))
    return quantile * (both / then if relative(metric) and then else both)


def drops(
    now: Mapping[tuple[str, str], Part],
    released: Mapping[str, Any],
    released_rows: int | None,
    bounds: Mapping[str, DropSettings],
    min_slice_rows: int,
) -> Iterator[Drop | Decision]:
    """Compares every metric that has a bound.

    Args:
      now: the model now, by slice and value; under `("", "")` on all rows.
      released: `overall` and `slices`, as in `metrics.json`.
      released_rows: rows of the test split at release.
      bounds: by metric.
      min_slice_rows: slices with fewer rows are flagged.

    Yields:
      A drop for each comparison; a flag for what cannot be compared.
    """
    by_slice = {(each["slice"], each["value"]): each for each in released["slices"]}
    overall = sum(bound.max is not None for bound in bounds.values())
    for metric, bound in bounds.items():
        if bound.max is not None:
            yield _compare(metric, OVERALL, now["", ""], released["overall"], released_rows, bound.max, overall)
        for name, most in bound.slices.items():
            parts = {value: part for (of, value), part in now.items() if of == name}
            for value, part in parts.items():
                then, subject = by_slice.get((name, value)), f"{name}={value}"
                if then is None or min(part.rows, then["rows"]) < min_slice_rows:
                    few = "was not there" if then is None else f"has {min(part.rows, then['rows'])} rows"
                    yield _flag(metric, subject, f"the slice {few}, now or at release", part.rows)
                else:
                    yield _compare(metric, subject, part, then["metrics"], then["rows"], most, len(parts))


def decision(drop: Drop | Decision, action: Action, span: int, model: str) -> Decision:
    """The decision record of a comparison."""
    if isinstance(drop, Decision):
        return drop
    unit = " of its value" if relative(drop.metric) else ""
    worse = f"{drop.worse:.4g}{unit} worse" if drop.worse > 0 else "no worse"
    known = "" if math.isnan(drop.chance) else f"; chance alone makes up to {drop.chance:.4g}"
    message = (
        f"`{drop.metric}` of {model} on span {span}, {drop.subject}: {drop.now:.4g}, {drop.then:.4g} at its release: "
        f"{worse}; allowed is {drop.bound:g}{known}."
    )
    return Decision(
        step="monitor",
        rule=f"max_drop:{drop.metric}",
        subject=drop.subject,
        outcome=OUTCOMES[action] if drop.dropped else "pass",
        message=f"{message} {ADVICE[action]}" if drop.dropped else message,
        value=drop.worse,
        bound=f"<= {drop.bound:g}",
        rows=drop.rows,
        margin=drop.bound - drop.worse,
    )


def estimated(
    found: Mapping[str, Interval],
    released: Mapping[str, float],
    bounds: Mapping[str, DropSettings],
    action: Action,
    span: int,
    model: str,
) -> Iterator[Decision]:
    """The same without labels: whether even the upper end of an estimate lies below the metric at release.

    Args:
      found: estimates by metric, each of a metric of which more is better.
      released: metrics at release.
      bounds: by metric; those of slices wait for labels.
      action: what follows from a drop.
      span: the span at hand.
      model: its name and version.
    """
    for metric, bound in bounds.items():
        if bound.max is None or metric not in found or metric not in released:
            continue
        each, then = found[metric], released[metric]
        worse = then - each.value
        dropped = worse > bound.max and each.high < then
        message = (
            f"`{metric}` of {model} on span {span}, estimated without labels: {each.value:.4g} ({each.low:.4g} to "
            f"{each.high:.4g}), {then:.4g} at its release; allowed is {bound.max:g} less."
        )
        yield Decision(
            step="monitor",
            rule=f"estimated_drop:{metric}",
            subject=OVERALL,
            outcome=OUTCOMES[action] if dropped else "pass",
            message=f"{message} {ADVICE[action]}" if dropped else message,
            value=worse,
            bound=f"<= {bound.max:g}",
            margin=bound.max - worse,
        )


def _compare(
    metric: str, subject: str, part: Part, then: Mapping[str, float], rows: int | None, bound: float, comparisons: int
) -> Drop | Decision:
    if metric not in part.metrics or metric not in then:
        when = "now" if metric not in part.metrics else "at its release"
        return _flag(metric, subject, f"it is not defined {when}", part.rows)
    value, before = part.metrics[metric], then[metric]
    return Drop(
        metric=metric,
        subject=subject,
        now=value,
        then=before,
        worse=worse_by(metric, value, before),
        bound=bound,
        chance=chance(metric, part, rows, before, comparisons),
        rows=part.rows,
    )


def _flag(metric: str, subject: str, why: str, rows: int) -> Decision:
    message = f"`{metric}` of the model in service cannot be compared on {subject}: {why}."
    return Decision("monitor", f"max_drop:{metric}", subject, "flag", message, rows=rows)
