"""TFMA's metrics of every slice, computed in memory.

The computations are TFMA's own, and so is the order: combine the rows of each slice, derive metrics from what was
combined, subtract the baseline's.

On Beam each row is given to each metric once for each slice that it is in. Here it is given once: to the accumulators
of its cell, which is made of the rows that are in the same slices. A slice then merges its cells, which costs little.
That is what a CombineFn promises to allow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
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


def evaluate(batches: Iterable[list[Row]], config: config_pb2.EvalConfig) -> dict[SliceKey, Metrics]:
    """Computes the metrics of every slice.

    Args:
      batches: the rows.
      config: which metrics, of which models. TFMA's defaults are filled in.

    Returns:
      Values by slice, in the order in which slices occur. Without rows there are none.
    """
    # A metric that is derived from others brings them along: what several need is computed once.
    computations = list(dict.fromkeys(metric_specs.to_computations(config.metrics_specs, eval_config=config)))
    combiners = [each.combiner for each in computations if isinstance(each, metric_types.MetricComputation)]
    derived = [each.result for each in computations if isinstance(each, metric_types.DerivedMetricComputation)]
    for combiner in combiners:
        combiner.setup()
    baseline = model_util.get_baseline_model_spec(config)
    found = {}
    for key, accumulators in _combine(batches, combiners).items():
        metrics: Metrics = {}
        for combiner, accumulator in zip(combiners, accumulators, strict=True):
            metrics |= combiner.extract_output(accumulator)
        for result in derived:
            metrics |= result(metrics)
        metrics = {metric: value for metric, value in metrics.items() if not _private(metric)}
        found[key] = metrics | (_differences(metrics, baseline.name) if baseline else {})
    return found


def _combine(batches: Iterable[list[Row]], combiners: list[Any]) -> dict[SliceKey, list[Any]]:
    """Accumulators by slice, one for each combiner."""

    def empty() -> list[Any]:
        return [combiner.create_accumulator() for combiner in combiners]

    # Keras metrics get a thousand rows in a call, but merging makes one for each cell, and a call takes a millisecond.
    by_row = {at for at, accumulator in enumerate(empty()) if isinstance(accumulator, TFMetricsAccumulator)}
    by_cell = set(range(len(combiners))) - by_row
    slices: dict[SliceKey, list[Any]] = defaultdict(empty)
    for batch in batches:
        cells: dict[frozenset[SliceKey], list[Any]] = defaultdict(empty)
        for keys, inputs in batch:
            for accumulators, positions in [(cells[keys], by_cell), *((slices[key], by_row) for key in keys)]:
                for at in positions:
                    accumulators[at] = combiners[at].add_input(accumulators[at], inputs)
        members: dict[SliceKey, list[list[Any]]] = defaultdict(list)
        for keys, cell in cells.items():
            for key in keys:
                members[key].append(cell)
        for key, parts in members.items():
            for at in by_cell:
                # Into the slice's own, which comes first: slices share the cells.
                slices[key][at] = combiners[at].merge_accumulators([slices[key][at], *(part[at] for part in parts)])
    return slices


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
