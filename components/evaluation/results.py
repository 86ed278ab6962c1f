"""What TFMA found, as plain numbers: metrics by slice, for the new model and the one in service."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.evaluation.decision import Threshold
from components.evaluation.settings import SliceSettings
from schema.errors import DataError

SliceKey = tuple[tuple[str, str | int | float], ...]
"""Pairs of column and value, by column; empty for the whole test split."""

OVERALL: SliceKey = ()

FILE_NAME = "metrics.json"

EXAMPLE_COUNT = "example_count"
CONFUSION = "confusion"
"""Names under which TFMA is asked for the rows and the confusion matrix of each slice."""


@dataclass(frozen=True)
class SliceMetrics:
    """Metrics of one model on one slice.

    Attributes:
      rows: examples in the slice.
      classes: how many label classes occur in it; None for a regression.
      metrics: values by the names of `settings.METRICS`. NaN where a metric is not defined on the slice.
    """

    rows: int
    classes: int | None
    metrics: dict[str, float]


Evaluation = Mapping[SliceKey, SliceMetrics]
"""One model on the test split: the whole under `OVERALL`, and each slice that has rows."""


def slice_name(key: SliceKey) -> str:
    """A slice as people read it.

    >>> slice_name((("payment_type", "Cash"), ("trip_start_day", 3)))
    'payment_type=Cash & trip_start_day=3'
    """
    return " & ".join(f"{column}={value}" for column, value in key) or "overall"


def load(folder: str) -> tuple[Evaluation, Evaluation | None]:
    """Reads the ModelEvaluation artifact that TFX's Evaluator wrote under `config.eval_config`.

    Args:
      folder: the artifact's folder.

    Returns:
      The new model, and the model in service or None where the Evaluator had none.

    Raises:
      DataError: the test split had no rows.
    """
    import tensorflow_model_analysis as tfma  # brings TensorFlow; the rest of this module does without

    found: dict[str, dict[SliceKey, SliceMetrics]] = {}
    for record in tfma.load_metrics(folder):
        key = _slice_key(record.slice_key)
        for model, values in _values_by_model(record).items():
            found.setdefault(model, {})[key] = _slice_metrics(values)
    candidate = found.get(tfma.CANDIDATE_KEY) or found.get("")  # TFMA leaves a single model unnamed
    if candidate is None:
        raise no_rows(folder)
    return candidate, found.get(tfma.BASELINE_KEY)


def no_rows(folder: str) -> DataError:
    """The error that tells that there is nothing to judge by."""
    return DataError(
        "The test split has no rows on which every model gives a number, so the model cannot be judged.",
        where=folder,
        fix="give the test split more of the data (data.split.test), or give more data",
    )


def undefined(rows: int, metrics: Iterable[str]) -> Evaluation:
    """The evaluation of a model that gives no number for any row: every metric is NaN."""
    return {OVERALL: SliceMetrics(rows, None, dict.fromkeys(metrics, math.nan))}


def write(
    candidate: Evaluation,
    baseline: Evaluation | None,
    slices: Mapping[str, SliceSettings],
    threshold: Threshold | None,
    folder: str,
) -> None:
    """Writes `metrics.json`: metrics of the new model overall and by slice, and those of the model in service.

    A metric that is not defined is left out: one that is NaN, and the AUC of a slice with a single class, which TFMA
    gives as 0.

    Args:
      candidate: the new model.
      baseline: the model in service, if any.
      slices: slices of the settings by name.
      threshold: the new model's decision threshold, if it has one.
      folder: made if need be.
    """
    content = plain(candidate, slices) | {
        "baseline": _finite(baseline[OVERALL].metrics) if baseline else None,
        "threshold": {"value": threshold.value, "rule": threshold.rule} if threshold else None,
    }
    Path(folder).mkdir(parents=True, exist_ok=True)
    Path(folder, FILE_NAME).write_text(json.dumps(content, indent=1), encoding="utf-8")


def plain(evaluation: Evaluation, slices: Mapping[str, SliceSettings]) -> dict[str, Any]:
    """Metrics of a model as plain data: `overall` by name, and `slices`, a record for each value of each slice."""
    return {
        "overall": _finite(evaluation[OVERALL].metrics),
        "slices": [
            {
                "slice": name,
                "value": slice_value(key, group.features(name)),
                "rows": evaluation[key].rows,
                "classes": evaluation[key].classes,
                "metrics": defined(evaluation[key]),
            }
            for name, group in slices.items()
            for key in keys_of(evaluation, group.features(name))
        ],
    }


def defined(found: SliceMetrics) -> dict[str, float]:
    """The metrics that are defined: finite ones, and no AUC of a single class, which TFMA gives as 0."""
    ranked = ("auc", "auc_pr") if found.classes == 1 else ()
    return {name: value for name, value in _finite(found.metrics).items() if name not in ranked}


def slice_value(key: SliceKey, columns: Sequence[str]) -> str:
    """Which part of a slice a key names: the values of the slice's columns, such as `Cash, 19`."""
    return ", ".join(str(dict(key)[column]) for column in columns)


