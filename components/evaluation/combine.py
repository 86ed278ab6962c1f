"""TFMA's metrics of every slice, from rows that are combined in one place or in several.

The computations are TFMA's own, and so is the order: combine the rows of each slice, derive metrics from what was
combined, subtract the baseline's.

TFMA on Beam gives each row to each metric once for each slice that it is in. Here it is given once: to the accumulators
of its cell, which is made of the rows that are in the same slices. A slice then merges its cells, which costs little.
That is what a CombineFn promises to allow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from numbers import Number
from typing import Any

import numpy as np
from tensorflow_model_analysis.api.types import StructuredMetricValue
from tensorflow_model_analysis.metrics import metric_specs, metric_types
from tensorflow_model_analysis.metrics.tf_metric_accumulators import TFMetricsAccumulator
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.utils import model_util

from components.evaluation.extracts import Row, SliceKey

Metrics = dict[metric_types.MetricKey, Any]
"""TFMA's values by metric and model."""

Accumulators = list[Any]
"""What is known of some rows, one for each combiner."""


def evaluate(batches: Iterable[list[Row]], config: config_pb2.EvalConfig) -> dict[SliceKey, Metrics]:
    """Computes the metrics of every slice.

    Args:
      batches: the rows.
      config: which metrics, of which models. TFMA's defaults are filled in.

    Returns:
      Values by slice, in the order in which slices occur. Without rows there are none.
    """
    combiner = Combiner(config)
    return {key: combiner.metrics(found) for key, found in combiner.combine(batches).items()}


class Combiner:
    """TFMA's computations for a configuration.

    Args:
      config: which metrics, of which models. TFMA's defaults are filled in.
    """

    def __init__(self, config: config_pb2.EvalConfig) -> None:
        # A metric that is derived from others brings them along: what several need is computed once.
        computations = list(dict.fromkeys(metric_specs.to_computations(config.metrics_specs, eval_config=config)))
        self._combiners = [each.combiner for each in computations if isinstance(each, metric_types.MetricComputation)]
        self._derived = [
            each.result for each in computations if isinstance(each, metric_types.DerivedMetricComputation)
        ]
        for combiner in self._combiners:
            combiner.setup()
        self._baseline = model_util.get_baseline_model_spec(config)

    def combine(self, batches: Iterable[list[Row]]) -> dict[SliceKey, Accumulators]:
        """Accumulators of rows by slice."""
        # Keras metrics get a thousand rows in a call, but merging makes one for each cell, and a call takes a
        # millisecond.
        by_row = {at for at, each in enumerate(self._empty()) if isinstance(each, TFMetricsAccumulator)}
        by_cell = set(range(len(self._combiners))) - by_row
        slices: dict[SliceKey, Accumulators] = defaultdict(self._empty)
        for batch in batches:
            cells: dict[frozenset[SliceKey], Accumulators] = defaultdict(self._empty)
            for keys, inputs in batch:
                for accumulators, positions in [(cells[keys], by_cell), *((slices[key], by_row) for key in keys)]:
                    for at in positions:
                        accumulators[at] = self._combiners[at].add_input(accumulators[at], inputs)
            members: dict[SliceKey, list[Accumulators]] = defaultdict(list)
            for keys, cell in cells.items():
                for key in keys:
                    members[key].append(cell)
            for key, parts in members.items():
                # Into the slice's own, which comes first: slices share the cells.
                self._merge([slices[key], *parts], by_cell)
        return dict(slices)

    def merge(self, one: Accumulators, other: Accumulators) -> Accumulators:
        """Accumulators of all rows of a slice from those of two parts of them; the first are changed."""
        self._merge([one, other], range(len(self._combiners)))
        return one

    def merge_slices(self, slices: dict[SliceKey, Accumulators], found: Mapping[SliceKey, Accumulators]) -> None:
        """Adds what some more rows add to each slice."""
        for key, accumulators in found.items():
            slices[key] = self.merge(slices[key], accumulators) if key in slices else accumulators

    def metrics(self, accumulators: Accumulators) -> Metrics:
        """The metrics of a slice."""
        metrics: Metrics = {}
        for combiner, accumulator in zip(self._combiners, accumulators, strict=True):
            metrics |= combiner.extract_output(accumulator)
        for result in self._derived:
            metrics |= result(metrics)
        metrics = {metric: value for metric, value in metrics.items() if not _private(metric)}
        return metrics | (_differences(metrics, self._baseline.name) if self._baseline else {})

    def _empty(self) -> Accumulators:
        return [combiner.create_accumulator() for combiner in self._combiners]

    def _merge(self, parts: list[Accumulators], positions: Iterable[int]) -> None:
        for at in positions:
            parts[0][at] = self._combiners[at].merge_accumulators([part[at] for part in parts])


def _private(metric: metric_types.MetricKey) -> bool:
    """TFMA names the values that only serve other metrics with a leading underscore."""
    return metric.name.startswith("_") and not metric.name.startswith("__")


def _differences(metrics: Metrics, baseline: str) -> Metrics:
    """What TFMA adds where there is a baseline: the difference of each number from the baseline's."""
    return {
        metric.make_diff_key(): value - metrics[metric.make_baseline_key(baseline)]
        for metric, value in metrics.items()
        if metric.model_name != baseline
        and not metric.is_diff
        and metric.make_baseline_key(baseline) in metrics
        and isinstance(value, Number | StructuredMetricValue | np.ndarray)
    }
