"""Judgement in depth: how sure the metrics are, where the model is weak, and how it differs from the one in service."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pyarrow as pa

from components.evaluation.depth import curves, estimates, weak_slices
from components.evaluation.depth.estimates import CONFIDENCE, Estimate, Interval
from components.evaluation.depth.metrics import Answers, measure
from components.evaluation.depth.weak_slices import WeakSlice
from components.evaluation.predictions import Model, Predictions
from components.evaluation.results import SliceKey, keys_of, slice_value
from components.evaluation.settings import LOWER_IS_BETTER, EvaluationSettings
from components.label import Task

SEARCHED_BY: dict[Task, tuple[str, str]] = {
    "binary": ("binary_crossentropy", "binary_accuracy"),
    "multiclass": ("categorical_crossentropy", "accuracy"),
    "regression": ("mean_absolute_error", "calibration"),
}
"""The metric that weak slices are looked for by, the mean of `Answers.losses`, and one that more people read."""

Measured = Mapping[str, Estimate]


class Analysis:
    """A test split as both models answered it.

    Args:
      predictions: of the models. Rows on which the new model's score or the label is not finite are left out.
      settings: the `evaluation` section.
    """

    def __init__(self, predictions: Predictions, settings: EvaluationSettings) -> None:
        self._predictions = predictions
        self._settings = settings
        self._usable = predictions.finite & np.isfinite(predictions.label)
        self.new = self._answers(predictions.new)
        served = self._answers(predictions.served) if predictions.served else None
        self.served = served if served and np.isfinite(served.model.scores).all() else None
        position = np.cumsum(self._usable) - 1
        self.slices = {key: position[rows[self._usable[rows]]] for key, rows in predictions.slices.items()}

    def _answers(self, model: Model) -> Answers:
        whole = Answers(self._predictions.task, self._predictions.label, model)
        return whole if self._usable.all() else whole.at(self._usable)

    def worsening(self, metric: str, key: SliceKey, confidence: float) -> Interval | None:
        """By how much the new model is worse than the one in service on a slice.

        Args:
          metric: its name.
          key: of the slice; `OVERALL` for all rows.
          confidence: of the interval.

        Returns:
          See `worsening` below; None where the metric is not defined on the slice for both models.
        """
        rows: Any = self.slices.get(key, slice(0)) if key else slice(None)
        found = [measure(model.at(rows)).get(metric) for model in (self.new, self.served) if model]
        if len(found) < 2 or found[0] is None or found[1] is None:
            return None
        return worsening(metric, found[0], found[1], confidence)

    def to_json(self) -> dict[str, Any]:
        """The content of `analysis.json`."""
        predictions, rows = self._predictions, self.new.label.size
        overall = measure(self.new)
        served = measure(self.served) if self.served else None
        content: dict[str, Any] = {
            "task": predictions.task,
            "rows": rows,
            "not_finite": int((~self._usable).sum()),
            "sampled": predictions.sampled,
            "confidence": CONFIDENCE,
            "intervals": {"overall": _intervals(overall), "slices": self._of_slices()},
            "comparison": None if served is None else compare(overall, served),
            **self._weak_slices(),
            "curves": {
                "new": curves.curves(self.new) if rows else None,
                "served": curves.curves(self.served) if self.served and rows else None,
            },
            "confusion": self._confusion(),
        }
        plain: dict[str, Any] = _plain(content)
        return plain

    def _of_slices(self) -> list[dict[str, Any]]:
        found = []
        for name, group in self._settings.slices.items():
            for key in keys_of(self.slices, group.features(name)):
                rows = self.slices[key]
                new = measure(self.new.at(rows))
                served = measure(self.served.at(rows)) if self.served else None
                found.append(
                    {
                        "slice": name,
                        "value": slice_value(key, group.features(name)),
                        "rows": rows.size,
                        "metrics": _intervals(new),
                        "served": None if served is None else {each: served[each].value for each in served},
                        "difference": None
                        if served is None
                        else {
                            each: asdict(estimates.difference(new[each], served[each]))
                            for each in new
                            if each in served
                        },
                    }
                )
        return found

    def _weak_slices(self) -> dict[str, Any]:
        """`weak_slices` that were found, and how many `slices_looked_at`."""
        settings, columns = self._settings.find_slices, self._predictions.columns
        if not settings.max or not self.new.label.size:
            return {"weak_slices": [], "slices_looked_at": 0}
        searched = {name: columns[name] for name in settings.columns or columns if name in columns}
        if not self._usable.all():
            searched = {name: values.filter(pa.array(self._usable)) for name, values in searched.items()}
        found = weak_slices.find(searched, self.new.losses, self._settings.min_slice_rows, settings.max)
        return {
            "weak_slices": [self._weak(each) for each in found.slices],
            "slices_looked_at": found.looked_at,
        }

    def _weak(self, found: WeakSlice) -> dict[str, Any]:
        loss, familiar = SEARCHED_BY[self._predictions.task]
        inside, outside = measure(self.new.at(found.rows)), measure(self.new.at(~found.rows))
        served = measure(self.served.at(found.rows)) if self.served else None
        return {
            "where": " and ".join(each.text for each in found.conditions),
            "columns": [each.column for each in found.conditions],
            "rows": int(found.rows.sum()),
            "metric": loss,
            "value": inside[loss].value,
            "rest": outside[loss].value,
            "difference": inside[loss].value - outside[loss].value,
            "p_value": found.p_value,
            "significant": found.significant,
            "served": served[loss].value if served else None,
            "familiar": {"metric": familiar, "value": inside[familiar].value, "rest": outside[familiar].value},
        }

    def _confusion(self) -> dict[str, Any] | None:
        classes = self._predictions.classes
        if not 2 <= len(classes) <= curves.MOST_CLASSES:
            return None
        return {
            "labels": [str(value) for value in classes],
            "new": curves.confusion(self.new, len(classes)),
            "served": curves.confusion(self.served, len(classes)) if self.served else None,
        }


def compare(new: Measured, served: Measured) -> dict[str, Any]:
    """How a model differs from the one in service, metric by metric.

    Args:
      new: its metrics.
      served: those of the model in service on the same rows.

    Returns:
      By metric that both have: `new`, `served`, `difference` with `low`, `high` and `method`, and whether the new one
      is `better`: None where the difference may be chance.
    """
    found = {}
    for name in (name for name in new if name in served):
        gap = estimates.difference(new[name], served[name])
        found[name] = {
            "new": new[name].value,
            "served": served[name].value,
            "difference": gap.value,
            "low": gap.low,
            "high": gap.high,
            "method": gap.method,
            "better": _better(worsening(name, new[name], served[name])),
        }
    return found


def worsening(metric: str, new: Estimate, served: Estimate, confidence: float = CONFIDENCE) -> Interval:
    """By how much a model is worse than the one in service; `calibration` counts by its distance from 1.

    Args:
      metric: its name.
      new: of the new model.
      served: of the model in service, on the same rows.
      confidence: of the interval.
    """
    if metric == "calibration":
        return estimates.difference(_distance(new), _distance(served), confidence)
    gap = estimates.difference(new, served, confidence)
    return gap if metric in LOWER_IS_BETTER else Interval(-gap.value, -gap.high, -gap.low, gap.method)


def _distance(calibration: Estimate) -> Estimate:
    side = math.copysign(1, calibration.value - 1)
    return replace(calibration, value=abs(calibration.value - 1), influence=side * calibration.influence)


def _better(worse: Interval) -> bool | None:
    if worse.high < 0:
        return True
    return False if worse.low > 0 else None


def _intervals(found: Measured) -> dict[str, Any]:
    return {name: asdict(estimates.interval(estimate)) for name, estimate in found.items()}


def _plain(value: Any) -> Any:
    """`value` as JSON takes it: numbers of six digits, None for NaN and the infinities."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