def keys_of(evaluation: Mapping[SliceKey, object], columns: Sequence[str]) -> list[SliceKey]:
    """The slices of an evaluation that are cut by these columns, in the order of their names."""
    keys = (key for key in evaluation if sorted(column for column, _ in key) == sorted(columns))
    return sorted(keys, key=slice_name)


def read(folder: str) -> dict[str, Any]:
    """The content of `metrics.json`: `overall`, `slices`, `baseline`, and `threshold` with `value` and `rule`."""
    content: dict[str, Any] = json.loads(Path(folder, FILE_NAME).read_text(encoding="utf-8"))
    return content


def multiclass_metrics(matrix: npt.NDArray[np.float64]) -> dict[str, float]:
    """Accuracy and macro averages from a confusion matrix, as scikit-learn defines them.

    Args:
      matrix: rows by [actual class, predicted class], shape [classes, classes].

    Returns:
      `accuracy`, and `macro_precision`, `macro_recall` and `macro_f1`: means over the classes that occur among
      the labels or the predictions, where 0/0 counts as 0. NaN for an empty matrix.
    """
    hits = np.diag(matrix)
    actual, predicted = matrix.sum(axis=1), matrix.sum(axis=0)
    if not matrix.sum():
        return dict.fromkeys(("accuracy", "macro_precision", "macro_recall", "macro_f1"), math.nan)
    present = (actual + predicted) > 0
    return {
        "accuracy": float(hits.sum() / matrix.sum()),
        "macro_precision": _mean_ratio(hits[present], predicted[present]),
        "macro_recall": _mean_ratio(hits[present], actual[present]),
        "macro_f1": _mean_ratio(2 * hits[present], (actual + predicted)[present]),
    }


def _mean_ratio(part: npt.NDArray[np.float64], whole: npt.NDArray[np.float64]) -> float:
    return float(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0).mean())


def _slice_key(key: Any) -> SliceKey:
    pairs = []
    for single in key.single_slice_keys:
        value = getattr(single, single.WhichOneof("kind"))
        pairs.append((single.column, value.decode("utf-8", "replace") if isinstance(value, bytes) else value))
    return tuple(pairs)


def _values_by_model(record: Any) -> dict[str, dict[str, Any]]:
    """TFMA's values by model and metric name, without the differences that it adds to each pair of models."""
    found: dict[str, dict[str, Any]] = {}
    for item in record.metric_keys_and_values:
        if not item.key.is_diff:
            kind = item.value.WhichOneof("type")
            value = getattr(item.value, kind)
            number = kind == "double_value"
            found.setdefault(item.key.model_name, {})[item.key.name] = value.value if number else value
    return found


def _slice_metrics(values: dict[str, Any]) -> SliceMetrics:
    metrics = dict(values)
    rows = int(metrics.pop(EXAMPLE_COUNT))
    confusion = metrics.pop(CONFUSION, None)
    if confusion is None:
        return SliceMetrics(rows, None, metrics)
    (cells,) = confusion.matrices
    if not hasattr(cells, "entries"):
        positives, negatives = (
            cells.true_positives + cells.false_negatives,
            cells.true_negatives + cells.false_positives,
        )
        return SliceMetrics(rows, (positives > 0) + (negatives > 0), metrics)
    matrix = _matrix(cells.entries)
    return SliceMetrics(rows, int((matrix.sum(axis=1) > 0).sum()), metrics | multiclass_metrics(matrix))


def _matrix(entries: Any) -> npt.NDArray[np.float64]:
    size = 1 + max(max(entry.actual_class_id, entry.predicted_class_id) for entry in entries)
    matrix = np.zeros((size, size))
    for entry in entries:
        matrix[entry.actual_class_id, entry.predicted_class_id] = entry.num_weighted_examples
    return matrix


def _finite(metrics: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if math.isfinite(value)}
