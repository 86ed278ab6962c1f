"""What chance explains: how far two samples of the same data lie apart, at the numbers of rows at hand.

Small spans differ from their reference by chance alone, large ones hardly do. So the reference is sampled twice, as
many rows as the data have and as many as the reference has, again and again, and measured as the data are. The level
that all but one in a hundred of these pairs stay within is the noise. It costs milliseconds, since the samples are
drawn from the reference's statistics: shares of bins and of values, never rows.

Where spans that led up to the reference are at hand, the distances between neighbours among them tell what chance does
not: that Mondays differ from Sundays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from components.drift import sampling
from components.drift.histograms import Floats
from components.drift.measure import Column, measure

LEVEL = 0.99
"""Share of chance's differences that lie within the noise. Up to four metrics judge a feature: one in twenty-five
features that did not change goes above one of them at worst."""

DRAWS = 400
"""Pairs of samples: the level is the fourth largest of their differences."""

FEW_DRAWS = 50
"""Pairs of samples that are drawn first. Where all lie below half of the bounds, noise cannot matter."""

NEIGHBOURS = 3
"""Pairs of neighbouring spans below which they tell nothing: one change among them would pass for the usual."""


def levels(now: Column, then: Column, bounds: Mapping[str, float]) -> dict[str, float]:
    """The level of each metric that chance explains.

    Args:
      now: the feature in the data; only its numbers of rows and values count.
      then: the feature in the reference; both have rows, and values of the same type where metrics of values judge.
      bounds: bound by metric.

    Returns:
      Level by metric. The same for the same input: the seed is fixed.
    """
    random = np.random.default_rng(0)
    few = {metric: float(of.max()) for metric, of in _sample(now, then, FEW_DRAWS, bounds, random).items()}
    if all(2 * level < bounds[metric] for metric, level in few.items()):
        return few
    many = _sample(now, then, DRAWS, bounds, random)
    return {metric: float(np.quantile(of, LEVEL, method="higher")) for metric, of in many.items()}


def between_spans(spans: Sequence[Column], rows: int, metrics: Iterable[str]) -> dict[str, float]:
    """The level of each metric that three quarters of the neighbours among earlier spans stay within.

    A quarter may lie above: a change that the past saw once is no reason to expect it every time.

    Args:
      spans: the feature in earlier spans, oldest first.
      rows: number of rows at hand; spans of fewer than half are left out, since their noise is another.
      metrics: names of the metrics that are asked for.
    """
    large = [span for span in spans if 2 * span.rows >= rows and span.rows]
    found = [measure(after, before).metrics for before, after in pairwise(large) if after.type == before.type]
    return {
        metric: float(np.quantile([each[metric] for each in found], 0.75, method="lower"))
        for metric in metrics
        if len(found) >= NEIGHBOURS and all(metric in each for each in found)
    }


def _sample(
    now: Column, then: Column, draws: int, metrics: Iterable[str], random: np.random.Generator
) -> dict[str, Floats]:
    """Metrics of pairs of samples, as far as they are known; float64 [draws] each."""
    measured = sampling.missing(now, then, draws, random)
    if now.type == then.type == "numeric":
        measured |= sampling.numeric_metrics(now, then, draws, random)
    elif now.type == then.type == "categorical":
        measured |= sampling.categorical_metrics(now, then, draws, random)
    return {metric: measured[metric]() for metric in metrics if metric in measured}
