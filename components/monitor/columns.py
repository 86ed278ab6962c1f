"""A model's answers and embeddings as columns, and their statistics, which drift compares."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.label import LabelSettings
from components.profile.table import TableProfile

PREDICTION, EMBEDDING = "prediction", "embedding"
"""What names of columns begin with, before a `/`: the group of a drift record."""

EMBEDDINGS = "embeddings"
"""Signature of an exported model that gives them, and its output."""

NEAR_SHARE = 0.1
"""Share of the rows at training that count as near the boundary between two answers: that defines how near is near."""

Array = npt.NDArray[np.generic]
Floats = npt.NDArray[np.floating]


def distance(scores: Floats, label: LabelSettings, threshold: float) -> Floats:
    """How far each row is from another answer.

    Args:
      scores: [rows, units].
      label: the `label` section.
      threshold: of a binary task.

    Returns:
      [rows]: from the score to the threshold; of a multiclass task from the best score to the second; of a regression,
      whose answers have no boundary, nothing: [0].
    """
    if label.task == "binary":
        return np.abs(scores[:, 0] - np.float32(threshold))
    if label.task == "multiclass":
        second, best = np.sort(scores, axis=1)[:, -2:].T
        return np.asarray(best - second)
    return np.zeros(0, np.float32)


def confidence(scores: Floats, threshold: float) -> Floats:
    """The probability that the model gives to its answer, [rows]; of a classification.

    Args:
      scores: [rows, units]; one unit is the probability of the positive class.
      threshold: of a binary task.
    """
    if scores.shape[1] > 1:
        return np.asarray(scores.max(axis=1))
    positive = scores[:, 0]
    return np.where(positive > np.float32(threshold), positive, 1 - positive)


def classes(scores: Floats, threshold: float) -> npt.NDArray[np.intp]:
    """The class index of the model's answer, [rows]; of a classification."""
    if scores.shape[1] > 1:
        return scores.argmax(axis=1)
    return (scores[:, 0] > np.float32(threshold)).astype(np.intp)


def predictions(scores: Floats, label: LabelSettings, threshold: float, margin: float) -> dict[str, Array]:
    """What the model answers, as columns [rows].

    Args:
      scores: [rows, units], finite.
      label: the `label` section.
      threshold: of a binary task.
      margin: rows whose `distance` is no greater are near the boundary.

    Returns:
      `score` (not of a multiclass task), and of a classification `class`, `confidence` and `near_threshold`, under
      `prediction/`.
    """
    found: dict[str, Array] = {}
    if label.task != "multiclass":
        found["score"] = scores[:, 0]
    if label.task != "regression":
        values = np.array([str(value) for value in label.values], object)
        found["class"] = values[classes(scores, threshold)]
        found["confidence"] = confidence(scores, threshold)
        near = distance(scores, label, threshold) <= margin
        found["near_threshold"] = np.where(near, "near", "far").astype(object)
    return {f"{PREDICTION}/{name}": values for name, values in found.items()}


def statistics(columns: Mapping[str, Array]) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Statistics as those of the statistics step.

    Args:
      columns: [rows] each, floats or strings.
    """
    table = TableProfile()
    table.add(pa.RecordBatch.from_pydict({name: pa.array(values) for name, values in columns.items()}))
    return statistics_pb2.DatasetFeatureStatisticsList(datasets=[table.statistics()])
